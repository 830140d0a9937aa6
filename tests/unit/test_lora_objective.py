"""The losses of a LoRA training."""

from __future__ import annotations

import torch
from open_clip.loss import ClipLoss, SigLipLoss
from torch import nn

from retrieval.tuning.lora.objective import contrastive_loss, sigmoid_loss


def test_with_one_right_photo_each_the_losses_are_those_of_open_clip() -> None:
    random = torch.Generator().manual_seed(0)
    texts, photos = (nn.functional.normalize(torch.randn(5, 8, generator=random), dim=1) for _ in range(2))
    labels, scale, bias = torch.eye(5, dtype=torch.int8), torch.tensor(10.0), torch.tensor(-5.0)
    scores = scale * texts @ photos.T
    torch.testing.assert_close(contrastive_loss(scores, labels), ClipLoss()(photos, texts, scale))
    torch.testing.assert_close(sigmoid_loss(scores + bias, labels), SigLipLoss()(photos, texts, scale, bias))


def test_open_pairs_do_not_count() -> None:
    labels = torch.tensor([[1, 0, -1], [0, 1, -1]], dtype=torch.int8)
    scores = torch.tensor([[3.0, 1.0, 9.0], [0.0, 2.0, -9.0]])
    for loss in (contrastive_loss, sigmoid_loss):
        torch.testing.assert_close(loss(scores, labels), loss(scores[:, :2], labels[:, :2]))
