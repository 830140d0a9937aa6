"""Photos and plans for LoRA trainings that take seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from retrieval.tuning.lora.lora_plan import LoraPlan

FAST_PLAN = LoraPlan(epochs=3, batch=4, chunk=3, drift_samples=3, rate=5e-3)


def save_noise_photos(folder: Path) -> list[Path]:
    """Return twelve new photos of noise, in shades of red, green and blue in turn."""
    folder.mkdir(exist_ok=True)
    random = np.random.default_rng(0)
    paths = []
    for number in range(12):
        pixels = random.integers(0, 120, (40, 48, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 120
        paths.append(folder / f"{number:02}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths
