"""Photos decoded in worker processes, so that a crash, a hang or a memory bomb costs one item.

Each worker is a fresh interpreter that reads paths from its standard input and writes photos to its standard output,
both as frames of a length and that many bytes. `multiprocessing` is not used: its "spawn" imports the app's main module
again, and its "fork" copies a process in which torch and the pool have threads.

    pool.py      DecodePool: threads that each wait for one worker, answers in the order of the items
    worker.py    one process as its thread sees it: started, asked, timed, killed, replaced
    serve.py     the same process from inside: limits, then one answer per question
    frames.py    what both write into the pipes
"""

from __future__ import annotations

from indexer.images.workers.pool import DecodePool

__all__ = ["DecodePool"]
