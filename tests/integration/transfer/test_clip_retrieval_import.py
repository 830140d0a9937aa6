"""Import of clip-retrieval's format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from indexer.errors import EncoderMismatchError, TransferError
from indexer.maintenance.check import ProblemKind
from retrieval import Library
from tests.support.clip_retrieval import BLUE, LIME, RED, write_part
from tests.support.color_photos import paint
from tests.support.contents import Place, count, rows
from tests.support.encoders import FakeEncoder
from tests.support.records import stored_vector

Import = Callable[..., tuple[Place, Any]]
OtherPlace = Callable[[str], Place]


def test_photos_and_captions_become_items_with_units(
    clip: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    new, report = import_into(clip, encoder=same_encoder)
    assert (report.added, report.normalized, report.sources) == (3, 0, ["/d"])
    found = rows(
        new,
        "SELECT path, position, units.kind, units.text, vector FROM items JOIN units ON item_id = items.id "
        "JOIN embeddings ON unit_id = units.id ORDER BY path, position",
    )
    assert found == [
        (b"/d/a/c.jpg", 0, "photo", None, stored_vector(*BLUE)),
        (b"/d/a/c.jpg", 1, "text", "a blue sea", stored_vector(*BLUE)),
        (b"/d/a/red.jpg", 0, "photo", None, stored_vector(*RED)),
        (b"/d/a/red.jpg", 1, "text", "red", stored_vector(*RED)),
        (b"/d/b.jpg", 0, "photo", None, stored_vector(*LIME)),
        (b"/d/b.jpg", 1, "text", "lime", stored_vector(*LIME)),
    ]


def test_photos_that_are_not_here_are_found_and_reported_missing(
    clip: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    new, _ = import_into(clip, encoder=same_encoder)
    with Library.open(new, encoder=same_encoder) as library:
        assert library.search("lime", k=1)[0].path == Path("/d/b.jpg")
        problems = library.check()
    assert {(problem.kind, problem.subject.split(" ")[0]) for problem in problems} == {
        (ProblemKind.MISSING, path) for path in ("/d/a/c.jpg", "/d/a/red.jpg", "/d/b.jpg")
    }


def test_a_sync_of_the_photos_encodes_them_again(
    tmp_path: Path, folder: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    paint(folder / "a.png", "red")
    clip = write_part(tmp_path / "clip", ["a.png"], [BLUE])
    new, report = import_into(clip, encoder=same_encoder, roots={"": str(folder)})
    assert report.sources == [str(folder)]
    with Library.open(new, encoder=same_encoder) as library:
        assert (library.sync().changed, same_encoder.pictures) == (1, [1])
        assert library.search("red", k=1)[0].score == pytest.approx(1)


def test_parts_in_one_folder_are_found(tmp_path: Path, import_into: Import, same_encoder: FakeEncoder) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    for file in list(clip.rglob("*_0.*")):
        file.rename(clip / file.name)
    assert import_into(clip, encoder=same_encoder)[1].added == 1


def test_captions_without_embeddings_become_the_text_of_their_photo(
    tmp_path: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg", "/d/b.jpg"], [RED, RED], captions=["a red wall", None])
    new, _ = import_into(clip, encoder=same_encoder)
    assert rows(new, "SELECT kind, text FROM units ORDER BY id") == [("photo", "a red wall"), ("photo", None)]


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_vectors_that_are_not_unit_length_are_scaled_and_counted(
    kind: str, tmp_path: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg", "/d/b.jpg"], [[3, 4, 0], [0.6, 0.8, 0]], kind=kind)
    new, report = import_into(clip, encoder=same_encoder)
    assert (report.added, report.normalized) == (2, 1)
    assert rows(new, "SELECT DISTINCT vector FROM embeddings") == [(stored_vector(0.6, 0.8, 0),)]


def test_a_row_that_is_zero_or_not_finite_is_recorded_as_a_failure(
    tmp_path: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    nan, zero, infinite = [float("nan"), 0.0, 1.0], [0.0, 0.0, 0.0], [float("inf"), 0.0, 0.0]
    paths = ["/d/a.jpg", "/d/b.jpg", "/d/c.jpg", "/d/d.jpg"]
    captions, texts = ["red", "x", "y", "z"], [RED, RED, zero, infinite]
    clip = write_part(tmp_path / "clip", paths, [RED, nan, RED, RED], captions=captions, texts=texts)
    new, report = import_into(clip, encoder=same_encoder)
    assert (report.added, report.failed) == (1, 3)
    with Library.open(new, encoder=same_encoder) as library:
        assert [(failure.path, failure.message) for failure in library.failures()] == [
            ("/d/b.jpg", "row 1 of the img_emb file of metadata_0.parquet is zero or not finite"),
            ("/d/c.jpg", "row 2 of the text_emb file of metadata_0.parquet is zero or not finite"),
            ("/d/d.jpg", "row 3 of the text_emb file of metadata_0.parquet is zero or not finite"),
        ]


def test_an_import_without_the_name_of_the_encoder_is_refused(
    clip: Path, import_into: Import, other_place: OtherPlace
) -> None:
    with pytest.raises(TransferError, match="does not say which encoder made its vectors; name it, for instance"):
        import_into(clip)
    assert count(other_place("new"), "items") == 0


def test_the_named_encoder_must_have_the_dimensions_of_the_vectors(clip: Path, import_into: Import) -> None:
    with pytest.raises(TransferError, match=r"have 3 dimensions, but the encoder gives 384"):
        import_into(clip, encoder="compact")


def test_a_library_with_another_encoder_refuses_the_vectors(
    clip: Path, import_into: Import, same_encoder: FakeEncoder, folder: Path, other_place: OtherPlace
) -> None:
    paint(folder / "a.png", "red")
    other = FakeEncoder(name="fake/colours", fingerprint="d1" * 20)
    with Library.open(other_place("new"), encoder=other) as library:
        library.sync(folder)
    with pytest.raises(EncoderMismatchError, match=r"fingerprint d1d1d1d1\) but the vectors to import are of"):
        import_into(clip, encoder=same_encoder)


def test_paths_are_translated_and_their_new_folder_becomes_a_source(
    clip: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    new, report = import_into(clip, encoder=same_encoder, roots={"/d/a": "/mnt/photos"})
    assert report.sources == ["/mnt/photos", "/d"]
    assert [path for (path,) in rows(new, "SELECT path FROM items ORDER BY path")] == [
        b"/d/b.jpg",
        b"/mnt/photos/c.jpg",
        b"/mnt/photos/red.jpg",
    ]


def test_the_root_of_the_disk_never_becomes_a_source(
    tmp_path: Path, import_into: Import, same_encoder: FakeEncoder
) -> None:
    paths = ["/a/x/1.jpg", "/a/y/2.jpg", "/b/z/3.jpg", "/4.jpg"]
    _, report = import_into(write_part(tmp_path / "clip", paths, [RED] * 4), encoder=same_encoder)
    assert report.sources == ["/a", "/b/z", "/4.jpg"]


@pytest.mark.parametrize(
    ("paths", "message"),
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
def test_invalid_paths_are_refused_before_anything_is_written(
    paths: list[object],
    message: str,
    tmp_path: Path,
    import_into: Import,
    same_encoder: FakeEncoder,
    other_place: OtherPlace,
) -> None:
    with pytest.raises(TransferError, match=message):
        import_into(write_part(tmp_path / "clip", paths, [RED]), encoder=same_encoder)
    assert count(other_place("new"), "items") == 0


def npy(header: str, body: bytes = b"") -> bytes:
    """Return the bytes of an .npy file with this header."""
    raw = header.encode().ljust(118 - 10) + b"\n"
    return b"\x93NUMPY\1\0" + len(raw).to_bytes(2, "little") + raw + body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a readable array"),
        (b"cos\nsystem\n(S'touch hacked'\ntR.", "is not a readable array"),  # a pickle that runs a command
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 3)}"), "is not a readable array"),  # truncated
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (10**15, 3)}"), "is not a readable array"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1000000000000000, 3)}"), "is not a readable array"),
        (npy("{'descr': '|O', 'fortran_order': False, 'shape': (1, 3)}", bytes(24)), "is not a readable array"),
        (npy("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 3)}", bytes(24)), "does not hold rows of"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (3,)}", bytes(6)), "does not hold rows of"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 4)}", bytes(8)), "have 4 dimensions"),
        (npy("{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3)}", bytes(12)), r"have \[1, 2\] rows"),
    ],
)
def test_invalid_arrays_are_refused(
    content: bytes,
    message: str,
    tmp_path: Path,
    import_into: Import,
    same_encoder: FakeEncoder,
    other_place: OtherPlace,
) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    (clip / "img_emb" / "img_emb_0.npy").write_bytes(content)
    with pytest.raises(TransferError, match=message):
        import_into(clip, encoder=same_encoder)
    assert count(other_place("new"), "items") == 0


def test_an_npz_archive_is_refused(tmp_path: Path, import_into: Import, same_encoder: FakeEncoder) -> None:
    clip = write_part(tmp_path / "clip", ["/d/a.jpg"], [RED])
    with (clip / "img_emb" / "img_emb_0.npy").open("wb") as file:
        np.savez(file, a=np.zeros((1, 3), "float16"))
    with pytest.raises(TransferError, match="does not hold rows of float16"):
        import_into(clip, encoder=same_encoder)


def test_a_part_without_metadata_is_refused(clip: Path, import_into: Import, same_encoder: FakeEncoder) -> None:
    (clip / "metadata" / "metadata_01.parquet").unlink()
    with pytest.raises(TransferError, match="2 parts of img_emb, 2 of text_emb and 1 of metadata"):
        import_into(clip, encoder=same_encoder)


def test_truncated_metadata_are_refused(clip: Path, import_into: Import, same_encoder: FakeEncoder) -> None:
    file = clip / "metadata" / "metadata_01.parquet"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(TransferError, match=r"metadata_01.parquet cannot be read as Parquet"):
        import_into(clip, encoder=same_encoder)
