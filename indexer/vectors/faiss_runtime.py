"""FAISS's threads, row selectors and files, for the modules that hold its indexes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import faiss
import numpy as np

from indexer.types import Ids

if hasattr(os, "register_at_fork"):  # not on Windows
    # the threads of OpenMP do not survive a fork, and the thread that forked would wait for them
    os.register_at_fork(after_in_child=lambda: faiss.omp_set_num_threads(1))


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit FAISS to one thread: for one query two are slower, and much slower on a busy machine."""
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(threads)


def row_selector(rows: Ids) -> faiss.IDSelector:
    """Return a selector that accepts some rows, (n,) ascending; a bitmap up to the highest is faster than a set."""
    mask = np.zeros(int(rows[-1]) + 1 if len(rows) else 1, dtype=np.bool_)
    mask[rows] = True
    bits = np.packbits(mask, bitorder="little")
    return faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg, arg-type]  # the stubs have the signature of C++


def save_index(index: Any, path: Path) -> None:
    """Write a FAISS index to a file, in FAISS's own format.

    Raises:
        OSError: The disk is full or read-only.
    """
    with path.open("wb") as file:  # opened here because FAISS accepts only names that are valid UTF-8
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]  # missing in the stubs


def load_index(file: BinaryIO, map_flag: int) -> tuple[faiss.Index, bool]:
    """Return the FAISS index in an open file at its beginning, and whether it is mapped into memory.

    FAISS can only map a file by its name. The names below refer to the open file, even if another has replaced it.

    Args:
        file: A file that FAISS wrote; bytes after the index are ignored.
        map_flag: The flag with which FAISS maps this type of index.

    Raises:
        RuntimeError: FAISS cannot read the file.
    """
    for folder in ("/proc/self/fd", "/dev/fd"):  # Linux; macOS. On Windows a mapped file could not be replaced
        name = Path(folder, str(file.fileno()))
        if name.exists():
            with suppress(RuntimeError):  # no mapping on this file system, or a bad file, which reading reports
                return faiss.read_index(str(name), map_flag), True
    return faiss.read_index(faiss.PyCallbackIOReader(file.read)), False  # type: ignore[attr-defined]  # missing in the stubs
