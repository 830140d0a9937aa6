"""The file of the index that was chosen by measurement: the measurements and the inverted file."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from indexer.types import Ids, isin_sorted
from indexer.vectors.base import MutableIndex
from indexer.vectors.index_file import StaleIndexError, commit_file, open_index_file, read_footer
from indexer.vectors.ivf_refined import ApproximateIndex
from indexer.vectors.kinds import APPROXIMATE_KINDS
from indexer.vectors.measurements import IndexChoice, IndexMeasurement, IndexTarget, SearchDepth

KIND = "Choice"
"""The footer's `kind`; the kind of index is in the measurements."""

_MAX_DEPTH = 10_000
"""Upper limit for the lists and candidates of a search."""

_SAMPLE_VECTORS = 64
"""Vectors stored for comparison, spread over all ids, and again as many with the highest ids.

They detect a file that belongs to other vectors.
"""


def write_choice(
    part: Path,
    path: Path,
    *,
    target: IndexTarget,
    measurements: Sequence[IndexMeasurement],
    index: MutableIndex,
    fingerprint: str,
) -> None:
    """Write a choice to `path`, replacing an existing file.

    Args:
        part: The inverted file, or an empty file if exact search was chosen; in the folder of `path`.
        path: Destination.
        target: What the index had to achieve.
        measurements: All measurements, the chosen kind first.
        index: The exact index that was measured.
        fingerprint: The encoder of its embeddings.

    Raises:
        OSError: The disk is full or read-only; the file at `path` is unchanged.
    """
    ids = _sample(index.ids)
    more = choice_values(target, measurements) | {
        "ids": ids.tolist(),
        "vectors": base64.b64encode(index.half_vectors(ids).tobytes()).decode(),
    }
    commit_file(part, path, kind=KIND, fingerprint=fingerprint, watermark=int(index.ids[-1]), more=more)


def read_choice(
    path: Path, index: MutableIndex, *, fingerprint: str, verify: bool = False
) -> tuple[IndexChoice, ApproximateIndex | None]:
    """Return the choice in a file and its approximate index, which is None if exact search was chosen.

    Args:
        path: A file that `write_choice` wrote.
        index: The exact index that the approximate one is combined with.
        fingerprint: The encoder whose embeddings it must hold.
        verify: See `read_index`.

    Raises:
        StaleIndexError: The file cannot be trusted; choose again.
    """
    from indexer.vectors.faiss_ivf import InvertedFile  # late: faiss takes 0.1 s

    with open_index_file(path) as file:
        footer = read_footer(file, kind=KIND, fingerprint=fingerprint, verify=verify)
        choice = parse_choice(footer.more, footer.watermark)
        _check_sample(footer.more, index)
        chosen = choice.measurements[0]
        if chosen.kind == "exact":
            return choice, None
        lists = InvertedFile.load(file)
    approximate = ApproximateIndex(index, lists, watermark=footer.watermark, depths=chosen.depths)
    _check_newest(approximate, footer.watermark)
    return choice, approximate


def read_measurements(path: Path, *, fingerprint: str) -> IndexChoice:
    """Return the choice in a file, without opening its inverted file.

    Raises:
        StaleIndexError: The file cannot be trusted; choose again.
    """
    with open_index_file(path) as file:
        footer = read_footer(file, kind=KIND, fingerprint=fingerprint, is_searched=False)
        return parse_choice(footer.more, footer.watermark)


def choice_values(target: IndexTarget, measurements: Sequence[IndexMeasurement]) -> dict[str, Any]:
    """Return a choice, made now, as values for JSON."""
    figures = [asdict(measurement) for measurement in measurements]
    return {"asked": asdict(target), "figures": figures, "at": datetime.now(UTC).isoformat()}


def parse_choice(
    values: Mapping[str, Any], watermark: int, *, kinds: Collection[str] = APPROXIMATE_KINDS
) -> IndexChoice:
    """Return the choice that `choice_values` returned.

    Args:
        values: The values.
        watermark: The highest embedding id at that time.
        kinds: The kinds other than exact search that may be chosen.

    Raises:
        StaleIndexError: They are of another version.
    """
    try:
        target, chosen_at = IndexTarget(**values["asked"]), datetime.fromisoformat(values["at"])
        measurements = tuple(_parse_measurement(measured) for measured in values["figures"])
        is_valid = bool(measurements) and _is_valid(measurements[0], kinds)
    except (KeyError, TypeError, ValueError) as error:
        raise StaleIndexError(f"it is of another version ({error})") from error
    if not is_valid:
        raise StaleIndexError("its measurements are invalid")
    return IndexChoice(target, measurements, watermark, chosen_at)


def _parse_measurement(values: dict[str, Any]) -> IndexMeasurement:
    return IndexMeasurement(**values | {"depths": tuple(SearchDepth(**depth) for depth in values["depths"])})


def _is_valid(measurement: IndexMeasurement, kinds: Collection[str]) -> bool:
    if measurement.kind == "exact":
        return True
    depths = measurement.depths
    return (
        measurement.kind in kinds
        and len(depths) > 0
        and all(1 <= depth.probes <= _MAX_DEPTH for depth in depths)
        and all(1 <= depth.results <= depth.refine <= _MAX_DEPTH for depth in depths)
        and all(depth.results < deeper.results for depth, deeper in pairwise(depths))
    )


def _sample(ids: Ids) -> Ids:
    """Return the ids whose vectors are stored for comparison, ascending."""
    rows = np.linspace(0, len(ids) - 1, min(_SAMPLE_VECTORS, len(ids))).astype(np.int64)
    sample: Ids = np.unique(np.concatenate([ids[rows], ids[-_SAMPLE_VECTORS:]]))
    return sample


def _check_sample(more: dict[str, Any], index: MutableIndex) -> None:
    """Compare the stored sample of vectors with those that the index has under the same ids."""
    try:
        ids = np.array(more["ids"], dtype=np.int64)
        vectors = np.frombuffer(base64.b64decode(more["vectors"]), dtype=np.float16).reshape(len(ids), index.dim)
    except (KeyError, TypeError, ValueError) as error:
        raise StaleIndexError(f"it is of another version ({error})") from error
    remaining = isin_sorted(ids, index.ids)
    if not np.array_equal(index.half_vectors(ids[remaining]), vectors[remaining]):
        raise StaleIndexError("it belongs to other vectors")


def _check_newest(index: ApproximateIndex, watermark: int) -> None:
    """Check that the inverted file has the vector of the highest id that remains of those it was built from.

    A catalog restored from a backup assigns ids again, so that they may belong to other vectors than those the file
    was built from. The highest id is the first to differ.
    """
    remaining = index.ids[: np.searchsorted(index.ids, watermark, side="right")]
    if len(remaining) and remaining[-1] != watermark and not index.has_current_vector(int(remaining[-1])):
        raise StaleIndexError("it belongs to other vectors; this catalog may be a backup")
