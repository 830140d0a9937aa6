"""The losses that bring images and texts into one space."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def multi_positive_loss(
    images: Tensor, texts: Tensor, *, image_groups: Tensor, text_groups: Tensor, scale: Tensor | float
) -> Tensor:
    """Return the symmetric contrastive loss in which all members of a group are right answers for each other.

    It is the cross entropy against the uniform distribution over the right answers (supervised contrastive loss "out",
    Khosla et al. 2020, eq. 2), from images to texts and back, averaged.

    Args:
        images: Unit vectors, shape (n, d).
        texts: Unit vectors, shape (m, d).
        image_groups: Group of each image, shape (n,), int64; each has a text.
        text_groups: Group of each text, shape (m,), int64; each has an image.
        scale: Factor of the cosines: one over the temperature.
    """
    is_right = (image_groups.unsqueeze(1) == text_groups.unsqueeze(0)).float()  # (n, m)
    scores = scale * images @ texts.T  # (n, m)
    forward = -(is_right * scores.log_softmax(1)).sum(1) / is_right.sum(1)  # (n,)
    backward = -(is_right * scores.log_softmax(0)).sum(0) / is_right.sum(0)  # (m,)
    return (forward.mean() + backward.mean()) / 2


def classifier_loss(images: Tensor, classes: Tensor, logits: Tensor, scale: Tensor | float) -> Tensor:
    """Return the KL divergence of the images' distribution over class names from that of a classifier.

    Args:
        images: Unit vectors, shape (n, d).
        classes: Unit vectors of the class names, shape (c, d).
        logits: The classifier's logits, shape (n, c).
        scale: Factor of the cosines.
    """
    log_probabilities = (scale * images @ classes.T).log_softmax(1)
    return nn.functional.kl_div(log_probabilities, logits.softmax(1), reduction="batchmean")


def agreement_loss(rows: Tensor, targets: Tensor) -> Tensor:
    """Return one minus the mean cosine of rows with targets of unit length, shapes (n, d)."""
    return 1 - torch.sum(nn.functional.normalize(rows, dim=-1) * targets, dim=-1).mean()
