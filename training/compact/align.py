"""Alignment: linear heads that bring the image tower's features and the sentence model's vectors into one space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from indexer.types import Vectors
from training.compact.distil import one_cycle
from training.compact.losses import classifier_loss, multi_positive_loss
from training.compact.pairs import Pairs, training_batches
from training.compact.progress_log import log_progress
from training.compact.student import DIM


@dataclass(frozen=True, slots=True)
class AlignPlan:
    """The settings of the alignment; the towers are not trained.

    Attributes:
        epochs: Passes over the captioned photos.
        batch: Photos per step.
        captions: Captions per captioned photo and step.
        labelled_share: Share of the labelled photos in each epoch.
        rate: Highest learning rate of one cycle.
        dropout: Share of the features that each step hides.
        class_weight: Weight of the divergence from the classifier.
    """

    epochs: int = 60
    batch: int = 1024
    captions: int = 1
    labelled_share: float = 0.5
    rate: float = 1e-3
    dropout: float = 0.2
    class_weight: float = 0.3


class Heads(nn.Module):
    """A linear head with bias for features, one without for texts, and the temperature.

    During training the features are standardised before the image head, because they are all positive and of different
    scales; `image_head` folds that into a head for unchanged features.
    """

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        """Start with a random image head and the identity for texts.

        Args:
            mean: Mean of the features, shape (1280,).
            std: Their standard deviation, shape (1280,).
        """
        super().__init__()
        self.mean = nn.Parameter(mean, requires_grad=False)
        self.std = nn.Parameter(std, requires_grad=False)
        self.image = nn.Linear(len(mean), DIM)
        self.text = nn.Linear(DIM, DIM, bias=False)
        self.scale = nn.Parameter(torch.tensor(float(np.log(1 / 0.07))))
        nn.init.normal_(self.image.weight, std=len(mean) ** -0.5)
        nn.init.eye_(self.text.weight)

    def images(self, features: Tensor, *, dropout: float = 0.0) -> Tensor:
        """Return unit vectors of features, shape (n, 384)."""
        standardised = (features - self.mean) / self.std
        return nn.functional.normalize(self.image(nn.functional.dropout(standardised, dropout)), dim=-1)

    def texts(self, vectors: Tensor) -> Tensor:
        """Return unit vectors of the teacher's vectors, shape (n, 384)."""
        return nn.functional.normalize(self.text(vectors), dim=-1)

    def image_head(self) -> tuple[Tensor, Tensor]:
        """Return weight (384, 1280) and bias (384,) of the same head for unchanged features."""
        weight = (self.image.weight / self.std).detach()
        return weight, (self.image.bias - weight @ self.mean).detach()


def train_heads(
    features: NDArray[np.float16],
    texts: NDArray[np.float16],
    pairs: Pairs,
    *,
    classes: Vectors,
    classifier: nn.Linear,
    plan: AlignPlan,
    seed: int,
) -> dict[str, Any]:
    """Return the weights of `Heads` after training.

    Args:
        features: Pooled features of several views of all photos, shape (views, photos, 1280).
        texts: The teacher's unit vectors of the corpus, shape (lines, 384).
        pairs: The training pairs.
        classes: The teacher's unit vectors of the ImageNet classes, shape (1000, 384).
        classifier: The image teacher's last layer.
        plan: The settings.
        seed: Seed of everything random.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    first_view = torch.from_numpy(features[0, pairs.photos].astype(np.float32))
    heads = Heads(first_view.mean(0), first_view.std(0) + 1e-3)
    optimizer = torch.optim.AdamW(
        [*heads.image.parameters(), *heads.text.parameters(), heads.scale], lr=plan.rate, weight_decay=0.1
    )
    batches = training_batches(
        pairs, epochs=plan.epochs, batch=plan.batch, labelled_share=plan.labelled_share, random=random
    )
    class_texts = torch.from_numpy(classes)
    for step, rows in enumerate(log_progress(batches, stage="align", total=len(batches))):
        optimizer.param_groups[0]["lr"] = plan.rate * one_cycle(step / len(batches), 0.1)
        lines, owners = pairs.sample_lines(rows, plan.captions, random)
        views = random.integers(0, len(features), size=len(rows))
        inputs = torch.from_numpy(features[views, pairs.photos[rows]].astype(np.float32))
        images = heads.images(inputs, dropout=plan.dropout)
        captions = heads.texts(torch.from_numpy(texts[lines].astype(np.float32)))
        scale = heads.scale.exp().clamp(max=100)
        groups = torch.from_numpy(pairs.groups[rows])
        loss = multi_positive_loss(
            images, captions, image_groups=groups, text_groups=groups[torch.from_numpy(owners)], scale=scale
        )
        class_loss = classifier_loss(images, heads.texts(class_texts), classifier(inputs).detach(), scale)
        loss = loss + plan.class_weight * class_loss
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return heads.state_dict()
