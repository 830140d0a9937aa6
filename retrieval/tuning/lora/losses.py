"""The losses, by the model's own kind, where a query has several answers and some photos say nothing."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retrieval.tuning.lora.data import GOOD, OPEN, WRONG

FAR = -1e4  # a score that no softmax sees, and that half precision can hold


def contrastive_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the symmetric contrastive loss; open pairs are left out. With one answer each it is open_clip's ClipLoss.

    Cross entropy against the uniform distribution over the right answers (Khosla et al. 2020, eq. 2).

    Args:
        scores: Scaled cosines, shape (queries, photos).
        labels: GOOD, WRONG or OPEN, same shape.
    """
    seen = scores.masked_fill(labels == OPEN, FAR)
    right = (labels == GOOD).float()
    parts = []
    for each, answers in ((seen, right), (seen.T, right.T)):
        has = answers.sum(1) > 0
        found = -(answers * each.log_softmax(1)).sum(1)[has] / answers.sum(1)[has]
        parts.append(found.mean() if len(found) else scores.sum() * 0)
    return (parts[0] + parts[1]) / 2


def sigmoid_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the sigmoid loss (Zhai et al. 2023, section 3.2) per query; open pairs are left out.

    With one answer each it is open_clip's SigLipLoss.

    Args:
        scores: Scaled cosines with the bias added, shape (queries, photos).
        labels: GOOD, WRONG or OPEN, same shape.
    """
    signs = (labels == GOOD).float() - (labels == WRONG).float()
    counted = (labels != OPEN).float()
    return -(nn.functional.logsigmoid(signs * scores) * counted).sum() / max(1, len(scores))


def judged_loss(texts: Tensor, photos: Tensor, labels: Tensor, *, scale: Tensor, bias: Tensor | None) -> Tensor:
    """Return the loss of the model's own kind: sigmoid where it has a bias, else contrastive.

    Args:
        texts: Unit vectors, shape (queries, d).
        photos: Unit vectors, shape (photos, d).
        labels: GOOD, WRONG or OPEN, shape (queries, photos).
        scale: What cosines are multiplied by.
        bias: Added to that, of SigLIP's kind.
    """
    scores = scale * texts @ photos.T
    return contrastive_loss(scores, labels) if bias is None else sigmoid_loss(scores + bias, labels)


def drift(found: Tensor, before: Tensor) -> Tensor:
    """Return one minus the mean cosine of unit rows, shapes (n, d); nothing where there are none."""
    return 1 - (found * before).sum(1).mean() if len(found) else torch.zeros((), device=found.device)
