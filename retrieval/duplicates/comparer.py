"""Compares the photos of a library: small, and where that is not enough, at a larger size."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.images.formats import PictureFormat
from retrieval.duplicates.details import FULL_SIDE, Details, is_enlarged
from retrieval.duplicates.documents import READABLE_SIDE, is_document, is_same_text, may_be_same_text
from retrieval.duplicates.groups import WHOLE, is_bordered
from retrieval.duplicates.pixel_compare import PixelComparison, Sketch, Verdict, compare_sketches
from retrieval.duplicates.sketches import Sketches

_LOSSLESS = frozenset((PictureFormat.PNG, PictureFormat.TIFF, PictureFormat.BMP))
"""Formats that keep every pixel."""

_EQUAL_SIZE = 1.02
"""Ratio of the pixels per side up to which two pictures have the same size."""

_MIN_ENLARGEMENT = 1.5
"""Ratio of the pixels per side from which an enlarged picture can be told from an original; see `is_enlarged`."""

_EQUAL_PIXELS = 0.5
"""Mean difference in grey levels up to which two pictures have equal pixels: decoders round differently."""


@dataclass(slots=True)
class Comparer:
    """Comparisons of photos.

    Attributes:
        sketches: Decoded photos.
        details: The same at a larger size.
        original: For each copy of an identical file, the first such file; by item id.
    """

    sketches: Sketches
    details: Details
    original: dict[int, int] = field(default_factory=dict)

    def is_identical(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether two files were identical when they were indexed."""
        a, b = one.item_id, other.item_id
        return self.original.get(a, a) == self.original.get(b, b)

    def compare(self, one: PhotoFile, other: PhotoFile) -> PixelComparison | None:
        """Return the comparison of two photos by their sketches; None if one cannot be read."""
        a, b = self._sketch(one), self._sketch(other)
        return compare_sketches(a, b) if a and b else None

    def is_same(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether two photos show the same picture, and the same text if they may be documents."""
        comparison = self.compare(one, other)
        if comparison is None or comparison.verdict is not Verdict.SAME:
            return False
        return not self._are_documents(one, other) or self._is_same_text(one, other, comparison)

    def belongs(self, best: PhotoFile, other: PhotoFile) -> bool:
        """Return whether a photo of a group may be replaced by the best one.

        Photos may differ from the best if they are like another one of the group. Documents may not: of two forms with
        the same letterhead, each contains it, and neither contains the other.
        """
        if self.is_identical(best, other) or not self._are_documents(best, other):
            return True
        return self.is_same(best, other) or self.is_same(other, best)

    def adds_nothing(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether one photo has nothing that the other lacks, although it has as many pixels or more.

        It may be the other with a plain border; or, with no more metadata than the other, enlarged or a lossless copy.
        """
        sketch = self._sketch(one)
        if sketch is None or self.is_identical(one, other):
            return False
        may_have_border = sketch.content_share <= WHOLE and not is_document(sketch.plain_share)  # a page has margins
        may_be_copy = one.metadata_count <= other.metadata_count
        comparison = self.compare(one, other) if may_have_border or may_be_copy else None
        if comparison is None or comparison.verdict is not Verdict.SAME:
            return False
        if may_have_border and is_bordered(comparison, sketch.content_share):
            return True
        return may_be_copy and comparison.shares[0] >= WHOLE and self._is_copy(one, other, comparison)

    def _is_copy(self, one: PhotoFile, other: PhotoFile, comparison: PixelComparison) -> bool:
        """Return whether a photo was enlarged from another or is its lossless copy, or may be and has less metadata."""
        ratio = _size_ratio(one, other, comparison)
        visible = ratio * min(1.0, FULL_SIDE / max(one.width, one.height))
        if visible >= _MIN_ENLARGEMENT:
            grey = self.details.grey(one, FULL_SIDE)
            return grey is not None and is_enlarged(grey, visible)
        has_less = one.metadata_count < other.metadata_count
        return has_less or (ratio < _EQUAL_SIZE and self._is_converted(one, other))

    def _is_converted(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether the first photo was made from the other, one of them being lossless and the other lossy.

        With equal pixels the lossless one is the copy, since nothing was lost; otherwise it is the original.
        """
        is_lossless = one.format in _LOSSLESS
        if is_lossless == (other.format in _LOSSLESS) or (one.width, one.height) != (other.width, other.height):
            return False
        a, b = self.details.grey(one, FULL_SIDE), self.details.grey(other, FULL_SIDE)
        if a is None or b is None or a.shape != b.shape:
            return False
        return is_lossless == (float(np.abs(a.astype(np.int16) - b).mean()) <= _EQUAL_PIXELS)

    def _are_documents(self, one: PhotoFile, other: PhotoFile) -> bool:
        """Return whether one of two photos may be a document."""
        return any(sketch is not None and is_document(sketch.plain_share) for sketch in map(self._sketch, (one, other)))

    def _is_same_text(self, one: PhotoFile, other: PhotoFile, comparison: PixelComparison) -> bool:
        """Return whether two documents with the same form hold the same text."""
        sketch, other_sketch, placement = self._sketch(one), self._sketch(other), comparison.placement
        if sketch is None or other_sketch is None or placement is None:
            return False
        if not may_be_same_text(sketch.grey, other_sketch.grey, comparison.orientation, placement):
            return False  # without decoding them again
        a, b = self.details.grey(one, READABLE_SIDE), self.details.grey(other, READABLE_SIDE)
        return a is not None and b is not None and is_same_text(a, b, comparison.orientation, placement)

    def _sketch(self, file: PhotoFile) -> Sketch | None:
        """Return the sketch of a photo; None if it cannot be read."""
        self.sketches.load([file])
        return self.sketches.get(file.item_id)


def _size_ratio(one: PhotoFile, other: PhotoFile, comparison: PixelComparison) -> float:
    """Return how many times more pixels per side the first photo has in the common part."""
    pixels, other_pixels = one.width * one.height, other.width * other.height
    return float((pixels * comparison.shares[0] / max(other_pixels * comparison.shares[1], 1e-9)) ** 0.5)
