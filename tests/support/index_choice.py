"""What tests ask about the index that a library has chosen."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np

from retrieval import Library
from retrieval.calibration.background import prompts

COUNT = 10_007  # `fill` needs a number coprime to 48271


def chosen_kind(library: Library) -> str | None:
    choice = library.status().choice
    return None if choice is None else choice.measurements[0].kind


def index_class(library: Library) -> type:
    """Return the class of the index that searches use."""
    return type(library._store.index())


def top_items(library: Library) -> list[list[int]]:
    """Return the ten best items of each of 20 prompts."""
    return [[hit.item_id for hit in library.search(text, k=10)] for text in prompts()[:20]]


def index_problems(library: Library) -> list[str]:
    """Return the problems of the index files, without those of the photos, which do not exist."""
    return [problem.subject for problem in library.check() if problem.kind == "index"]


def recall_at_10(results: list[list[int]], truth: list[list[int]]) -> float:
    return float(np.mean([len(set(row) & set(best)) / 10 for row, best in zip(results, truth, strict=True)]))


def choice_files(library: Path) -> list[Path]:
    return list(library.glob("*.lists"))


def disk_full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
