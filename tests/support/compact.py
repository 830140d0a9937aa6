"""Small pictures and towers for tests of the compact encoder's training."""

from __future__ import annotations

import numpy as np
import torch
from open_clip.transformer import TextTransformer
from PIL import Image

from training.compact import student


def random_picture(seed: int, size: tuple[int, int] = (48, 36)) -> Image.Image:
    """Return a picture of random smooth colors."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def tiny_text_tower() -> TextTransformer:
    """Return a text tower of two layers with random weights, always the same."""
    torch.manual_seed(1)
    return TextTransformer(
        context_length=student.CONTEXT, vocab_size=student.VOCABULARY, width=16, heads=2, layers=2, output_dim=8
    )
