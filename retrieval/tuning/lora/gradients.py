"""Gradients of a loss over a large batch, in the memory of a small one (GradCache, Gao et al. 2021, section 3.3)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor

Tower = Callable[[Tensor], Tensor]
Precision = Callable[[], AbstractContextManager[object]]


def backward_in_chunks(
    parts: Sequence[tuple[Tower, Tensor]],
    loss: Callable[[Sequence[Tensor]], Tensor],
    *,
    chunk: int,
    precision: Precision,
) -> float:
    """Return the loss of a batch after adding its gradients to the towers' weights.

    The towers run twice: without gradients to know the vectors, and chunk by chunk with the gradient that the loss
    has at them. Towers must give the same twice, so models are in eval mode: no dropout, no statistics of a batch.

    Args:
        parts: Each tower with its inputs, shape (n, …).
        loss: From the towers' vectors, in the order of `parts`, to a number.
        chunk: Rows that a tower sees at once.
        precision: Makes the context in which towers run.
    """
    with torch.no_grad(), precision():
        found = [
            torch.cat([tower(rows).float() for rows in torch.split(inputs, chunk)]).requires_grad_()
            for tower, inputs in parts
        ]
    value = loss(found)
    value.backward()  # type: ignore[no-untyped-call]
    for (tower, inputs), vectors in zip(parts, found, strict=True):
        if vectors.grad is None:
            continue
        for rows, wanted in zip(torch.split(inputs, chunk), torch.split(vectors.grad, chunk), strict=True):
            with precision():
                again = tower(rows)
            again.float().backward(wanted)  # type: ignore[no-untyped-call]
    return float(value.detach())
