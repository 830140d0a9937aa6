"""The settings of a LoRA training."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoraPlan:
    """The settings of a training; the defaults suit some hundred judgements.

    Attributes:
        rank: Rank of each layer's update; 8 is enough in Hu et al. 2021 (table 6).
        lora_alpha: The update is scaled by this over the rank; twice the rank is the usual choice.
        epochs: Maximum number of epochs; early stopping ends most trainings before.
        batch: Queries per step; their photos are negatives for each other.
        chunk: Photos or texts on the device at once. Memory grows with it, the result does not change.
        negatives: Photos per query and step that do not answer it: judged ones first, then mined ones.
        drift_weight: Weight of the drift of unjudged photos and general prompts from the frozen model.
        drift_samples: Unjudged photos per step, and general prompts per step, whose drift is measured.
        rate: Learning rate of AdamW, falling to zero along a half cosine.
        patience: Epochs without a better validation loss before the training stops.
        seed: Seed of everything random.
    """

    rank: int = 8
    lora_alpha: int = 16
    epochs: int = 20
    batch: int = 8
    chunk: int = 32
    negatives: int = 3
    drift_weight: float = 1.0
    drift_samples: int = 16
    rate: float = 3e-4
    patience: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            ValueError: A number is negative or zero, or the rate is not below 1.
        """
        positive = (self.rank, self.lora_alpha, self.epochs, self.batch, self.chunk, self.patience)
        is_valid = min(positive) >= 1 and min(self.negatives, self.drift_samples) >= 0 and self.drift_weight >= 0
        if not is_valid or not 0 < self.rate < 1:
            raise ValueError(f"the settings are {self}; expected positive numbers and a rate below 1")
