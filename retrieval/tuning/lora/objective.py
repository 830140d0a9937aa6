"""The losses of a training, for queries with several right photos and photos whose label is open."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from retrieval.tuning.lora.labels import GOOD, OPEN, WRONG

MASKED = -1e4  # a score that counts nothing in a softmax and fits half precision


def contrastive_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the symmetric contrastive loss without open pairs; with one right photo each it is open_clip's ClipLoss.

    It is the cross entropy against the uniform distribution over the right photos (Khosla et al. 2020, eq. 2).

    Args:
        scores: Scaled cosines, shape (queries, photos).
        labels: GOOD, WRONG or OPEN, same shape.
    """
    masked = scores.masked_fill(labels == OPEN, MASKED)
    is_good = (labels == GOOD).float()
    parts = []
    for rows, targets in ((masked, is_good), (masked.T, is_good.T)):
        has_target = targets.sum(1) > 0
        losses = -(targets * rows.log_softmax(1)).sum(1)[has_target] / targets.sum(1)[has_target]
        parts.append(losses.mean() if len(losses) else scores.sum() * 0)
    return (parts[0] + parts[1]) / 2


def sigmoid_loss(scores: Tensor, labels: Tensor) -> Tensor:
    """Return the sigmoid loss per query (Zhai et al. 2023, section 3.2) without open pairs.

    With one right photo each it is open_clip's SigLipLoss.

    Args:
        scores: Scaled cosines with the bias added, shape (queries, photos).
        labels: GOOD, WRONG or OPEN, same shape.
    """
    signs = (labels == GOOD).float() - (labels == WRONG).float()
    is_labelled = (labels != OPEN).float()
    return -(nn.functional.logsigmoid(signs * scores) * is_labelled).sum() / max(1, len(scores))


def judged_loss(texts: Tensor, photos: Tensor, labels: Tensor, *, scale: Tensor, bias: Tensor | None) -> Tensor:
    """Return the loss that the model was trained with: sigmoid if it has a bias, otherwise contrastive.

    Args:
        texts: Unit vectors, shape (queries, d).
        photos: Unit vectors, shape (photos, d).
        labels: GOOD, WRONG or OPEN, shape (queries, photos).
        scale: Factor of the cosines.
        bias: Added to the scaled cosines, for models such as SigLIP.
    """
    scores = scale * texts @ photos.T
    return contrastive_loss(scores, labels) if bias is None else sigmoid_loss(scores + bias, labels)


def drift(rows: Tensor, before: Tensor) -> Tensor:
    """Return one minus the mean cosine of unit rows with what they were, shapes (n, d); 0 if there are none."""
    return 1 - (rows * before).sum(1).mean() if len(rows) else torch.zeros((), device=rows.device)
