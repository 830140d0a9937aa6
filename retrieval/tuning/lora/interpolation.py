"""What a training came to: the old weights and a change of them, at any share."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from retrieval.tuning.lora.export import write_model
from retrieval.tuning.lora.layers import add


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """An encoder and what training adds to its weights.

    Attributes:
        start: The encoder before training.
        changes: What is added, by the names of its weights.
        epoch: The one that validated best, 0 for none: then the changes are zero.
        losses: Validation losses, before training and after each epoch; training losses where nothing validates.
        unreadable: Why a photo could not be read, by path.
        queries: How many queries were learnt from.
        seconds: On the clock, of this run.
    """

    start: OpenClipEncoder
    changes: dict[str, Tensor]
    epoch: int
    losses: tuple[float, ...]
    unreadable: dict[Path, str]
    queries: int
    seconds: float

    def interpolate(self, share: float) -> nn.Module:
        """Return a model between the old weights (0) and the new (1): WiSE-FT, Wortsman et al. 2022, section 3."""
        model: nn.Module = copy.deepcopy(self.start.model)
        add(model, self.changes, share=share)
        return model

    def encoder(self, share: float = 1.0, *, name: str | None = None) -> OpenClipEncoder:
        """Return the encoder at a share; under a name of its own, since its vectors are."""
        start = self.start
        return OpenClipEncoder(
            self.interpolate(share),
            start.tokenizer,
            name=name or f"{start.name} at {share:g} of a training",
            architecture=start.architecture,
            device=start.model.logit_scale.device,
            batch_size=start.batch_size,
        )

    def save(self, folder: Path, share: float = 1.0) -> str:
        """Return the name of the encoder after writing it into a new folder, which open_clip alone can load too.

        Raises:
            EncoderError: The folder exists or cannot be written, or the tokenizer cannot be kept in it.
        """
        write_model(folder, self.interpolate(share), self.start.tokenizer, self.start.architecture)
        return f"local-dir:{folder}"
