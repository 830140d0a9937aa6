"""Decodes photos in worker processes, so that a crash, a hang or a memory bomb fails one item; use `DecodePool`.

Each worker is a new interpreter that reads paths from its standard input and writes photos to its standard output, both
in frames of a length and that many bytes. `multiprocessing` is not used: its "spawn" imports the app's main module
again, and its "fork" copies a process in which torch and the pool have threads.

    pool.py      DecodePool: one thread per worker, results in the order of the items
    worker.py    a worker process as its thread sees it: started, timed, killed, replaced
    child.py     what runs in the worker process: set limits, then answer requests
    framing.py   the frames in the pipes
"""

from __future__ import annotations

from indexer.images.workers.pool import DecodePool

__all__ = ["DecodePool"]
