"""The index that was chosen by measurement, in a file of its own: what was measured, and the inverted file."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from indexer.types import Ids, isin_sorted
from indexer.vectors.base import VectorIndex
from indexer.vectors.index_file import Footer, StaleIndexError, commit_file, read_footer
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.kinds import APPROXIMATE_KINDS
from indexer.vectors.measurements import IndexChoice, IndexMeasurement, IndexTarget, SearchDepth

KIND = "Choice"
"""What the label says; the kind of index stands in the figures."""

MOST = 10_000
"""Lists and candidates at most."""

COMPARED = 64
"""Vectors, evenly over all, and as many of the last, that are held against the index: those of another one differ."""


def write_choice(
    part: Path,
    path: Path,
    *,
    target: IndexTarget,
    measurements: Sequence[IndexMeasurement],
    index: VectorIndex,
    fingerprint: str,
) -> None:
    """Put a choice at a path; what is there is replaced.

    Args:
        part: The inverted file, or an empty one where everything is searched exactly; in the same folder.
        path: Where it goes.
        target: What the index had to be.
        measurements: What was measured, the chosen one first.
        index: What it was chosen for.
        fingerprint: The encoder whose embeddings it holds.

    Raises:
        OSError: The disk is full or read-only; what is at `path` is as it was.
    """
    ids = _compared(index.ids)
    more = {
        "asked": asdict(target),
        "figures": [asdict(each) for each in measurements],
        "at": datetime.now(UTC).isoformat(),
        "ids": ids.tolist(),
        "vectors": base64.b64encode(index.half_vectors(ids).tobytes()).decode(),
    }
    commit_file(part, path, kind=KIND, fingerprint=fingerprint, watermark=int(index.ids[-1]), more=more)


def read_choice(
    path: Path, index: VectorIndex, *, fingerprint: str, every_byte: bool = False
) -> tuple[IndexChoice, ApproximateIndex | None]:
    """Return the choice at a path, and the index to search in place of the exact one, None where that was chosen.

    Args:
        path: A file that `write_choice` put there.
        index: The exact index that it goes before.
        fingerprint: The encoder whose embeddings it must hold.
        every_byte: See `read_index`.

    Raises:
        StaleIndexError: The file cannot be trusted; choose anew.
    """
    from indexer.vectors.faiss_ivf import InvertedFile  # late: faiss takes 0.1 s

    with _opened(path) as file:
        label = read_footer(file, kind=KIND, fingerprint=fingerprint, every_byte=every_byte)
        choice = _choice(label)
        _compare(label.more, index)
        figures = choice.measurements[0]
        if figures.kind == "exact":
            return choice, None
        lists = InvertedFile.load(file)
    found = ApproximateIndex(index, lists, watermark=label.watermark, depths=figures.depths)
    _look_for_newest(found, label.watermark)
    return choice, found


def read_measurements(path: Path, *, fingerprint: str) -> IndexChoice:
    """Return the choice at a path, without its inverted file.

    Raises:
        StaleIndexError: The file cannot be trusted; choose anew.
    """
    with _opened(path) as file:
        return _choice(read_footer(file, kind=KIND, fingerprint=fingerprint))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Give the file at a path; what fails with it makes it stale."""
    try:
        with path.open("rb", buffering=0) as file:
            yield file
    except FileNotFoundError as error:
        raise StaleIndexError(f"{path} is missing") from error
    except (StaleIndexError, RuntimeError, OSError) as error:
        raise StaleIndexError(f"{path}: {error}") from error


def _choice(label: Footer) -> IndexChoice:
    more = label.more
    try:
        figures = tuple(_figures(each) for each in more["figures"])
        choice = IndexChoice(IndexTarget(**more["asked"]), figures, label.watermark, datetime.fromisoformat(more["at"]))
        possible = _is_possible(figures[0]) if figures else False
    except (KeyError, TypeError, ValueError) as error:
        raise StaleIndexError(f"it is of another version ({error})") from error
    if not possible:
        raise StaleIndexError("it holds impossible figures")
    return choice


def _figures(kept: dict[str, Any]) -> IndexMeasurement:
    return IndexMeasurement(**kept | {"depths": tuple(SearchDepth(**each) for each in kept["depths"])})


def _is_possible(figures: IndexMeasurement) -> bool:
    if figures.kind == "exact":
        return True
    depths = figures.depths
    return (
        figures.kind in APPROXIMATE_KINDS
        and len(depths) > 0
        and all(1 <= each.probes <= MOST and 1 <= each.results <= each.refine <= MOST for each in depths)
        and all(one.results < other.results for one, other in pairwise(depths))
    )


def _compare(more: dict[str, Any], index: VectorIndex) -> None:
    """Hold what a choice knows of vectors against those of the index that have the same ids still."""
    try:
        ids = np.array(more["ids"], dtype=np.int64)
        vectors = np.frombuffer(base64.b64decode(more["vectors"]), dtype=np.float16).reshape(len(ids), index.dim)
    except (KeyError, TypeError, ValueError) as error:
        raise StaleIndexError(f"it is of another version ({error})") from error
    held = isin_sorted(ids, index.ids)
    if not np.array_equal(index.half_vectors(ids[held]), vectors[held]):
        raise StaleIndexError("it is of other vectors")


def _look_for_newest(index: ApproximateIndex, last: int) -> None:
    """Refuse an inverted file that holds another vector under the highest id that is held still.

    A restored backup gives ids again: then others than it was built from have them, the highest one first of all.
    """
    still = index.ids[: np.searchsorted(index.ids, last, side="right")]
    if len(still) and still[-1] != last and not index.knows(int(still[-1])):
        raise StaleIndexError("it is of other vectors: this catalog may be a backup")


def _compared(ids: Ids) -> Ids:
    rows = np.linspace(0, len(ids) - 1, min(COMPARED, len(ids))).astype(np.int64)
    chosen: Ids = np.unique(np.concatenate([ids[rows], ids[-COMPARED:]]))
    return chosen
