"""The encoders that are measured: the same weights through torch, and through what `load_encoder` gives on a CPU."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import RecallError
from indexer.images import Photo
from indexer.images.workers import DecodePool
from indexer.types import Pixels, Preprocess
from tests.support.models import save_model

CLIP_COLOURS = {"mean": list(open_clip.OPENAI_DATASET_MEAN), "std": list(open_clip.OPENAI_DATASET_STD)}

TEXT = "a dog on the beach"


@dataclass
class Doors:
    """Encoders by short name: compact, or an architecture of open_clip's, whose weights are then random.

    Attributes:
        folder: For the weights.
        first_load: Seconds of the first load of each on a CPU, by name: the export is made in it.
    """

    folder: Path
    first_load: dict[str, float] = field(default_factory=dict)
    _loaded: dict[str, Encoder] = field(default_factory=dict)

    def name(self, short: str) -> str:
        """Return the name that `--encoder` takes for it; the random weights are made when first asked for."""
        plain, plus, precision = short.partition("+")
        if plain == "compact":
            return short
        folder = self.folder / plain
        if not folder.exists():
            config: Mapping[str, Any] = open_clip.get_model_config(plain)
            save_model(folder, {"model_cfg": dict(config), "preprocess_cfg": CLIP_COLOURS})
        return f"local-dir:{folder}{plus}{precision}"

    def cpu(self, short: str) -> Encoder:
        """Return the encoder as a CPU runs it, or skip where Recall has to fall back to torch."""
        if short not in self._loaded:
            name = self.name(short)
            start = time.perf_counter()
            try:
                self._loaded[short] = load_encoder(name, device="cpu")
            except RecallError as error:
                pytest.skip(f"{short} cannot be loaded on a CPU: {error}")
            self.first_load[short] = time.perf_counter() - start
        if isinstance(self._loaded[short], OpenClipEncoder):
            pytest.skip(f"{short} runs through torch: it could not be exported, or ONNX Runtime is not installed")
        return self._loaded[short]

    def torch(self, short: str) -> Encoder:
        """Return the same weights through torch."""
        return OpenClipEncoder.load(self.name(short), device="cpu")


def prepared(paths: Sequence[Path], preprocess: Preprocess, *, workers: int) -> Pixels:
    """Return photos as an encoder reads them, shape (n, size, size, 3)."""
    with DecodePool(preprocess=preprocess, workers=workers) as pool:
        return np.stack([photo.pixels for _, photo in pool.imap(paths, path_of=Path) if isinstance(photo, Photo)])
