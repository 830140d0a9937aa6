"""Teaching the small text tower to give the sentence model's vectors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from open_clip.transformer import TextTransformer
from torch import Tensor, nn

from training.compact.progress import logged
from training.compact.student import Tokens, embed, lengths_of


@dataclass(frozen=True, slots=True)
class DistilPlan:
    """How long and how fast.

    Attributes:
        epochs: Times that every line is seen.
        batch: Lines per step.
        rate: Highest learning rate of one cycle, for the layers.
        table_rate: The same for the token table.
        match: Weight of matching the similarities within a batch.
    """

    epochs: int = 6
    batch: int = 512
    rate: float = 1.5e-3
    table_rate: float = 1.5e-3
    match: float = 0.2


def batches(lengths: NDArray[np.int64], *, batch: int, random: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Yield row numbers, every row once, rows of like length together, batches in random order.

    Sorting by length within pools of 32 batches saves the padding and keeps the batches mixed.
    """
    order = random.permutation(len(lengths))
    pool = 32 * batch
    groups: list[NDArray[np.int64]] = []
    for start in range(0, len(order), pool):
        part = order[start : start + pool]
        part = part[np.argsort(lengths[part], kind="stable")]
        groups += [part[at : at + batch] for at in range(0, len(part), batch)]
    for index in random.permutation(len(groups)):
        yield groups[index]


def distil_loss(found: Tensor, wanted: Tensor, *, match: float, temperature: float = 0.05) -> Tensor:
    """Return 1 - cosine to the teacher plus `match` times the divergence of the in-batch similarities.

    Args:
        found: The student's vectors, any length, shape (n, d).
        wanted: The teacher's unit vectors, shape (n, d).
        match: Weight of the second term.
        temperature: Divides similarities before the softmax over the batch.
    """
    unit = nn.functional.normalize(found, dim=-1)
    away = 1 - (unit * wanted).sum(-1).mean()
    if match == 0:
        return away
    theirs = (wanted @ wanted.T / temperature).softmax(-1)
    ours = (unit @ wanted.T / temperature).log_softmax(-1)
    return away + match * nn.functional.kl_div(ours, theirs, reduction="batchmean")


class TowerOptimizer:
    """AdamW for the layers and a sparse Adam for the token table, under one cycle of the learning rate.

    The table is 83 % of the weights and a batch touches 5 % of its rows: the sparse step saves 60 ms of 300.
    """

    def __init__(self, tower: TextTransformer, *, rate: float, table_rate: float, steps: int, start: float = 0.1):
        """Prepare for `steps` steps; the rate rises over the first `start` of them and then falls to zero."""
        tower.token_embedding.sparse = True
        others = [weight for name, weight in tower.named_parameters() if name != "token_embedding.weight"]
        self._optimizers = [
            torch.optim.AdamW(others, lr=rate, weight_decay=0.01, betas=(0.9, 0.98), fused=True),
            torch.optim.SparseAdam([tower.token_embedding.weight], lr=table_rate, betas=(0.9, 0.98)),
        ]
        self._schedules = [
            torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step / steps, start))
            for optimizer in self._optimizers
        ]
        self._clipped = others

    def step(self) -> None:
        """Change the weights by their gradients, then forget these."""
        nn.utils.clip_grad_norm_(self._clipped, 1.0)
        for optimizer, schedule in zip(self._optimizers, self._schedules, strict=True):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)


def one_cycle(done: float, start: float) -> float:
    """Return the share of the highest rate: linear up over the first `start`, then half a cosine down to zero."""
    if done < start:
        return 0.02 + 0.98 * done / start
    return 0.5 + 0.5 * float(np.cos(np.pi * min(1.0, (done - start) / (1 - start))))


def distil(
    tower: TextTransformer, tokens: Tokens, wanted: NDArray[np.floating[Any]], plan: DistilPlan, *, seed: int
) -> dict[str, Any]:
    """Return the weights of the tower after training; the tower is changed.

    Args:
        tower: The student.
        tokens: Shape (n, context), int64.
        wanted: The teacher's unit vectors, shape (n, dim), float16 or float32.
        plan: How long and how fast.
        seed: For the order of the lines.
    """
    random = np.random.default_rng(seed)
    lengths = lengths_of(tokens)
    steps = plan.epochs * len(list(batches(lengths, batch=plan.batch, random=random)))
    optimizer = TowerOptimizer(tower, rate=plan.rate, table_rate=plan.table_rate, steps=steps)
    every = (rows for _ in range(plan.epochs) for rows in batches(lengths, batch=plan.batch, random=random))
    for rows in logged(every, stage="distil", total=steps):
        target = torch.from_numpy(wanted[rows].astype(np.float32))
        loss = distil_loss(embed(tower, torch.from_numpy(tokens[rows])), target, match=plan.match)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    state: dict[str, Any] = tower.state_dict()
    return state
