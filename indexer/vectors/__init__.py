"""Vector indexes: derived from the catalog, and rebuilt from it at any time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import MissingPackageError
from indexer.vectors.base import VectorIndex
from indexer.vectors.files import StaleIndexError, read_label

if TYPE_CHECKING:
    from indexer.vectors.faiss_index import FaissIndex


def new_index(dim: int) -> VectorIndex:
    """Return an empty exact index for vectors of length `dim`.

    Raises:
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    return _kind()(dim)


def read_index(path: Path, *, fingerprint: str) -> tuple[VectorIndex, int]:
    """Return the index in a file, and its watermark.

    Args:
        path: A file that `write_index` wrote.
        fingerprint: The encoder whose embeddings it must hold.

    Raises:
        StaleIndexError: The file cannot be trusted; rebuild it from the catalog.
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    kind = _kind()
    label = read_label(path, kind=kind.__name__, fingerprint=fingerprint)
    try:
        return kind.load(path), label.watermark
    except (RuntimeError, OSError) as error:
        raise StaleIndexError(f"{path} cannot be read by faiss ({error})") from error


def _kind() -> type[FaissIndex]:
    try:
        from indexer.vectors.faiss_index import FaissIndex  # late: loading faiss takes 0.2 s
    except ImportError as error:
        raise MissingPackageError(
            "Recall needs faiss, which is not installed; run: pip install 'recall-search[cpu]' "
            "(or 'recall-search[gpu]' beside an NVIDIA card)"
        ) from error
    return FaissIndex
