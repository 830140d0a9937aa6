"""The losses that bring pictures and texts together."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def multi_positive_loss(
    images: Tensor, texts: Tensor, *, image_groups: Tensor, text_groups: Tensor, scale: Tensor | float
) -> Tensor:
    """Return the symmetric contrastive loss where all of one group are right answers for each other.

    Cross entropy against the uniform distribution over the right answers (supervised contrastive loss "out",
    Khosla et al. 2020, eq. 2), from pictures to texts and back, averaged.

    Args:
        images: Unit vectors, shape (n, d).
        texts: Unit vectors, shape (m, d).
        image_groups: Group of each picture, shape (n,), int64; each has a text.
        text_groups: Group of each text, shape (m,), int64; each has a picture.
        scale: What similarities are multiplied by: one over the temperature.
    """
    right = (image_groups.unsqueeze(1) == text_groups.unsqueeze(0)).float()  # (n, m)
    scores = scale * images @ texts.T  # (n, m)
    forward = -(right * scores.log_softmax(1)).sum(1) / right.sum(1)  # (n,)
    backward = -(right * scores.log_softmax(0)).sum(0) / right.sum(0)  # (m,)
    return (forward.mean() + backward.mean()) / 2


def classifier_loss(images: Tensor, classes: Tensor, logits: Tensor, scale: Tensor | float) -> Tensor:
    """Return the divergence of the pictures' view of class names from what a classifier says.

    Args:
        images: Unit vectors, shape (n, d).
        classes: Unit vectors of the class names, shape (c, d).
        logits: The classifier's, shape (n, c).
        scale: What similarities are multiplied by.
    """
    ours = (scale * images @ classes.T).log_softmax(1)
    return nn.functional.kl_div(ours, logits.softmax(1), reduction="batchmean")


def agreement(found: Tensor, wanted: Tensor) -> Tensor:
    """Return one minus the mean cosine of two sets of rows, shapes (n, d); `wanted` has unit length."""
    return 1 - torch.sum(nn.functional.normalize(found, dim=-1) * wanted, dim=-1).mean()
