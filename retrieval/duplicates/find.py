"""Finds the photos of a library that show the same picture: candidates by embedding, proof by pixels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements import duplicates
from indexer.catalog.statements.duplicates import PhotoFile
from indexer.config import Settings, cpu_count
from indexer.images import Limits
from indexer.images.workers import DecodePool
from indexer.store import Store
from indexer.types import Progress, ProgressCallback
from retrieval.duplicates.candidates import Pairs, near_pairs, order_by_neighbourhood, unique_pairs
from retrieval.duplicates.groups import (
    WHOLE,
    DisjointSets,
    DuplicateGroup,
    Duplicates,
    best_first,
    describe_difference,
    is_bordered,
    to_photo,
)
from retrieval.duplicates.pixel_compare import PixelComparison, Verdict, compare_sketches
from retrieval.duplicates.sketches import MAX_SKETCHES, PREPROCESS, Sketches, change_reason

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
    workers = settings.workers or cpu_count()
    with DecodePool(preprocess=PREPROCESS, limits=limits, workers=workers, timeout=settings.timeout) as pool:
        run = _Run(store, where, Sketches(pool), progress or (lambda _: None))
        run.join_identical_files()
        run.join_same_pictures(run.candidates())
        groups = sorted(run.groups(), key=lambda group: group.best.path)
    failures = sorted((Path(path), reason) for path, reason in run.sketches.failures.values())
    return Duplicates(tuple(groups), tuple(failures))


@dataclass(slots=True)
class _Run:
    """The state of one search for duplicates; photos are given by their item ids.

    Attributes:
        store: The library.
        where: Filter for the photos.
        sketches: Decoded photos.
        report: Called with the progress.
        sets: Groups of photos that show the same picture.
        original: For each copy of an identical file, the first such file, which is compared for all of them.
    """

    store: Store
    where: Filter | None
    sketches: Sketches
    report: ProgressCallback
    sets: DisjointSets = field(default_factory=DisjointSets)
    original: dict[int, int] = field(default_factory=dict)

    def join_identical_files(self) -> None:
        """Join photos whose files are identical. No file is read."""
        with self.store.reading() as connection:
            for first, *copies in duplicates.identical_files(connection, self.where):
                for copy in copies:
                    self.sets.join(first, copy)
                    self.original[copy] = first

    def candidates(self) -> Pairs:
        """Return the pairs of photos to compare, pairs with common photos close together, shape (p, 2)."""
        encoder = self.store.encoder
        if encoder is None:
            return np.empty((0, 2), dtype=np.int64)
        with self.store.locked_index() as index:
            with self.store.reading() as connection:
                items, embeddings = duplicates.photo_embeddings(connection, encoder.id, self.where)
                simultaneous = list(_pairs(duplicates.simultaneous_photos(connection, self.where)))
            is_candidate = np.isin(embeddings, index.ids)
            is_candidate &= ~np.isin(items, np.fromiter(self.original, dtype=np.int64))
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
            self.sketches.load(self._files(np.unique(part).tolist()).values())
            for number, (one, other) in enumerate(part.tolist(), start=start + 1):
                if self.sets.root(one) != self.sets.root(other) and self._is_same(one, other):
                    self.sets.join(one, other)
                self.report(Progress("comparing", number, len(pairs)))

    def _is_same(self, one: int, other: int) -> bool:
        """Return whether two photos, whose sketches are loaded, show the same picture."""
        a, b = self.sketches.get(one), self.sketches.get(other)
        return a is not None and b is not None and compare_sketches(a, b).verdict is Verdict.SAME

    def _files(self, items: Sequence[int]) -> dict[int, PhotoFile]:
        """Return the files of photos by item id."""
        with self.store.reading() as connection:
            return duplicates.photo_files(connection, items)

    def groups(self) -> Iterator[DuplicateGroup]:
        """Yield the groups of at least two files that have not changed since they were indexed."""
        groups = self.sets.groups()
        for number, members in enumerate(groups, start=1):
            self.report(Progress("choosing the best", number, len(groups)))
            ranked = best_first(file for file in self._files(members).values() if self._is_unchanged(file))
            if len(ranked) > 1:
                best, *others = self._bordered_last(ranked)
                photos = (to_photo(file, self._difference(best, file)) for file in others)
                yield DuplicateGroup(to_photo(best, "best"), tuple(photos))

    def _bordered_last(self, ranked: list[PhotoFile]) -> list[PhotoFile]:
        """Return files with those at the top that are another file with a plain border moved to the end."""
        ranked, bordered = list(ranked), []
        while any(self._is_bordered(ranked[0], file) for file in ranked[1:]):
            bordered.append(ranked.pop(0))
        return ranked + bordered

    def _is_bordered(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether one photo is the other with a plain border."""
        self.sketches.load([one])
        sketch = self.sketches.get(one.item_id)
        if sketch is None or sketch.content_share > WHOLE or self._is_identical(one, other):
            return False
        comparison = self._compare(one, other)
        return comparison is not None and is_bordered(comparison, sketch.content_share)

    def _is_identical(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether two files were identical when they were indexed."""
        a, b = one.item_id, other.item_id
        return self.original.get(a, a) == self.original.get(b, b)

    def _compare(self, one: PhotoFile, other: PhotoFile) -> PixelComparison | None:
        """Return the comparison of two photos; None if one cannot be read."""
        self.sketches.load([one, other])
        a, b = self.sketches.get(one.item_id), self.sketches.get(other.item_id)
        return compare_sketches(a, b) if a and b else None

    def _is_unchanged(self, file: PhotoFile) -> bool:
        """Return whether a file is the one that was indexed: a missing file must not be named as the best."""
        reason = change_reason(file)
        if reason is not None:
            self.sketches.failures.setdefault(file.item_id, (file.path, reason))
        return reason is None

    def _difference(self, best: PhotoFile, other: PhotoFile) -> str:
        """Return in words how a photo differs from the best of its group."""
        if self._is_identical(best, other):
            return "copy"
        return describe_difference(best, other, self._compare(best, other))


def _pairs(groups: Iterable[list[int]]) -> Iterator[tuple[int, int]]:
    """Yield pairs of photos taken in the same second: a copy keeps the date, however different it looks."""
    for group in groups:
        for position, one in enumerate(group):
            for other in group[position + 1 : position + 1 + _MAX_PARTNERS]:
                yield one, other
