"""Decodes photos in worker processes, so that a crash, a hang or a memory bomb fails one item.

Use `DecodePool` for many photos, and `PictureReader` for single ones.

Each worker is a new interpreter that reads tasks from its standard input and writes results to its standard output,
both in frames of a length and that many bytes. `multiprocessing` is not used: its "spawn" imports the app's main module
again, and its "fork" copies a process in which torch and the pool have threads.

    pool.py      DecodePool: one thread per worker, results in the order of the items
    reader.py    PictureReader: one picture at a time, in a process that waits for the next
    worker.py    a worker process as its thread sees it: started, timed, killed, replaced
    thread_worker.py  a worker that is a thread of this process, for programs that cannot start others
    child.py     what runs in the worker process: set limits, then answer requests
    framing.py   the frames in the pipes
"""

from __future__ import annotations

from indexer.images.workers.pool import DecodePool
from indexer.images.workers.reader import PictureReader

__all__ = ["DecodePool", "PictureReader"]
