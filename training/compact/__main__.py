"""The command `python -m training.compact`: train the compact encoder on captioned photos."""

from __future__ import annotations

import argparse
import ctypes
import logging
import sys
import time
from pathlib import Path

import torch

from indexer.errors import RecallError
from training.compact.pipeline import Pipeline, PipelinePlan

logger = logging.getLogger("training.compact")


def main(arguments: list[str] | None = None) -> int:
    """Train the encoder, and return the exit code: 0, or 1 after an error, which is logged in one line."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    _reuse_freed_memory()
    torch.set_num_threads(options.threads)
    plan = PipelinePlan(without=tuple(options.without))
    started = time.monotonic()
    try:
        pipeline = Pipeline(options.data, options.work, wordnet=options.wordnet, seed=options.seed, plan=plan)
        pipeline.write(options.out)
    except (RecallError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400 - one line for people, without a traceback
        return 1
    logger.info("wrote %s after %.1f min", options.out, (time.monotonic() - started) / 60)
    return 0


def _reuse_freed_memory() -> None:
    """Make glibc reuse freed memory, which each batch needs again: 113 images/s instead of 40."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library: training is only slower
        return
    mallopt(-1, 2**30)  # M_TRIM_THRESHOLD, malloc.h
    mallopt(-3, 2**30)  # M_MMAP_THRESHOLD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact",
        description="Train the compact encoder on a CPU: about an hour on 2 cores, 12 GB of memory.",
        epilog="A stopped run resumes after the last finished stage.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the model to")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path(".work/compact"),
        help="folder for the results of finished stages, 4 GB (default %(default)s)",
    )
    parser.add_argument(
        "--wordnet",
        type=Path,
        default=Path("/usr/share/wordnet"),
        help="folder of WordNet's data.noun (default %(default)s)",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random (default %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="threads of torch (default %(default)s)"
    )
    parser.add_argument(
        "--without", nargs="*", default=(), metavar="SET", help="do not train on the photos of these sets"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
