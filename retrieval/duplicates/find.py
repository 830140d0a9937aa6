"""Finds the photos of a library that are one picture: candidates by embedding, proof by pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from retrieval.duplicates.candidates import Pairs, in_walking_order, near_pairs, unique
from retrieval.duplicates.groups import (
    WHOLE,
    DuplicateGroup,
    Duplicates,
    Linked,
    best_first,
    frames,
    how_it_differs,
    shown,
)
from retrieval.duplicates.pixel_compare import PixelComparison, Verdict, compare
from retrieval.duplicates.sketches import AS_COMPARED, HELD, Sketches, what_changed

ABOVE = 0.55
"""Cosine of two embeddings above which their photos are compared."""

MOST = 20
"""Photos that each is compared with, at most: its nearest, and as many again taken in the same second."""


def find_duplicates(
    store: Store, settings: Settings, *, where: Filter | None, progress: ProgressCallback | None = None
) -> Duplicates:
    """Return the photos that are one picture, in groups; nothing is changed.

    Args:
        store: The library.
        settings: Limits, workers and time limit of the decoder.
        where: Which photos are looked at.
        progress: Told how far it has come.
    """
    limits = Limits(max_pixels=settings.max_pixels, max_bytes=settings.max_bytes)
    workers = settings.workers or cpu_count()
    with DecodePool(preprocess=AS_COMPARED, limits=limits, workers=workers, timeout=settings.timeout) as pool:
        run = _Run(store, where, Sketches(pool), progress or (lambda _: None))
        run.link_equal_files()
        run.link_equal_pictures(run.candidates())
        groups = sorted(run.groups(), key=lambda group: group.best.path)
    failures = sorted((Path(path), reason) for path, reason in run.sketches.failures.values())
    return Duplicates(tuple(groups), tuple(failures))


@dataclass(slots=True)
class _Run:
    """The state of one search for duplicates; items are named by their ids."""

    store: Store
    where: Filter | None
    sketches: Sketches
    tell: ProgressCallback
    linked: Linked = field(default_factory=Linked)
    first: dict[int, int] = field(default_factory=dict)  # of files with equal bytes: to the first, which stands for all

    def link_equal_files(self) -> None:
        """Join what has the same bytes; no file is read for it."""
        with self.store.reading() as connection:
            for alike in duplicates.identical_files(connection, self.where):
                for item in alike[1:]:
                    self.linked.join(alike[0], item)
                    self.first[item] = alike[0]

    def candidates(self) -> Pairs:
        """Return the pairs of photos that are to be compared, those of one photo close together, shape (p, 2)."""
        known = self.store.encoder
        if known is None:
            return np.empty((0, 2), dtype=np.int64)
        with self.store.locked_index() as index:
            with self.store.reading() as connection:
                items, embeddings = duplicates.photo_embeddings(connection, known.id, self.where)
                moments = list(self._one_second(duplicates.simultaneous_photos(connection, self.where)))
            usable = np.isin(embeddings, index.ids)
            usable &= ~np.isin(items, np.fromiter(self.first, dtype=np.int64))
            items, embeddings = items[usable], embeddings[usable]
            near = near_pairs(embeddings, index.vectors, above=ABOVE, most=MOST, progress=self.tell)
        together = np.array(moments, dtype=np.int64).reshape(len(moments), 2)
        together = together[np.isin(together, items).all(axis=1)]
        pairs = unique(np.concatenate([near, np.searchsorted(items, together)]))
        return items[in_walking_order(pairs, len(items))]

    @staticmethod
    def _one_second(groups: Iterator[list[int]]) -> Iterator[tuple[int, int]]:
        """Yield pairs of photos taken in one second: a copy keeps the date, however else it may look."""
        for group in groups:
            for place, one in enumerate(group):
                for other in group[place + 1 : place + 1 + MOST]:
                    yield one, other

    def link_equal_pictures(self, pairs: Pairs) -> None:
        """Join the pairs that are one picture."""
        part = HELD // 2  # each pair needs two sketches
        for start in range(0, len(pairs), part):
            self.tell(Progress("comparing", start, len(pairs)))
            wanted = pairs[start : start + part]
            self.sketches.load(self._files(np.unique(wanted).tolist()).values())
            for number, (one, other) in enumerate(wanted.tolist(), start=start + 1):
                if self.linked.of(one) != self.linked.of(other) and self._same(one, other):
                    self.linked.join(one, other)
                self.tell(Progress("comparing", number, len(pairs)))

    def _same(self, one: int, other: int) -> bool:
        a, b = self.sketches.get(one), self.sketches.get(other)
        return a is not None and b is not None and compare(a, b).verdict is Verdict.SAME

    def _files(self, items: Sequence[int]) -> dict[int, PhotoFile]:
        with self.store.reading() as connection:
            return duplicates.photo_files(connection, items)

    def groups(self) -> Iterator[DuplicateGroup]:
        """Yield the groups of two files and more that are still as they were indexed."""
        found = self.linked.groups()
        for number, members in enumerate(found, start=1):
            self.tell(Progress("naming the best", number, len(found)))
            ranked = best_first(file for file in self._files(members).values() if self._is_there(file))
            if len(ranked) > 1:
                best, *others = self._bordered_last(ranked)
                yield DuplicateGroup(shown(best, "best"), tuple(shown(file, self._how(best, file)) for file in others))

    def _bordered_last(self, ranked: list[PhotoFile]) -> list[PhotoFile]:
        """Return files with those at the top that only have a border more than another behind all others."""
        kept, bordered = list(ranked), []
        while any(self._frames(kept[0], file) for file in kept[1:]):
            bordered.append(kept.pop(0))
        return kept + bordered

    def _frames(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether one photo is the other in a plain border."""
        self.sketches.load([one])
        held = self.sketches.get(one.item_id)
        if held is None or held.filled > WHOLE or self._equal_bytes(one, other):
            return False
        found = self._compared(one, other)
        return found is not None and frames(found, held.filled)

    def _equal_bytes(self, one: PhotoFile, other: PhotoFile) -> bool:
        a, b = one.item_id, other.item_id
        return self.first.get(a, a) == self.first.get(b, b)

    def _compared(self, one: PhotoFile, other: PhotoFile) -> PixelComparison | None:
        """Return how two photos compare, None where one cannot be read."""
        self.sketches.load([one, other])
        a, b = self.sketches.get(one.item_id), self.sketches.get(other.item_id)
        return compare(a, b) if a and b else None

    def _is_there(self, file: PhotoFile) -> bool:
        """Return whether a file is the one that was indexed: what is gone must not be named as the one to keep."""
        reason = what_changed(file)
        if reason is not None:
            self.sketches.failures.setdefault(file.item_id, (file.path, reason))
        return reason is None

    def _how(self, best: PhotoFile, other: PhotoFile) -> str:
        """Return what a photo is beside the best of its group."""
        if self._equal_bytes(best, other):
            return "copy"
        return how_it_differs(best, other, self._compared(best, other))
