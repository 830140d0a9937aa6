"""How fast the recommended encoders run on this machine, with random weights of the same shape.

`recall encoder available` prints what this writes into `recommended_speed.json`. The tokenizer is open_clip's own for
all, since the others would have to be downloaded; it takes microseconds of a text's milliseconds.
"""

from __future__ import annotations

import copy
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import open_clip

from docs.generator.markdown import table
from indexer.encoders import load_encoder
from indexer.encoders.recommended import RECOMMENDED, SPEED_FILE, RecommendedEncoder, Speed, measured_speeds
from indexer.errors import RecallError
from tests.support.models import save_model

PICTURES, ROUNDS = 16, 5

TEXT = "a dog on the beach"

COLOURS = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}


def main(aliases: Sequence[str]) -> int:
    """Measure recommended encoders, write the file, and print a table; return 0.

    Args:
        aliases: Those to measure; the others keep their figures. None for all.
    """
    speeds = measured_speeds() if aliases else {}
    for encoder in RECOMMENDED:
        if aliases and encoder.alias not in aliases:
            continue
        sys.stderr.write(f"measuring {encoder.alias}\n")
        try:
            with tempfile.TemporaryDirectory() as folder:
                os.environ["RECALL_CACHE"] = f"{folder}/exports"  # gigabytes, deleted after each
                speeds[encoder.alias] = _speed(_name(encoder, Path(folder) / "model"))
        except (RecallError, OSError, RuntimeError, MemoryError) as error:
            sys.stderr.write(f"not measured: {encoder.alias}: {error}\n")
        SPEED_FILE.write_text(json.dumps({alias: asdict(speed) for alias, speed in speeds.items()}, indent=2) + "\n")
    rows = [
        (alias, f"{speed.pictures:.1f} a second", f"{speed.milliseconds:.1f} ms") for alias, speed in speeds.items()
    ]
    sys.stdout.write(table(("Encoder (random weights)", "Pictures", "One text"), rows) + "\n")
    return 0


def _name(encoder: RecommendedEncoder, folder: Path) -> str:
    """Return the name of a model of an encoder's shape, which is written into a folder."""
    if not encoder.repository:
        return encoder.name
    config: dict[str, Any] = copy.deepcopy(open_clip.get_model_config(encoder.name.partition("/")[0]))
    config["text_cfg"].pop("hf_tokenizer_name", None)
    config["text_cfg"].pop("tokenizer_kwargs", None)
    return save_model(folder, {"model_cfg": config, "preprocess_cfg": COLOURS})


def _speed(name: str) -> Speed:
    encoder = load_encoder(name, device="cpu")
    side = encoder.preprocess.size
    pixels = np.random.default_rng(0).integers(0, 256, (PICTURES, side, side, 3), dtype=np.uint8)
    pictures = _median_seconds(lambda: encoder.encode_images(pixels))
    text = _median_seconds(lambda: encoder.encode_texts([TEXT]))
    return Speed(pictures=round(PICTURES / pictures, 1), milliseconds=round(1000 * text, 1))


def _median_seconds(run: Callable[[], object]) -> float:
    run()  # opens the tower
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
