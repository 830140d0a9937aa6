"""BatchNorm that is not trained, folded into the convolution before it, and taken out again for storing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def _neighbours(model: nn.Module) -> Iterator[tuple[nn.Module, str, nn.Module, str, nn.Module]]:
    """Yield parent, name and child twice for children that stand next to each other, everywhere in the model."""
    for parent in list(model.modules()):
        for (first, before), (second, after) in pairwise(list(parent.named_children())):
            yield parent, first, before, second, after


def fold_batch_norm(model: nn.Module) -> nn.Module:
    """Return the same model with each BatchNorm inside the convolution before it; the input is changed.

    A convolution and a norm pair where they stand next to each other, which is how timm declares them. It makes the
    tower a third faster here, and what is then trained is trained with the norm's statistics frozen.
    """
    for parent, first, conv, second, norm in _neighbours(model):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            setattr(parent, first, fuse_conv_bn_eval(conv, norm))
            setattr(parent, second, getattr(norm, "act", nn.Identity()))
    return model


@torch.no_grad()
def unfold_batch_norm(folded: nn.Module, fresh: nn.Module) -> nn.Module:
    """Return `fresh` with the weights of `folded`: its norms only add what the folded convolutions add.

    Args:
        folded: What `fold_batch_norm` gave, maybe trained since.
        fresh: A model of the same architecture as before folding; it is changed.
    """
    fresh.load_state_dict(folded.state_dict(), strict=False)  # all but the norms and the folded biases
    for parent, first, conv, _, norm in _neighbours(fresh):
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            path = next(name for name, module in fresh.named_modules() if module is parent)
            source = folded.get_submodule(f"{path}.{first}" if path else first)
            norm.weight.fill_(1.0)
            norm.bias.copy_(source.bias)  # type: ignore[arg-type]
            norm.running_mean.zero_()  # type: ignore[union-attr]
            norm.running_var.fill_(1.0 - norm.eps)  # type: ignore[union-attr]
    return fresh
