"""Finds the photos of a library that show the same picture: candidates by embedding, proof by pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import duplicates
from indexer.catalog.statements.duplicates import PhotoFile
from indexer.config import Settings
from indexer.images import Limits
from indexer.images.formats import PictureFormat
from indexer.images.workers import DecodePool
from indexer.object_path import file_path
from indexer.store import Store
from indexer.types import Preprocess, Progress, ProgressCallback
from retrieval.duplicates.candidates import Pairs, near_pairs, order_by_neighbourhood, unique_pairs
from retrieval.duplicates.comparer import Comparer
from retrieval.duplicates.details import Details
from retrieval.duplicates.files_on_disk import FilesOnDisk
from retrieval.duplicates.groups import DisjointSets, DuplicateGroup, Duplicates, best_first, describe_difference
from retrieval.duplicates.sketches import MAX_SKETCHES, PREPROCESS, Sketches

MIN_COSINE = 0.55
"""Photos are compared if the cosine of their embeddings exceeds this."""

_MAX_PARTNERS = 20
"""Number of photos that each photo is compared with, at most: its nearest, and as many taken in the same second."""


def find_duplicates(
    store: Store, settings: Settings, *, where: Filter | None, progress: ProgressCallback | None = None
) -> Duplicates:
    """Return the photos that show the same picture, in groups. Nothing is changed.

    Args:
        store: The library.
        settings: Limits, workers and time limit of the decoder.
        where: Filter for the photos that are compared.
        progress: Called with the progress.
    """
    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    workers = settings.decoders

    def open_pool(preprocess: Preprocess) -> DecodePool:
        return DecodePool(preprocess=preprocess, limits=limits, workers=workers, timeout=settings.timeout)

    def source(file: PhotoFile) -> Path | bytes | None:
        return store.item_pictures.source(file.item_id) if file.is_added else file_path(file.path)

    with open_pool(PREPROCESS) as pool, Details(open_pool, source) as details:
        run = _Run(store, where, Comparer(Sketches(pool, source), details), progress or (lambda _: None))
        run.join_identical_files()
        run.join_same_pictures(run.candidates())
        groups = sorted(run.groups(), key=lambda group: (group.best.path, group.best.id or ""))
    failures = sorted((file_path(path), reason) for path, reason in run.comparer.sketches.failures.values())
    return Duplicates(tuple(groups), tuple(failures))


@dataclass(slots=True)
class _Run:
    """The state of one search for duplicates; photos are given by their item ids.

    Attributes:
        store: The library.
        where: Filter for the photos.
        comparer: Compares photos. Of identical files only the first is compared.
        report: Called with the progress.
        sets: Groups of photos that show the same picture.
    """

    store: Store
    where: Filter | None
    comparer: Comparer
    report: ProgressCallback
    sets: DisjointSets = field(default_factory=DisjointSets)

    def join_identical_files(self) -> None:
        """Join photos whose files are identical. No file is read."""
        with self.store.reading() as connection:
            for first, *copies in duplicates.identical_files(connection, self.where):
                for copy in copies:
                    self.sets.join(first, copy)
                    self.comparer.original[copy] = first

    def candidates(self) -> Pairs:
        """Return the pairs of photos to compare, pairs with common photos close together, shape (p, 2)."""
        encoder = self.store.encoder
        if encoder is None:
            return np.empty((0, 2), dtype=np.int64)
        with self.store.locked_index() as index:
            with self.store.reading() as connection:
                items, embeddings = duplicates.photo_embeddings(connection, encoder.id, self.where)
                simultaneous = list(_pairs(duplicates.simultaneous_photos(connection, self.where)))
            is_candidate = index.contains(embeddings)
            is_candidate &= ~np.isin(items, np.fromiter(self.comparer.original, dtype=np.int64))
            items, embeddings = items[is_candidate], embeddings[is_candidate]
            near = near_pairs(
                embeddings, index.vectors, min_cosine=MIN_COSINE, max_partners=_MAX_PARTNERS, progress=self.report
            )
        by_time = np.array(simultaneous, dtype=np.int64).reshape(len(simultaneous), 2)
        by_time = by_time[np.isin(by_time, items).all(axis=1)]
        pairs = unique_pairs(np.concatenate([near, np.searchsorted(items, by_time)]))
        return items[order_by_neighbourhood(pairs, len(items))]

    def join_same_pictures(self, pairs: Pairs) -> None:
        """Join the pairs of photos that show the same picture."""
        step = MAX_SKETCHES // 2  # each pair needs two sketches
        for start in range(0, len(pairs), step):
            self.report(Progress("comparing", start, len(pairs)))
            part = pairs[start : start + step]
            files = self._files(np.unique(part).tolist())
            self.comparer.sketches.load(files.values())
            for number, (one, other) in enumerate(part.tolist(), start=start + 1):
                if self.sets.root(one) != self.sets.root(other) and self._is_same(files.get(one), files.get(other)):
                    self.sets.join(one, other)
                self.report(Progress("comparing", number, len(pairs)))

    def _is_same(self, one: PhotoFile | None, other: PhotoFile | None) -> bool:
        """Return whether two photos, None for one that left the library, show the same picture in the same form.

        A RAW file and a picture developed from it are not the same: each has what the other lacks.
        """
        if one is None or other is None or (one.format == PictureFormat.RAW) != (other.format == PictureFormat.RAW):
            return False
        return self.comparer.is_same(one, other)

    def _files(self, items: Sequence[int]) -> dict[int, PhotoFile]:
        """Return the files of photos by item id."""
        with self.store.reading() as connection:
            return duplicates.photo_files(connection, items)

    def groups(self) -> Iterator[DuplicateGroup]:
        """Yield the groups of at least two files that have not changed since they were indexed."""
        groups = self.sets.groups()
        for number, members in enumerate(groups, start=1):
            self.report(Progress("choosing the best", number, len(groups)))
            on_disk = FilesOnDisk(self.comparer.sketches.failures)
            ranked = self._rank(on_disk.select(self._files(members).values()), on_disk)
            while len(ranked) > 1:
                best, *rest = ranked
                others = [file for file in rest if self.comparer.belongs(best, file)]
                files = (file for file in others if not on_disk.is_link(file))
                if photos := tuple(on_disk.to_photo(file, self._difference(best, file)) for file in files):
                    yield DuplicateGroup(on_disk.to_photo(best, "best"), photos)
                ranked = self._rank([file for file in rest if file not in others], on_disk)

    def _rank(self, files: Iterable[PhotoFile], on_disk: FilesOnDisk) -> list[PhotoFile]:
        """Return files, best first; those that have nothing which another lacks come last.

        Added items follow the files: whoever deletes all files but the best must not be left with a stored preview.
        """
        ordered = best_first(files, on_disk.names)
        return [
            file
            for is_added in (False, True)
            for file in self._inferior_last([file for file in ordered if file.is_added == is_added])
        ]

    def _inferior_last(self, ranked: list[PhotoFile]) -> list[PhotoFile]:
        inferior = []
        while any(self.comparer.adds_nothing(ranked[0], file) for file in ranked[1:]):
            inferior.append(ranked.pop(0))
        return ranked + inferior

    def _difference(self, best: PhotoFile, other: PhotoFile) -> str:
        """Return in words how a photo differs from the best of its group."""
        if self.comparer.is_identical(best, other):
            return "copy"
        return describe_difference(best, other, self.comparer.compare(best, other))


def _pairs(groups: Iterable[list[int]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of photos taken in the same second: a copy keeps the date, however different it looks."""
    for group in groups:
        for position, one in enumerate(group):
            for other in group[position + 1 : position + 1 + _MAX_PARTNERS]:
                yield one, other
