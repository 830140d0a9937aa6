"""`python -m training.compact`: train the compact encoder from captioned photos."""

from __future__ import annotations

import argparse
import ctypes
import logging
import sys
import time
from pathlib import Path

import torch

from indexer.errors import RecallError
from training.compact.train import Plan, Training

logger = logging.getLogger("training.compact")


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code of one training run: 0, or 1 with one line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    _keep_freed_memory()
    torch.set_num_threads(options.threads)
    plan = Plan(without=tuple(options.without))
    started = time.monotonic()
    try:
        Training(options.data, options.work, wordnet=options.wordnet, seed=options.seed, plan=plan).write(options.out)
    except (RecallError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400 - one line for people, no trace
        return 1
    logger.info("wrote %s after %.1f min", options.out, (time.monotonic() - started) / 60)
    return 0


def _keep_freed_memory() -> None:
    """Tell glibc to keep what is freed, for every batch asks for the same again: 113 images/s instead of 40."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library: it is only slower
        return
    mallopt(-1, 2**30)  # M_TRIM_THRESHOLD, malloc.h
    mallopt(-3, 2**30)  # M_MMAP_THRESHOLD


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.compact",
        description="Train the compact encoder on a CPU: about an hour on 2 cores, 12 GB of memory.",
        epilog="An interrupted run goes on where the last finished stage ended.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument("--out", type=Path, required=True, help="folder that the model is written to")
    parser.add_argument("--work", type=Path, default=Path(".work/compact"), help="keeps finished stages, 4 GB")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun")
    parser.add_argument("--seed", type=int, default=0, help="for everything random (default 0)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--without", nargs="*", default=(), metavar="SET", help="do not train on these sets' photos")
    return parser


if __name__ == "__main__":
    sys.exit(main())
