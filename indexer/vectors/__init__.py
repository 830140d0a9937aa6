"""Vector indexes: derived from the catalog, and rebuilt from it at any time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import MissingPackageError
from indexer.vectors.base import VectorIndex
from indexer.vectors.index_file import StaleIndexError, read_ahead, read_label

if TYPE_CHECKING:
    from indexer.vectors.faiss_flat import FaissIndex


def new_index(dim: int) -> VectorIndex:
    """Return an empty exact index for vectors of length `dim`.

    Raises:
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    return _kind()(dim)


def read_index(
    path: Path, *, fingerprint: str, every_byte: bool = False, ahead: bool = True
) -> tuple[VectorIndex, int]:
    """Return the index in a file, and its watermark; the file is mapped and stays as it is, also when this changes.

    Args:
        path: A file that `write_index` wrote.
        fingerprint: The encoder whose embeddings it must hold.
        every_byte: Check every byte, also of a file that nobody has written to since `write_index`.
        ahead: Have it fetched from the disk meanwhile, since all of it will be searched.

    Raises:
        StaleIndexError: The file cannot be trusted; rebuild it from the catalog.
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    kind = _kind()
    try:
        with path.open("rb", buffering=0) as file:  # one file from check to load, also when another is put in its place
            label = read_label(file, kind=kind.__name__, fingerprint=fingerprint, every_byte=every_byte)
            if ahead:
                read_ahead(file.fileno())
            return kind.load(file), label.watermark
    except FileNotFoundError as error:
        raise StaleIndexError(f"{path} is missing") from error
    except (StaleIndexError, RuntimeError, OSError) as error:
        raise StaleIndexError(f"{path}: {error}") from error


def _kind() -> type[FaissIndex]:
    try:
        from indexer.vectors.faiss_flat import FaissIndex  # late: loading faiss takes 0.1 s
    except ImportError as error:
        raise MissingPackageError(
            "Recall needs faiss, which is not installed; run: pip install 'recall-photos[cpu]' "
            "(or 'recall-photos[gpu]' beside an NVIDIA card)"
        ) from error
    except (AttributeError, RuntimeError) as error:  # its build for GPUs without CUDA's packages; half of it is gone
        raise MissingPackageError(
            f"faiss is installed in part only ({error}): faiss-cpu and faiss-gpu share files, so that with one of them "
            "both go; run: pip uninstall faiss-cpu faiss-gpu, then pip install 'recall-photos[cpu]' (or "
            "'recall-photos[gpu]' beside an NVIDIA card)"
        ) from error
    return FaissIndex
