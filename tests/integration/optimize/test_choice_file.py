"""The file of a chosen index: damaged, of other vectors, or written by another process."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete, insert

from indexer.catalog.schema import EMBEDDINGS
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.vectors.base import MutableIndex
from indexer.vectors.index_file import StaleIndexError
from indexer.vectors.ivf_refined import ApproximateIndex
from retrieval import Library
from retrieval.calibration.background import background_vectors
from tests.support.encoders import FakeEncoder
from tests.support.index_choice import COUNT, choice_files, chosen_kind, index_class, index_problems, top_items
from tests.support.large_library import fill_library
from tests.support.vectors import mixed_vectors


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]), id="truncated"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty", marks=pytest.mark.slow),
        pytest.param(lambda file: flip_bit(file, 0.1), id="bit at the beginning", marks=pytest.mark.slow),
        pytest.param(lambda file: flip_bit(file, 0.7), id="bit after the middle", marks=pytest.mark.slow),
        pytest.param(lambda file: flip_bit(file, 0.999), id="bit at the end", marks=pytest.mark.slow),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes().replace(b'"depths"', b'"tested"')),
            id="another version",
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.usefixtures("small_auto_choice")
def test_a_damaged_choice_is_detected_and_made_again(path: Path, photos: Path, damage: Callable[[Path], None]) -> None:
    with Library.open(path) as library:
        exact = top_items(library)
        library.optimize(recall=0.9, memory=3_000_000)
    (file,) = choice_files(path)
    damage(file)
    with Library.open(path) as library:
        assert top_items(library) == exact
        assert chosen_kind(library) is None
        assert len(index_problems(library)) == 1
        report = library.sync(photos / "coffee.png")
        assert report.index_choice is not None
        assert index_problems(library) == []


def test_a_restored_backup_that_reused_ids_is_detected(optimized: Path, compact: Encoder) -> None:
    # a backup lacks the last 200 photos, and 50 others were added to it: they have the ids of some of those
    with Store(optimized, create=False) as store, store.writing("a test"), store.transaction() as connection:
        connection.execute(delete(EMBEDDINGS).where(EMBEDDINGS.c.id > COUNT - 200))
        rows = mixed_vectors(50, background_vectors(compact), seed=9)
        values = [
            {"id": COUNT - 199 + n, "unit_id": COUNT - 199 + n, "encoder_id": 1, "vector": row.astype("<f2").tobytes()}
            for n, row in enumerate(rows)
        ]
        connection.execute(insert(EMBEDDINGS), values)
    with Library.open(optimized) as library:
        assert index_class(library) is not ApproximateIndex


@pytest.mark.skipif(sys.platform != "linux", reason="files are read ahead only on Linux")
def test_an_approximate_index_does_not_read_all_vectors_from_disk(
    base: Path, optimized: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: reads.append(1))
    with Library.open(optimized) as library:
        library.search("a cat")
    assert reads == []  # 77 MB for 100,000 photos, of which one search needs some pages
    with Library.open(base) as library:
        library.search("a cat")
    assert len(reads) == 60  # 7.8 MB of vectors and ids, in parts of 128 kB


def test_the_choice_of_another_library_is_not_used(optimized_base: Path, compact: Encoder, tmp_path: Path) -> None:
    other = tmp_path / "other.recall"
    fill_library(other, compact, mixed_vectors(COUNT, background_vectors(compact), seed=5))
    (file,) = choice_files(optimized_base)
    shutil.copy2(file, other)
    with Library.open(other) as library:
        assert index_class(library) is not ApproximateIndex
        with pytest.raises(StaleIndexError, match="belongs to other vectors"):
            _read_choice(library)


def test_the_choice_for_another_encoder_is_not_used(optimized_base: Path, tmp_path: Path) -> None:
    (file,) = choice_files(optimized_base)
    other = tmp_path / "other.recall"
    fill_library(other, FakeEncoder(dim=384), mixed_vectors(100, np.eye(384, dtype=np.float32)))
    shutil.copy2(file, other / f"index-{'c0' * 8}.lists")
    with Library.open(other, encoder=FakeEncoder(dim=384)) as library:
        assert index_class(library) is not ApproximateIndex


def test_a_library_opened_elsewhere_uses_the_choice_and_later_photos(path: Path, photos: Path) -> None:
    with Library.open(path) as reader, Library.open(path) as writer:
        reader.search("a cat")
        assert index_class(reader) is not ApproximateIndex
        writer.optimize(recall=0.9, memory=3_000_000)
        assert index_class(reader) is ApproximateIndex
        writer.sync(photos / "coffee.png")
        assert index_class(reader) is ApproximateIndex
        index = reader._store.index()
        newest = index.ids[-1:]
        assert newest[0] > COUNT
        assert index.search(index.vectors(newest), 1).ids[0].tolist() == newest.tolist()


def flip_bit(file: Path, place: float) -> None:
    """Change one bit, and with it the modification time of the file."""
    content = bytearray(file.read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    file.write_bytes(content)


def _read_choice(library: Library) -> None:
    from indexer.vectors.autotune.choice_file import read_choice

    store = library._store
    index = store.index()
    assert isinstance(index, MutableIndex)
    read_choice(store.choice_file(store.fingerprint), index, fingerprint=store.fingerprint)
