"""Nouns as queries, and what the captions of a photo say that shows one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_FILE = Path(__file__).parent / "nouns.txt"


def noun_queries() -> list[str]:
    """Return the queries, such as "a dog"."""
    return [query for query, _ in _lines()]


def count_mentions(captions: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """Return how many captions of each photo mention each noun, shape (nouns, photos).

    Args:
        captions: The captions of each photo.
    """
    patterns = [re.compile(rf"\b(?:{form})\b") for _, form in _lines()]
    lower = [[caption.lower() for caption in group] for group in captions]
    return np.array(
        [[sum(bool(pattern.search(caption)) for caption in group) for group in lower] for pattern in patterns]
    )


@cache
def _lines() -> list[tuple[str, str]]:
    """Return each query with the regular expression of what captions say."""
    pairs = (line.split("\t") for line in _FILE.read_text(encoding="ascii").splitlines())
    return [(query, form) for query, form in pairs]
