"""The change of a LoRA training as the gate applies it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.interpolation import LoraResult


class InterpolatedWeights:
    """The weights of an encoder at a fraction alpha of a training; the model is only created when it is used."""

    def __init__(self, result: LoraResult, alpha: float = 1.0) -> None:
        self.result, self.alpha = result, alpha

    def interpolate(self, alpha: float, /) -> InterpolatedWeights:
        """Return a fraction of this change, 0 for the old weights and 1 for these."""
        return InterpolatedWeights(self.result, self.alpha * alpha)

    @cached_property
    def encoder(self) -> OpenClipEncoder:
        """The encoder with these weights."""
        return self.result.encoder(self.alpha)

    def save(self, folder: Path) -> str:
        """Write the encoder into a new folder and return its name, see `LoraResult.save`."""
        return self.result.save(folder, self.alpha)
