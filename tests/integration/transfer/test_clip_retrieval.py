"""clip-retrieval's layout, in both directions; files are written here as its writer.py writes them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from indexer.errors import EncoderMismatchError, TransferError
from indexer.maintenance.check import ProblemKind
from indexer.transfer.clip_retrieval import writer
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.contents import count, rows
from tests.support.encoders import FakeEncoder
from tests.support.records import everything, vector

Bring = Callable[..., tuple[Path, Any]]

RED, LIME, BLUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def write_part(
    folder: Path,
    paths: Sequence[object],
    images: Sequence[Sequence[float]],
    *,
    number: str = "0",
    captions: Sequence[str | None] | None = None,
    texts: Sequence[Sequence[float]] | None = None,
    kind: str = "float16",
) -> Path:
    """Write one part: np.save of the vectors, and pandas' Parquet of the rest with whatever img2dataset adds."""
    for name in ("img_emb", "text_emb", "metadata"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    np.save(folder / "img_emb" / f"img_emb_{number}.npy", np.array(images, kind))
    columns: dict[str, object] = {"image_path": list(paths)}
    if texts is not None:
        np.save(folder / "text_emb" / f"text_emb_{number}.npy", np.array(texts, kind))
    if captions is not None:
        columns["caption"] = list(captions)
    frame = pd.DataFrame(columns).assign(NSFW="UNLIKELY", similarity=0.3, width=640)
    frame.to_parquet(folder / "metadata" / f"metadata_{number}.parquet")
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Return two parts of three photos with captions, on another machine."""
    folder = tmp_path / "clip"
    write_part(
        folder, ["/d/a/red.jpg", "/d/b.jpg"], [RED, LIME], number="00", captions=["red", "lime"], texts=[RED, LIME]
    )
    return write_part(folder, ["/d/a/c.jpg"], [BLUE], number="01", captions=["a blue sea"], texts=[BLUE])


def test_photos_and_captions_become_items_with_units(clip: Path, bring: Bring, colours: FakeEncoder) -> None:
    new, report = bring(clip, encoder=colours)
    assert (report.added, report.normalized, report.sources) == (3, 0, ["/d"])
    found = rows(
        new,
        "SELECT path, position, units.kind, units.text, vector FROM items JOIN units ON item_id = items.id "
        "JOIN embeddings ON unit_id = units.id ORDER BY path, position",
    )
    assert found == [
        (b"/d/a/c.jpg", 0, "photo", None, vector(*BLUE)),
        (b"/d/a/c.jpg", 1, "text", "a blue sea", vector(*BLUE)),
        (b"/d/a/red.jpg", 0, "photo", None, vector(*RED)),
        (b"/d/a/red.jpg", 1, "text", "red", vector(*RED)),
        (b"/d/b.jpg", 0, "photo", None, vector(*LIME)),
        (b"/d/b.jpg", 1, "text", "lime", vector(*LIME)),
    ]


def test_photos_that_are_not_here_are_found_and_reported_missing(
    clip: Path, bring: Bring, colours: FakeEncoder
) -> None:
    new, _ = bring(clip, encoder=colours)
    with Library.open(new, encoder=colours) as library:
        assert library.search("lime", k=1)[0].path == Path("/d/b.jpg")
        problems = library.check()
    assert {(problem.kind, problem.subject.split(" ")[0]) for problem in problems} == {
        (ProblemKind.MISSING, path) for path in ("/d/a/c.jpg", "/d/a/red.jpg", "/d/b.jpg")
    }


def test_a_sync_of_the_photos_encodes_them_anew(
    tmp_path: Path, folder: Path, bring: Bring, colours: FakeEncoder
) -> None:
    paint(folder / "a.png", "red")
    clip = write_part(tmp_path / "clip", ["a.png"], [BLUE])
    new, report = bring(clip, encoder=colours, roots={"": str(folder)})
    assert report.sources == [str(folder)]
    with Library.open(new, encoder=colours) as library:
        assert (library.sync().changed, colours.pictures) == (1, [1])
        assert library.search("red", k=1)[0].score == pytest.approx(1)


def test_parts_that_lie_side_by_side_are_found_too(tmp_path: Path, bring: Bring, colours: FakeEncoder) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    for file in list(clip.rglob("*_0.*")):
        file.rename(clip / file.name)
    assert bring(clip, encoder=colours)[1].added == 1


def test_captions_without_embeddings_are_words_of_their_photo(
    tmp_path: Path, bring: Bring, colours: FakeEncoder
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg", "/d/b.jpg"], [RED, RED], captions=["a red wall", None])
    new, _ = bring(clip, encoder=colours)
    assert rows(new, "SELECT kind, text FROM units ORDER BY id") == [("photo", "a red wall"), ("photo", None)]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_vectors_of_another_length_are_scaled_and_counted(
    kind: str, tmp_path: Path, bring: Bring, colours: FakeEncoder
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg", "/d/b.jpg"], [[3, 4, 0], [0.6, 0.8, 0]], kind=kind)
    new, report = bring(clip, encoder=colours)
    assert (report.added, report.normalized) == (2, 1)
    assert rows(new, "SELECT DISTINCT vector FROM embeddings") == [(vector(0.6, 0.8, 0),)]


def test_a_row_that_is_no_vector_is_a_failure_with_its_name(tmp_path: Path, bring: Bring, colours: FakeEncoder) -> None:
    nan, zero, infinite = [float("nan"), 0.0, 1.0], [0.0, 0.0, 0.0], [float("inf"), 0.0, 0.0]
    paths = ["/d/a.jpg", "/d/b.jpg", "/d/c.jpg", "/d/d.jpg"]
    captions, texts = ["red", "x", "y", "z"], [RED, RED, zero, infinite]
    clip = write_part(tmp_path / "clip", paths, [RED, nan, RED, RED], captions=captions, texts=texts)
    new, report = bring(clip, encoder=colours)
    assert (report.added, report.failed) == (1, 3)
    with Library.open(new, encoder=colours) as library:
        assert [(failure.path, failure.message) for failure in library.failures()] == [
            ("/d/b.jpg", "row 1 of the img_emb file of metadata_0.parquet is zero or not finite"),
            ("/d/c.jpg", "row 2 of the text_emb file of metadata_0.parquet is zero or not finite"),
            ("/d/d.jpg", "row 3 of the text_emb file of metadata_0.parquet is zero or not finite"),
        ]


def test_vectors_of_an_unknown_encoder_are_refused_unless_it_is_named(clip: Path, bring: Bring, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="does not say which encoder made its vectors; name it, for instance"):
        bring(clip)
    assert count(tmp_path / "new.recall", "items") == 0


def test_the_encoder_that_is_named_must_give_such_vectors(clip: Path, bring: Bring) -> None:
    with pytest.raises(TransferError, match=r"have 3 dimensions, but the encoder gives 384"):
        bring(clip, encoder="compact")


def test_a_library_of_another_encoder_refuses_them(
    clip: Path, bring: Bring, colours: FakeEncoder, folder: Path
) -> None:
    paint(folder / "a.png", "red")
    other = FakeEncoder(name="fake/colours", fingerprint="d1" * 20)
    with Library.open(folder.parent / "new.recall", encoder=other) as library:
        library.sync(folder)
    with pytest.raises(EncoderMismatchError, match=r"fingerprint d1d1d1d1\) but the vectors to import are of"):
        bring(clip, encoder=colours)


def test_paths_are_mapped_and_their_new_folder_is_the_source(clip: Path, bring: Bring, colours: FakeEncoder) -> None:
    new, report = bring(clip, encoder=colours, roots={"/d/a": "/mnt/photos"})
    assert report.sources == ["/mnt/photos", "/d"]
    assert [path for (path,) in rows(new, "SELECT path FROM items ORDER BY path")] == [
        b"/d/b.jpg",
        b"/mnt/photos/c.jpg",
        b"/mnt/photos/red.jpg",
    ]


def test_the_top_of_the_disk_is_never_a_source(tmp_path: Path, bring: Bring, colours: FakeEncoder) -> None:
    paths = ["/a/x/1.jpg", "/a/y/2.jpg", "/b/z/3.jpg", "/4.jpg"]
    _, report = bring(write_part(tmp_path / "clip", paths, [RED] * 4), encoder=colours)
    assert report.sources == ["/a", "/b/z", "/4.jpg"]


@pytest.mark.parametrize(
    ("paths", "said"),
    [
        (["x.jpg"], "path 'x.jpg' is relative; name the folder that it starts from: --root FOLDER"),
        (["/d/../etc/passwd"], r"leaves its folder with '\.\.'; it was not imported"),
        (["../x.jpg"], r"leaves its folder with '\.\.'; it was not imported"),
        (["/d/a\0b.jpg"], r"row 0 of .*metadata_0.parquet: '/d/a\\x00b.jpg' contains a NUL; expected a path"),
        ([""], "row 0 of .*metadata_0.parquet has no image_path"),
        ([None], "row 0 of .*metadata_0.parquet has no image_path"),
        ([7], "column 'image_path' of .* is int64; expected text"),
    ],
)
def test_paths_that_cannot_be_are_refused_before_anything_is_written(
    paths: list[object], said: str, tmp_path: Path, bring: Bring, colours: FakeEncoder
) -> None:
    with pytest.raises(TransferError, match=said):
        bring(write_part(tmp_path / "clip", paths, [RED]), encoder=colours)
    assert count(tmp_path / "new.recall", "items") == 0


def npy(header: str, body: bytes = b"") -> bytes:
    """Return the bytes of an .npy file with a header of our own."""
    raw = header.encode().ljust(118 - 10) + b"\n"
    return b"\x93NUMPY\1\0" + len(raw).to_bytes(2, "little") + raw + body


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not a readable array"),
        (b"cos\nsystem\n(S'touch hacked'\ntR.", "is not a readable array"),  # a pickle that runs a command
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 3)}"), "is not a readable array"),  # cut short
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (10**15, 3)}"), "is not a readable array"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1000000000000000, 3)}"), "is not a readable array"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 3)}", bytes(24)), "is not a readable array"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 3)}", bytes(24)), "does not hold rows of"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (3,)}", bytes(6)), "does not hold rows of"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 4)}", bytes(8)), "have 4 dimensions"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3)}", bytes(12)), r"have \[1, 2\] rows"),
    ],
)
def test_arrays_that_cannot_be_are_refused_by_name(
    content: bytes, said: str, tmp_path: Path, bring: Bring, colours: FakeEncoder
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    (clip / "img_emb" / "img_emb_0.npy").write_bytes(content)
    with pytest.raises(TransferError, match=said):
        bring(clip, encoder=colours)
    assert count(tmp_path / "new.recall", "items") == 0


def test_a_npz_archive_is_no_array(tmp_path: Path, bring: Bring, colours: FakeEncoder) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    with (clip / "img_emb" / "img_emb_0.npy").open("wb") as file:
        np.savez(file, a=np.zeros((1, 3), "float16"))
    with pytest.raises(TransferError, match="does not hold rows of float16"):
        bring(clip, encoder=colours)


def test_a_part_that_lacks_a_file_is_refused(clip: Path, bring: Bring, colours: FakeEncoder) -> None:
    (clip / "metadata" / "metadata_01.parquet").unlink()
    with pytest.raises(TransferError, match="2 parts of img_emb, 2 of text_emb and 1 of metadata"):
        bring(clip, encoder=colours)


def test_metadata_that_are_cut_short_are_refused(clip: Path, bring: Bring, colours: FakeEncoder) -> None:
    file = clip / "metadata" / "metadata_01.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(TransferError, match=r"metadata_01.parquet cannot be read as Parquet"):
        bring(clip, encoder=colours)


def test_an_export_in_this_layout_is_read_as_clip_retrieval_reads_it(filled: Library, tmp_path: Path) -> None:
    report = filled.export(tmp_path / "clip", format="clip-retrieval")
    assert (report.items, report.vectors, report.skipped) == (3, 3, 1)  # the broken one is left out
    vectors = np.load(tmp_path / "clip" / "img_emb" / "img_emb_0.npy")
    metadata = pd.read_parquet(tmp_path / "clip" / "metadata" / "metadata_0.parquet")
    assert vectors.dtype == np.float16
    assert [Path(path).name for path in metadata["image_path"]] == ["blue.png", "lime.png", "red.png"]
    assert vectors.tolist() == [BLUE, LIME, RED]
    assert metadata["caption"].fillna("none").tolist() == ["none", "none", "a red wall"]
    assert metadata["width"].tolist() == [16, 16, 16]
    assert not (tmp_path / "clip" / "text_emb").exists()  # no caption has an embedding


def test_captions_with_embeddings_survive_out_and_in(
    clip: Path, bring: Bring, colours: FakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, _ = bring(clip, encoder=colours)
    monkeypatch.setattr(writer, "PART", 2)
    with Library.open(new) as library:
        report = library.export(tmp_path / "again", format="clip-retrieval")
    assert (report.items, report.vectors, report.skipped) == (3, 6, 0)
    assert sorted(file.name for file in (tmp_path / "again").rglob("*.*")) == [
        "img_emb_0.npy",
        "img_emb_1.npy",
        "metadata_0.parquet",
        "metadata_1.parquet",
        "text_emb_0.npy",
        "text_emb_1.npy",
    ]
    again, _ = bring(tmp_path / "again", name="again.recall", encoder=colours)
    for table in ("units", "embeddings"):
        assert everything(again)[table] == everything(new)[table]


def test_what_this_layout_has_no_place_for_is_left_out_and_said(
    filled: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows(filled.path, "UPDATE items SET path = ? WHERE name = 'blue.png'", os.fsencode("/d/") + b"\xff.png")
    rows(filled.path, "UPDATE units SET kind = 'text' WHERE text IS NOT NULL")
    assert filled.export(tmp_path / "clip", format="clip-retrieval").skipped == 3
    assert "items left out: 3 (documents, failures, paths that are not UTF-8)" in caplog.text


def test_a_library_without_photos_has_nothing_for_this_layout(library: Library, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="has no embeddings; run: recall index FOLDER"):
        library.export(tmp_path / "clip", format="clip-retrieval")
