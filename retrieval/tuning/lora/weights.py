"""New weights of an encoder, at a share of the change that a training gave."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.encoders.openclip_encoder import OpenClipEncoder
    from retrieval.tuning.lora.interpolation import Trained


class NewWeights:
    """What one training gave, at a share of it."""

    def __init__(self, trained: Trained, share: float = 1.0) -> None:
        """Wrap a training; its model is made when it is needed."""
        self.trained, self.share = trained, share

    def interpolate(self, share: float) -> NewWeights:
        """Return a part of it, 0 for the old weights and 1 for what this is."""
        return NewWeights(self.trained, self.share * share)

    @cached_property
    def encoder(self) -> OpenClipEncoder:
        """The encoder with these weights."""
        return self.trained.encoder(self.share)

    def save(self, folder: Path) -> str:
        """Return the name of the encoder after writing it into a new folder, see `Trained.save`."""
        return self.trained.save(folder, self.share)
