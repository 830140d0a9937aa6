"""Fine-tuning: both towers are trained together, and held to the knowledge of their teachers."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from indexer.types import Vectors
from training.compact.distil import TowerOptimizer, one_cycle
from training.compact.losses import agreement_loss, classifier_loss, multi_positive_loss
from training.compact.pairs import Pairs, Rows, training_batches
from training.compact.progress_log import log_progress
from training.compact.student import DIM, Tokens, embed_by_length, new_text_tower
from training.compact.views import CachedView, Tail

logger = logging.getLogger(__name__)

FEATURES = 1280


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """The settings of a round in which both towers are trained together.

    Attributes:
        epochs: Passes over the captioned photos.
        batch: Photos per step.
        captions: Captions per captioned photo and step.
        labelled_share: Share of the labelled photos in each epoch.
        tail: Whether the image tower's last blocks are trained too, from cached activations.
        rate: Highest learning rate of one cycle for the text layers and the image head.
        table_rate: The same for the token table.
        tail_rate: The same for the image tower's last blocks.
        dropout: Share of the features that each step hides.
        class_weight: Weight of the divergence from the image teacher on ImageNet's classes.
        anchor_weight: Weight of the agreement with the text teacher on lines of the whole corpus.
        corpus_lines: Lines of the whole corpus per step.
    """

    epochs: int
    batch: int
    captions: int
    labelled_share: float
    tail: bool
    rate: float
    table_rate: float
    tail_rate: float = 0.0
    dropout: float = 0.2
    class_weight: float = 0.3
    anchor_weight: float = 1.0
    corpus_lines: int = 256


@dataclass(frozen=True, slots=True)
class FinetuneData:
    """The training data of the rounds.

    Attributes:
        views: Cached views of all photos, for rounds that train the tail.
        teacher_features: Features from the unchanged tower of every view and picture, shape (views, pictures, 1280).
        features: Features from the current tower, same shape, for rounds that do not train the tail.
        has_teacher: Whether the image teacher's classes of a picture count, shape (pictures,), bool.
        pairs: The training pairs.
        tokens: Tokens of the corpus, shape (lines, context).
        anchors: The text teacher's vectors of the corpus in the common space, unit length, shape (lines, 384).
        classes: The same of the ImageNet classes, shape (1000, 384).
        classifier: The image teacher's last layer.
    """

    views: tuple[CachedView, ...]
    teacher_features: NDArray[np.float16]
    features: NDArray[np.float16]
    has_teacher: NDArray[np.bool_]
    pairs: Pairs
    tokens: Tokens
    anchors: NDArray[np.float16]
    classes: Vectors
    classifier: nn.Linear


class Towers(nn.Module):
    """Everything that is trained: the text tower, the image tower's last blocks, the image head, the temperature."""

    def __init__(self, tail: Tail) -> None:
        """Start with random weights, except for the tail."""
        super().__init__()
        self.text: TextTransformer = new_text_tower()
        self.tail = tail
        self.head = nn.Linear(FEATURES, DIM)
        self.scale = nn.Parameter(torch.zeros(()))

    @torch.no_grad()
    def load_aligned(
        self, text: Mapping[str, Tensor], weight: Tensor, bias: Tensor, text_head: Tensor, scale: Tensor
    ) -> None:
        """Load the distilled text tower, with the text head folded into its projection, and the image head.

        Args:
            text: State of the distilled text tower.
            weight: Weight of the image head, shape (384, 1280).
            bias: Its bias, shape (384,).
            text_head: Weight of the text head, shape (384, 384).
            scale: Logarithm of one over the temperature.
        """
        self.text.load_state_dict(dict(text))
        self.text.text_projection.copy_(self.text.text_projection @ text_head.T)
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)
        self.scale.copy_(scale)


def _features(towers: Towers, data: FinetuneData, views: Rows, photos: Rows, *, tail: bool) -> Tensor:
    """Return the features of one view of each photo, shape (n, 1280)."""
    if not tail:
        return torch.from_numpy(data.features[views, photos]).float()
    maps = np.stack([data.views[view].maps[photo] for view, photo in zip(views, photos, strict=True)])
    return towers.tail(torch.from_numpy(maps).float().permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def _loss(towers: Towers, data: FinetuneData, rows: Rows, plan: FinetunePlan, random: np.random.Generator) -> Tensor:
    """Return the loss of one step on some rows of the pairs."""
    photos = data.pairs.photos[rows]
    views = random.integers(0, len(data.features), size=len(rows))
    features = _features(towers, data, views, photos, tail=plan.tail)
    images = nn.functional.normalize(towers.head(nn.functional.dropout(features, plan.dropout)), dim=-1)
    lines, owners = data.pairs.sample_lines(rows, plan.captions, random)
    corpus_rows = random.integers(0, len(data.tokens), size=plan.corpus_lines)
    outputs = embed_by_length(towers.text, torch.from_numpy(data.tokens[np.concatenate([lines, corpus_rows])]))
    texts = nn.functional.normalize(outputs[: len(lines)], dim=-1)
    groups = torch.from_numpy(data.pairs.groups[rows])
    scale = towers.scale.exp().clamp(max=100)
    loss = multi_positive_loss(
        images, texts, image_groups=groups, text_groups=groups[torch.from_numpy(owners)], scale=scale
    )
    has_teacher = data.has_teacher[photos]
    logits = data.classifier(torch.from_numpy(data.teacher_features[views, photos][has_teacher]).float()).detach()
    classified = images[torch.from_numpy(has_teacher)]
    loss = loss + plan.class_weight * classifier_loss(classified, torch.from_numpy(data.classes), logits, scale)
    anchors = torch.from_numpy(data.anchors[corpus_rows].astype(np.float32))
    return loss + plan.anchor_weight * agreement_loss(outputs[len(lines) :], anchors)


def finetune(towers: Towers, data: FinetuneData, plan: FinetunePlan, *, seed: int) -> dict[str, Any]:
    """Return the weights of the towers after training; the towers are changed.

    Args:
        towers: The towers after `Towers.load_aligned` or an earlier round.
        data: The training data.
        plan: The settings.
        seed: Seed of everything random.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    batches = training_batches(
        data.pairs, epochs=plan.epochs, batch=plan.batch, labelled_share=plan.labelled_share, random=random
    )
    steps = len(batches)
    text_optimizer = TowerOptimizer(towers.text, rate=plan.rate, table_rate=plan.table_rate, steps=steps)
    towers.tail.requires_grad_(plan.tail)
    groups: list[dict[str, Any]] = [{"params": [*towers.head.parameters(), towers.scale], "lr": plan.rate}]
    if plan.tail:
        groups.append({"params": list(towers.tail.parameters()), "lr": plan.tail_rate})
    image_optimizer = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(image_optimizer, lambda step: one_cycle(step / steps, 0.1))
    mean = 0.0
    for step, rows in enumerate(log_progress(batches, stage="finetune", total=steps)):
        loss = _loss(towers, data, rows, plan, random)
        loss.backward()  # type: ignore[no-untyped-call]
        text_optimizer.step()
        image_optimizer.step()
        schedule.step()
        image_optimizer.zero_grad(set_to_none=True)
        mean += (float(loss.detach()) - mean) * max(0.05, 1 / (step + 1))
        if step % 50 == 0:
            logger.info("finetune: loss %.3f", mean)
    return towers.state_dict()
