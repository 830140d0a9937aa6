"""`python -m retrieval.tuning.compact`: train the compact encoder from captioned photos."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from pathlib import Path

import torch

from indexer.errors import RecallError
from retrieval.tuning.compact.train import Plan, Training

logger = logging.getLogger("retrieval.tuning.compact")


def main(arguments: list[str] | None = None) -> int:
    """Return the exit code of one training run: 0, or 1 with one line on stderr that says what is wrong."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    torch.set_num_threads(options.threads)
    started = time.monotonic()
    try:
        training = Training(
            options.data, options.work, wordnet=options.wordnet, seed=options.seed, plan=Plan(without=options.without)
        )
        training.write(options.out)
    except RecallError as error:
        logger.error("%s", error)  # noqa: TRY400 - one line for people, no trace
        return 1
    logger.info("wrote %s after %.1f min", options.out, (time.monotonic() - started) / 60)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m retrieval.tuning.compact", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument("--out", type=Path, required=True, help="folder that the model is written to")
    parser.add_argument("--work", type=Path, default=Path(".work/compact"), help="what finished stages made (4 GB)")
    parser.add_argument("--wordnet", type=Path, default=Path("/usr/share/wordnet"), help="folder of data.noun")
    parser.add_argument("--seed", type=int, default=0, help="for everything random (default 0)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch")
    parser.add_argument("--without", nargs="*", default=(), metavar="SET", help="leave these sets out (for ablations)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
