"""The result of a LoRA training, at any point between the old weights and the new ones."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from retrieval.tuning.lora.layers import add_deltas
from retrieval.tuning.lora.model_folder import write_model


@dataclass(frozen=True, slots=True, eq=False)
class LoraResult:
    """An encoder and what the training adds to its weights.

    Attributes:
        start: The encoder before training.
        deltas: What is added to the weights, by the names of the weights.
        epoch: The epoch with the best validation; 0 is before training, with deltas of zero.
        losses: Validation losses, before training and after each epoch; training losses if there is no validation.
        unreadable: Why a photo could not be read, by path.
        queries: Number of queries that were trained on.
        seconds: Duration of this run.
    """

    start: OpenClipEncoder
    deltas: dict[str, Tensor]
    epoch: int
    losses: tuple[float, ...]
    unreadable: dict[Path, str]
    queries: int
    seconds: float

    def interpolate(self, alpha: float) -> nn.Module:
        """Return a model between the old weights (0) and the new ones (1): WiSE-FT, Wortsman et al. 2022, section 3."""
        model: nn.Module = copy.deepcopy(self.start.model)
        add_deltas(model, self.deltas, alpha=alpha)
        return model

    def encoder(self, alpha: float = 1.0, *, name: str | None = None) -> OpenClipEncoder:
        """Return the encoder with interpolated weights, under a name of its own because its embeddings differ."""
        start = self.start
        return OpenClipEncoder(
            self.interpolate(alpha),
            start.tokenizer,
            name=name or f"{start.name} at {alpha:g} of a training",
            architecture=start.architecture,
            device=start.model.logit_scale.device,
            batch_size=start.batch_size,
        )

    def save(self, folder: Path, alpha: float = 1.0) -> str:
        """Write the encoder into a new folder, which open_clip alone can load too, and return its name.

        Raises:
            EncoderError: The folder exists or cannot be written, or the tokenizer cannot be saved in it.
        """
        write_model(folder, self.interpolate(alpha), self.start.tokenizer, self.start.architecture)
        return f"local-dir:{folder}"
