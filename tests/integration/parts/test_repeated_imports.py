"""An import of parts that was done before, wholly or in part: it reads only what the library lacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from indexer.errors import EncoderMismatchError, TransferError
from indexer.storage import open_place
from retrieval import Library, embed_parts
from tests.support.color_photos import paint
from tests.support.contents import Place, contents
from tests.support.encoders import FakeEncoder

COUNT = 300
"""Photos: two parts of 128 and one of 44."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a place with three parts."""
    for number in range(COUNT):
        paint(tmp_path / "album" / f"{number:04}.png", (number % 250, 40 + number // 2, 90))
    (tmp_path / "album" / "0000-broken.png").write_bytes(b"no picture")
    embed_parts(tmp_path / "album", tmp_path / "parts", encoder=FakeEncoder(), workers=1)
    return tmp_path / "parts"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the files of vectors that are read from now on, by part."""
    read: list[str] = []
    open_file = pq.ParquetFile

    def reading(file: Path, **options: object) -> object:
        if Path(file).name == "units.parquet":
            read.append(Path(file).parent.name)
        return open_file(file, **options)

    monkeypatch.setattr(pq, "ParquetFile", reading)
    return read


def test_parts_that_are_wholly_there_are_passed_over(library: Library, place: Path, reads: list[str]) -> None:
    first = library.import_(place)
    assert (first.added, first.failed, set(reads)) == (COUNT, 1, {f"part-{number:06}" for number in range(3)})
    before = contents(library)
    reads.clear()
    again = library.import_(place)
    assert (again.added, again.existing, again.sources) == (0, COUNT + 1, first.sources)
    assert reads == []
    assert contents(library) == before


def test_a_part_that_lacks_one_item_is_read(library: Library, place: Path, reads: list[str]) -> None:
    library.import_(place)
    before = contents(library)
    library.forget(os.fsdecode(before[200][0]))
    reads.clear()
    report = library.import_(place)
    assert (report.added, report.existing, set(reads)) == (1, COUNT, {"part-000001"})
    assert contents(library) == before


def test_replacing_reads_every_part(library: Library, place: Path, reads: list[str]) -> None:
    library.import_(place)
    reads.clear()
    assert library.import_(place, replace=True).replaced == COUNT
    assert len(set(reads)) == 3


def test_what_is_passed_over_is_checked(library: Library, place: Path, other_place: Callable[[str], Place]) -> None:
    library.import_(place)
    with pytest.raises(TransferError, match="this export has nothing at '/elsewhere'"):
        library.import_(place, roots={"/elsewhere": "/here"})
    items = place / "part-000001" / "items.parquet"
    items.write_bytes(items.read_bytes()[:-10])
    with pytest.raises(TransferError, match=r"part-000001/items\.parquet has changed since the export"):
        library.import_(place)
    shutil.rmtree(items.parent)
    with Library.open(other_place("other"), encoder=FakeEncoder(fingerprint="ab" * 20)) as other:
        other.sync(place.parent / "album")
        with pytest.raises(EncoderMismatchError, match="import them into another library"):
            other.import_(place)


@pytest.mark.cluster
def test_from_an_object_store_only_the_list_of_paths_is_fetched(place: Path, bucket: str, tmp_path: Path) -> None:
    store, local = open_place(f"{bucket}/parts"), open_place(place)
    for entry in local.walk():
        store.write(entry.name, local.read(entry.name))
    with Library.open(tmp_path / "test.recall", encoder=FakeEncoder()) as library:
        assert library.import_(f"{bucket}/parts").added == COUNT
        for number in range(3):
            store.delete(f"part-{number:06}/units.parquet")
        assert library.import_(f"{bucket}/parts").existing == COUNT + 1
        store.delete("part-000002/items.parquet")
        with pytest.raises(TransferError, match=r"s3://.*part-000002/items\.parquet cannot be read"):
            library.import_(f"{bucket}/parts")
