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

    The towers run twice: first without gradients, to compute the vectors, then chunk by chunk with the gradient of the
    loss at the vectors. Both runs must give the same, so models are in eval mode: no dropout, no batch statistics.

    Args:
        parts: Each tower with its inputs, shape (n, …).
        loss: Computes the loss from the towers' vectors, in the order of `parts`.
        chunk: Rows that a tower processes at once.
        precision: Returns the context in which the towers run.
    """
    with torch.no_grad(), precision():
        outputs = [
            torch.cat([tower(rows).float() for rows in torch.split(inputs, chunk)]).requires_grad_()
            for tower, inputs in parts
        ]
    value = loss(outputs)
    value.backward()  # type: ignore[no-untyped-call]
    for (tower, inputs), vectors in zip(parts, outputs, strict=True):
        if vectors.grad is None:
            continue
        for rows, gradient in zip(torch.split(inputs, chunk), torch.split(vectors.grad, chunk), strict=True):
            with precision():
                output = tower(rows)
            output.float().backward(gradient)  # type: ignore[no-untyped-call]
    return float(value.detach())
