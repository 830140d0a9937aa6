"""Training both towers together, held to what their teachers know."""

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
from training.compact.losses import agreement, classifier_loss, multi_positive_loss
from training.compact.pairs import Pairs, Rows, epoch
from training.compact.progress import logged
from training.compact.student import DIM, Tokens, embed_mixed, new_text_tower
from training.compact.views import Cached, Tail

logger = logging.getLogger(__name__)

FEATURES = 1280


@dataclass(frozen=True, slots=True)
class FinetunePlan:
    """How both towers are trained together.

    Attributes:
        epochs: Passes over the captioned photos.
        batch: Photos per step.
        each: Captions per captioned photo and step.
        share: Part of the labelled photos in each epoch.
        tail: Whether the image tower's last blocks are trained too, from cached activations.
        rate: Highest learning rate of one cycle for the text layers and the image head.
        table_rate: The same for the token table.
        tail_rate: The same for the image tower's last blocks.
        dropout: Part of the features hidden in each step.
        classes: Weight of the image teacher's opinion (KL over ImageNet's classes).
        keep: Weight of staying with the text teacher on lines of the whole corpus.
        wide: Lines of the whole corpus per step.
    """

    epochs: int
    batch: int
    each: int
    share: float
    tail: bool
    rate: float
    table_rate: float
    tail_rate: float = 0.0
    dropout: float = 0.2
    classes: float = 0.3
    keep: float = 1.0
    wide: int = 256


@dataclass(frozen=True, slots=True)
class FinetuneData:
    """What is trained on.

    Attributes:
        views: Cached views of all photos, for rounds that train the tail.
        before: Features that the unchanged tower gives of every view and picture, shape (views, pictures, 1280).
        features: What the tower as it is gives, same shape, for rounds that leave the tail alone.
        judged: Whether the image teacher's opinion of a picture counts, shape (pictures,), bool.
        pairs: The training set.
        tokens: Of the corpus, shape (lines, context).
        anchors: The text teacher's vectors of the corpus in the common space, unit length, shape (lines, 384).
        classes: The same of the ImageNet classes, shape (1000, 384).
        classifier: The image teacher's last layer.
    """

    views: tuple[Cached, ...]
    before: NDArray[np.float16]
    features: NDArray[np.float16]
    judged: NDArray[np.bool_]
    pairs: Pairs
    tokens: Tokens
    anchors: NDArray[np.float16]
    classes: Vectors
    classifier: nn.Linear


class Towers(nn.Module):
    """What is trained: the text tower, the image tower's last blocks, the image head, and the temperature."""

    def __init__(self, tail: Tail) -> None:
        """Begin with random weights but for the tail's."""
        super().__init__()
        self.text: TextTransformer = new_text_tower()
        self.tail = tail
        self.head = nn.Linear(FEATURES, DIM)
        self.scale = nn.Parameter(torch.zeros(()))

    @torch.no_grad()
    def begin(self, text: Mapping[str, Tensor], weight: Tensor, bias: Tensor, turn: Tensor, scale: Tensor) -> None:
        """Take the distilled text tower with the text head folded into its projection, and the image head.

        Args:
            text: State of the distilled text tower.
            weight: Of the image head, shape (384, 1280).
            bias: Of the image head, shape (384,).
            turn: Weight of the text head, shape (384, 384).
            scale: Logarithm of one over the temperature.
        """
        self.text.load_state_dict(dict(text))
        self.text.text_projection.copy_(self.text.text_projection @ turn.T)
        self.head.weight.copy_(weight)
        self.head.bias.copy_(bias)
        self.scale.copy_(scale)


def _features(towers: Towers, lessons: FinetuneData, chosen: Rows, photos: Rows, *, tail: bool) -> Tensor:
    """Return the features of one view of each photo, shape (n, 1280)."""
    if not tail:
        return torch.from_numpy(lessons.features[chosen, photos]).float()
    maps = np.stack([lessons.views[view].maps[photo] for view, photo in zip(chosen, photos, strict=True)])
    return towers.tail(torch.from_numpy(maps).float().permute(0, 3, 1, 2))  # type: ignore[no-any-return]


def _loss(towers: Towers, lessons: FinetuneData, rows: Rows, plan: FinetunePlan, random: np.random.Generator) -> Tensor:
    photos = lessons.pairs.photos[rows]
    chosen = random.integers(0, len(lessons.features), size=len(rows))
    features = _features(towers, lessons, chosen, photos, tail=plan.tail)
    images = nn.functional.normalize(towers.head(nn.functional.dropout(features, plan.dropout)), dim=-1)
    lines, owners = lessons.pairs.sample(rows, plan.each, random)
    far = random.integers(0, len(lessons.tokens), size=plan.wide)
    found = embed_mixed(towers.text, torch.from_numpy(lessons.tokens[np.concatenate([lines, far])]))
    texts = nn.functional.normalize(found[: len(lines)], dim=-1)
    groups = torch.from_numpy(lessons.pairs.groups[rows])
    scale = towers.scale.exp().clamp(max=100)
    loss = multi_positive_loss(
        images, texts, image_groups=groups, text_groups=groups[torch.from_numpy(owners)], scale=scale
    )
    judged = lessons.judged[photos]
    logits = lessons.classifier(torch.from_numpy(lessons.before[chosen, photos][judged]).float()).detach()
    seen = images[torch.from_numpy(judged)]
    loss = loss + plan.classes * classifier_loss(seen, torch.from_numpy(lessons.classes), logits, scale)
    anchors = torch.from_numpy(lessons.anchors[far].astype(np.float32))
    return loss + plan.keep * agreement(found[len(lines) :], anchors)


def finetune(towers: Towers, lessons: FinetuneData, plan: FinetunePlan, *, seed: int) -> dict[str, Any]:
    """Return the weights of the towers after training; they are changed.

    Args:
        towers: As `Towers.begin` or an earlier round left them.
        lessons: What to train on.
        plan: How long and how fast.
        seed: For everything random.
    """
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    every = [
        rows
        for _ in range(plan.epochs)
        for rows in epoch(lessons.pairs, batch=plan.batch, share=plan.share, random=random)
    ]
    steps = len(every)
    texts = TowerOptimizer(towers.text, rate=plan.rate, table_rate=plan.table_rate, steps=steps)
    towers.tail.requires_grad_(plan.tail)
    groups: list[dict[str, Any]] = [{"params": [*towers.head.parameters(), towers.scale], "lr": plan.rate}]
    if plan.tail:
        groups.append({"params": list(towers.tail.parameters()), "lr": plan.tail_rate})
    images = torch.optim.AdamW(groups, weight_decay=0.01, betas=(0.9, 0.98))
    schedule = torch.optim.lr_scheduler.LambdaLR(images, lambda step: one_cycle(step / steps, 0.1))
    mean = 0.0
    for step, rows in enumerate(logged(every, stage="finetune", total=steps)):
        loss = _loss(towers, lessons, rows, plan, random)
        loss.backward()  # type: ignore[no-untyped-call]
        texts.step()
        images.step()
        schedule.step()
        images.zero_grad(set_to_none=True)
        mean += (float(loss.detach()) - mean) * max(0.05, 1 / (step + 1))
        if step % 50 == 0:
            logger.info("finetune: loss %.3f", mean)
    return towers.state_dict()
