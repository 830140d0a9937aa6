"""Vector indexes: derived from the catalog, and rebuilt from it at any time.

From outside call `new_index` and `read_index`, `write_index` of `index_file`, `choose` and the functions of
`choice_file` in `autotune`, and `GpuIndex` with `backend_for` in `gpu`. `VectorIndex` in `base` is the protocol that
every index has, and `INDEX_KINDS` describes the kinds. Importing this package loads neither numpy nor FAISS.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import MissingPackageError
from indexer.vectors.index_file import StaleIndexError, open_index_file, prefetch, read_footer
from indexer.vectors.kinds import INDEX_KINDS

if TYPE_CHECKING:
    from indexer.vectors.base import MutableIndex
    from indexer.vectors.faiss_flat import FaissIndex

__all__ = ["INDEX_KINDS", "StaleIndexError", "new_index", "read_index"]


def new_index(dim: int) -> MutableIndex:
    """Return an empty exact index for vectors of length `dim`.

    Raises:
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    return _exact_index_class()(dim)


def read_index(
    path: Path, *, fingerprint: str, verify: bool = False, read_ahead: bool = True
) -> tuple[MutableIndex, int]:
    """Return the index in a file and its watermark; the file is mapped, and changes of the index do not reach it.

    Args:
        path: A file that `write_index` wrote.
        fingerprint: The encoder whose embeddings it must hold.
        verify: Verify the checksum even if nothing has been written to the file since `write_index`.
        read_ahead: Read the whole file in the background, since a search needs all of it.

    Raises:
        StaleIndexError: The file cannot be trusted; rebuild it from the catalog.
        MissingPackageError: Neither faiss-cpu nor faiss-gpu is installed.
    """
    index_class = _exact_index_class()
    with open_index_file(path) as file:  # the same file is checked and loaded, even if it is replaced meanwhile
        footer = read_footer(file, kind=index_class.__name__, fingerprint=fingerprint, verify=verify)
        if read_ahead:
            prefetch(file.fileno())
        return index_class.load(file), footer.watermark


def _exact_index_class() -> type[FaissIndex]:
    try:
        from indexer.vectors.faiss_flat import FaissIndex  # late: loading faiss takes 0.1 s
    except ImportError as error:
        raise MissingPackageError(
            "Recall needs faiss, which is not installed; run: pip install 'recall-photos[cpu]' "
            "(or 'recall-photos[gpu]' with an NVIDIA GPU)"
        ) from error
    except (AttributeError, RuntimeError) as error:  # the build for GPUs without CUDA's packages, or half a package
        raise MissingPackageError(
            f"faiss is only partly installed ({error}): faiss-cpu and faiss-gpu share files, so that removing one "
            "breaks the other; run: pip uninstall faiss-cpu faiss-gpu, then pip install 'recall-photos[cpu]' "
            "(or 'recall-photos[gpu]' with an NVIDIA GPU)"
        ) from error
    return FaissIndex
