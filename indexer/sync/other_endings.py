"""Files that a walk passes over by the ending of their name: how many of each ending, and which hold pictures."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from indexer.images.formats import sniff

_SAMPLES = 8
"""Files of one ending that are opened, at most, each in another folder. Files with one ending mostly hold the same."""

_MAX_ENDINGS, _MAX_LENGTH = 1000, 16
"""Endings that are counted, at most, and their bytes: some programs write numbers there."""

_MAX_OPENED = 200
"""Files that are opened in one run, at most, however many endings there are."""


@dataclass(slots=True)
class OtherEndings:
    """Counts files by ending, and opens a few of each.

    Attributes:
        counts: Number of files by ending, in lower case with the dot; b"" for names without one.
        pictures: The endings of which at least one opened file holds a picture.
    """

    counts: Counter[bytes] = field(default_factory=Counter)
    pictures: set[bytes] = field(default_factory=set)
    _opened: Counter[bytes] = field(default_factory=Counter)

    def add(self, names: Sequence[bytes], read_start: Callable[[bytes], bytes]) -> None:
        """Count files of one folder, and look into one of each ending.

        Args:
            names: Their names, without a known ending.
            read_start: Returns the first bytes of a file of the folder, b"" if it cannot or must not be read.
        """
        endings = [name[name.rfind(b".") :].lower() if b"." in name else b"" for name in names]
        numbers = Counter(endings)
        for ending, name in dict(zip(endings[::-1], names[::-1], strict=True)).items():
            if ending not in self.counts and (len(ending) > _MAX_LENGTH or len(self.counts) == _MAX_ENDINGS):
                continue
            self.counts[ending] += numbers[ending]
            if ending in self.pictures or self._opened[ending] >= _SAMPLES or self._opened.total() >= _MAX_OPENED:
                continue
            self._opened[ending] += 1
            if sniff(read_start(name)):
                self.pictures.add(ending)

    def passed_over(self) -> dict[str, int]:
        """Return the number of files by ending, for the endings that pictures have, the most frequent first."""
        return {os.fsdecode(name): count for name, count in self.counts.most_common() if name in self.pictures}
