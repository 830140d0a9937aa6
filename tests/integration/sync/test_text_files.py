"""Text files among photos: found, split into chunks, embedded, and recorded if they cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import NoPhotosError
from retrieval import Library
from retrieval.cli.exit_codes import ExitCode
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

LONG = "The house is red. A lime parrot sits on its roof. Blue is the sky above all of it."


def write(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def units(library: Library) -> list[tuple[str, int, str, str | None]]:
    """Return file name, position, kind and text of every unit."""
    return rows(
        library,
        "SELECT name, position, kind, units.text FROM items JOIN units ON item_id = items.id "
        "ORDER BY items.path, position",
    )


def test_a_text_is_split_into_units_and_found_by_each(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "yellow")
    write(folder / "b.txt", LONG)
    assert library.sync(folder).added == 2
    assert units(library) == [
        ("a.png", 0, "photo", None),
        ("b.txt", 0, "text", "The house is red."),
        ("b.txt", 1, "text", "A lime parrot sits on its roof."),
        ("b.txt", 2, "text", "Blue is the sky above all of it."),
    ]
    best = library.search("lime", k=1)[0]
    assert (best.path.name, best.kind, best.text) == ("b.txt", "text", "A lime parrot sits on its roof.")
    status = library.status()
    assert (status.photos, status.texts, status.failed) == (1, 1, 0)
    assert library.check() == []


def test_a_text_has_the_time_of_its_file_and_no_size_in_pixels(library: Library, folder: Path) -> None:
    os.utime(write(folder / "b.md", LONG), (1_000_000_000, 1_000_000_000))
    library.sync(folder)
    items = rows(library, "SELECT modality, format, taken_from, width, height, taken_at IS NULL FROM items")
    assert items == [("text", "Markdown", "file", None, None, 0)]


def test_a_second_run_encodes_nothing(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    write(folder / "b.txt", LONG)
    library.sync(folder)
    encoded = len(encoder.texts)
    assert library.sync(folder).unchanged == 1
    advance_mtime(folder / "b.txt")
    assert library.sync(folder).unchanged == 1  # another time, the same content
    assert len(encoder.texts) == encoded


def test_the_sidecar_of_a_photo_does_not_belong_to_a_text_of_the_same_name(library: Library, folder: Path) -> None:
    paint(folder / "a.png", "red")
    write(folder / "a.txt", "a lime parrot")
    write(folder / "a.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    assert library.sync(folder).added == 2
    assert library.sync(folder).unchanged == 2
    assert library.sync(folder / "a.txt").unchanged == 1


def test_changes_moves_copies_and_removals_are_noticed(library: Library, folder: Path, encoder: FakeEncoder) -> None:
    write(folder / "a.txt", "a red house")
    write(folder / "b.txt", "a lime parrot")
    library.sync(folder)
    encoder.texts.clear()
    (folder / "a.txt").rename(folder / "z.txt")
    assert library.sync(folder).moved == 1
    write(folder / "copy.txt", "a red house")
    assert library.sync(folder).added == 1
    assert encoder.texts == []
    write(folder / "b.txt", "a blue parrot")
    assert library.sync(folder).changed == 1
    assert encoder.texts == ["a blue parrot"]
    (folder / "z.txt").unlink()
    assert library.sync(folder).removed == 1
    assert [row[3] for row in units(library)] == ["a blue parrot", "a red house"]
    assert [hit.path.name for hit in library.search("parrot") if hit.found] == ["b.txt"]


def test_a_copy_with_the_suffix_of_another_format_is_read_again(library: Library, folder: Path) -> None:
    write(folder / "a.txt", LONG)
    library.sync(folder)
    write(folder / "b.md", LONG)
    write(folder / "c.jpg", LONG)
    report = library.sync(folder)
    assert (report.added, report.failed) == (1, 1)
    assert rows(library, "SELECT format, failure FROM items ORDER BY path") == [
        ("text", None),
        ("Markdown", None),
        (None, "not-a-picture"),
    ]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"\xef\xbb\xbfcaf\xc3\xa9", "café"),
        ("café".encode("utf-16"), "café"),
        ("café".encode("utf-32"), "café"),
        (b"caf\xe9 on the beach", "café on the beach"),  # Windows-1252
        ("東京".encode(), "東京"),
        (b"a\r\nb\rc", "a\nb\nc"),
        (b"page one\x0cpage two", "page one\x0cpage two"),
    ],
)
def test_encodings_are_recognized(library: Library, folder: Path, content: bytes, text: str) -> None:
    write(folder / "a.txt", content)
    library.sync(folder)
    assert units(library) == [("a.txt", 0, "text", text)]


def test_hostile_text_files_are_recorded_and_do_not_stop_a_sync(library: Library, folder: Path) -> None:
    write(folder / "binary.txt", bytes(range(256)) * 20)
    write(folder / "controls.txt", bytes([1, 2, 3, 65] * 100))
    write(folder / "empty.txt", b"")
    write(folder / "blank.txt", b" \n\t\n")
    write(folder / "half.txt", b"\xff\xfea\x00b")  # the byte order mark of UTF-16, but an odd number of bytes
    write(folder / "kanji.txt", "東京の写真".encode("shift-jis"))
    write(folder / "letters.txt", b"x" * 1_000_000)
    write(folder / "nul.txt", b"a red house\0")
    write(folder / "good.txt", "a red house")
    with (folder / "sparse.txt").open("wb") as file:
        file.truncate(1 << 30)
    os.mkfifo(folder / "pipe.txt")
    (folder / "link.txt").symlink_to("nowhere.txt")
    (folder / "folder.txt").mkdir()
    report = library.sync(folder)
    assert (report.added, report.failed) == (2, 10)
    kinds = {Path(failure.path).name: failure.kind for failure in library.failures()}
    assert kinds == {
        "binary.txt": "not-text",
        "controls.txt": "not-text",
        "empty.txt": "empty",
        "blank.txt": "empty",
        "half.txt": "not-text",
        "kanji.txt": "not-text",
        "nul.txt": "not-text",
        "sparse.txt": "too-large",
        "pipe.txt": "unreadable",
        "link.txt": "unreadable",
    }
    assert library.check() == []
    second = library.sync(folder)
    assert (second.added, second.changed, second.failed) == (0, 0, 10)


def test_a_text_with_a_chunk_that_cannot_be_embedded_is_the_only_failure(
    library: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "a.txt", LONG)
    write(folder / "b.txt", "a lime parrot")
    encode_texts = FakeEncoder.encode_texts

    def encode_with_nan(self: FakeEncoder, texts: list[str]) -> object:
        vectors = encode_texts(self, texts)
        vectors[1] = float("nan")  # the second chunk of the first text
        return vectors

    monkeypatch.setattr(FakeEncoder, "encode_texts", encode_with_nan)
    assert (library.sync(folder).added, library.failures()[0].kind) == (1, "encoder")
    assert units(library) == [("b.txt", 0, "text", "a lime parrot")]


def test_a_folder_without_readable_texts_is_an_error(library: Library, folder: Path) -> None:
    write(folder / "a.txt", b"")
    with pytest.raises(
        NoPhotosError, match=r"no file in .* can be read \(1 tried\), for instance a.txt: the file is empty"
    ):
        library.sync(folder)


def test_the_program_indexes_texts_among_real_photos(recall_program: Program, photos: Path) -> None:
    write(photos / "chelsea.txt", "My cat Chelsea, asleep on the sofa. She is ten years old and likes nobody.")
    write(photos / "trip.md", "# Launch\n\nWe saw a rocket leave for space.\n\n# Later\n\nCoffee in a small bar.")
    write(photos / "broken.txt", bytes(range(256)))
    done = recall_program("index", photos)
    assert done.returncode == ExitCode.SOME_FAILED
    assert done.stdout.startswith("23 added, 1 failed in ")
    assert "broken.txt: it contains NUL bytes, so it is binary data, not text" in done.stderr
    assert recall_program("index").stdout.startswith("0 added, 23 unchanged, 1 failed in ")
    status = recall_program("status").stdout
    assert "photos   21\ntexts    2\nfailed   1" in status
    found = recall_program("search", "a rocket launch", "-k", "1", "--type", "texts", "--json").stdout
    assert "trip.md" in found
    assert "We saw a rocket leave for space." in found
