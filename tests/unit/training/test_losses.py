"""The losses of the compact encoder's training."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from training.compact.distil import distil_loss
from training.compact.losses import classifier_loss, multi_positive_loss


def test_the_contrastive_loss_equals_slow_loops() -> None:
    torch.manual_seed(0)
    images = nn.functional.normalize(torch.randn(4, 3), dim=-1)
    texts = nn.functional.normalize(torch.randn(5, 3), dim=-1)
    image_groups, text_groups, scale = [0, 1, 2, 1], [0, 0, 1, 2, 1], 7.0
    loss = multi_positive_loss(
        images, texts, image_groups=torch.tensor(image_groups), text_groups=torch.tensor(text_groups), scale=scale
    )

    def one_way(a: list[list[float]], b: list[list[float]], groups_a: list[int], groups_b: list[int]) -> float:
        total = 0.0
        for row, group in zip(a, groups_a, strict=True):
            scores = [scale * sum(x * y for x, y in zip(row, other, strict=True)) for other in b]
            norm = math.log(sum(math.exp(score) for score in scores))
            right = [score - norm for score, other in zip(scores, groups_b, strict=True) if other == group]
            total -= sum(right) / len(right)
        return total / len(a)

    expected = one_way(images.tolist(), texts.tolist(), image_groups, text_groups)
    expected += one_way(texts.tolist(), images.tolist(), text_groups, image_groups)
    assert float(loss) == pytest.approx(expected / 2, rel=1e-5)


def test_the_classifier_loss_is_zero_if_images_agree_with_the_classifier() -> None:
    images, classes = torch.eye(3)[:2], torch.eye(3)
    logits = 5.0 * images @ classes.T
    assert float(classifier_loss(images, classes, logits, 5.0)) == pytest.approx(0, abs=1e-6)
    assert float(classifier_loss(images, classes, logits.flip(1), 5.0)) > 1


def test_the_distillation_loss_is_zero_for_the_teacher_itself() -> None:
    targets = nn.functional.normalize(torch.randn(6, 8), dim=-1)
    assert float(distil_loss(3 * targets, targets, match=0.2)) == pytest.approx(0, abs=1e-5)
    assert float(distil_loss(targets.flip(0), targets, match=0.2)) > 0.5
