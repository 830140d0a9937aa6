"""What an adapter is trained on: good units before bad and unjudged ones, and everything else where it is.

Value and gradient are written out in NumPy, so that a machine without torch can learn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids
from retrieval.tuning.training_set import TrainingSet

Array = NDArray[np.float64]
Weights = tuple[Array, ...]
"""D and U of the text transform, shapes (d, r) and (r, d), and those of the photo transform where it is trained."""

TEMPERATURE = 0.05
"""Cosines are divided by this."""

HARD = 50
"""Unjudged units that each query is compared with: those nearest to it."""

HARD_WEIGHT = 0.1
"""What an unjudged unit counts against a bad one: some of them are good, only nobody has said so."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """Lessons as the loss reads them.

    Attributes:
        texts: Text sums of the queries, shape (q, d).
        images: Picture sums of the queries, shape (q, d).
        units: Judged units and the hard unjudged ones, shape (n, d).
        are_photos: Which of those are photos, shape (n,).
        owners: The query of each pair, ascending, shape (p,).
        rows: The unit of each pair, shape (p,).
        good: Whether the unit is good for the query, shape (p,).
        weights: What each pair that is not good counts among its query's, shape (p,).
        general: Texts to be held where they are, shape (g, d).
        others: Photos to be held where they are, shape (m, d); none where photos are not transformed.
        keep: Weight of the holding.
    """

    texts: Array
    images: Array
    units: Array
    are_photos: NDArray[np.bool_]
    owners: Ids
    rows: Ids
    good: NDArray[np.bool_]
    weights: Array
    general: Array
    others: Array
    keep: float


def task_of(lessons: TrainingSet, general: NDArray[np.float32], *, both: bool, keep: float) -> Task:
    """Return the task of lessons; each query is compared with its judged units and the unjudged ones nearest to it."""
    texts, images = lessons.texts.astype(np.float64), lessons.images.astype(np.float64)
    hard = min(HARD, len(lessons.others))
    likeness = unit_length(texts + images)[0] @ lessons.others.astype(np.float64).T  # (q, m)
    near = np.argsort(-likeness, axis=1, kind="stable")[:, :hard]
    used, rows = np.unique(near, return_inverse=True)
    owners = np.concatenate([lessons.owners, np.repeat(np.arange(len(texts)), hard)])
    order = np.argsort(owners, kind="stable")
    judged = len(lessons.units)
    return Task(
        texts=texts,
        images=images,
        units=np.concatenate([lessons.units, lessons.others[used]]).astype(np.float64),
        are_photos=np.concatenate([lessons.are_photos, lessons.others_are_photos[used]]),
        owners=owners[order],
        rows=np.concatenate([np.arange(judged), judged + rows.reshape(-1)])[order],
        good=np.concatenate([lessons.good, np.zeros(len(texts) * hard, dtype=np.bool_)])[order],
        weights=np.concatenate([np.ones(judged), np.full(len(texts) * hard, HARD_WEIGHT)])[order],
        general=general.astype(np.float64),
        others=(lessons.others[lessons.others_are_photos] if both else lessons.others[:0]).astype(np.float64),
        keep=keep,
    )


def loss_of(weights: Weights, task: Task) -> tuple[float, Weights]:
    """Return the loss and its gradient.

    Of each good pair -log of its share in the softmax over itself and its query's other units (multi-positive InfoNCE,
    Khosla et al. 2020, equation 2); their mean within a query, and over queries. Besides, `keep` times the mean squared
    distance by which general texts and unjudged photos have moved.
    """
    text, photo = weights[:2], weights[2:]
    asked = moved_texts, _ = unit_length(_moved(task.texts, text))
    shown = moved_images, _ = unit_length(_moved(task.images, photo))
    strength = np.linalg.norm(task.texts, axis=1)[:, None]  # a query's parts keep their weights
    depth = np.linalg.norm(task.images, axis=1)[:, None]
    queries, lengths = unit_length(strength * moved_texts + depth * moved_images)
    units, unit_lengths = _units(task, weights)
    scores = np.einsum("pd,pd->p", queries[task.owners], units[task.rows]) / TEMPERATURE
    value, slopes = _contrast(scores, task)
    slopes = slopes[:, None] / TEMPERATURE
    at_queries = _summed(slopes * units[task.rows], task.owners, len(queries))
    at_sums = _back_to_length(at_queries, queries, lengths)
    found = _gradient(task.texts, text, *asked, strength * at_sums)
    if photo:
        at_units = _summed(slopes * queries[task.owners], task.rows, len(units))
        sees = task.are_photos[:, None]
        of_texts = _gradient(task.units, text, units, unit_lengths, np.where(sees, 0, at_units))
        of_photos = _gradient(task.units, photo, units, unit_lengths, np.where(sees, at_units, 0))
        of_images = _gradient(task.images, photo, *shown, depth * at_sums)
        found = _added(found, of_texts) + _added(of_photos, of_images)
    for place, (rows, part) in enumerate(((task.general, text), (task.others, photo))):
        if part and len(rows):
            moved, slope = _held(rows, part, task.keep)
            value += moved
            found = found[: 2 * place] + _added(found[2 * place : 2 * place + 2], slope) + found[2 * place + 2 :]
    return value, found


def unit_length(rows: Array) -> tuple[Array, Array]:
    """Return rows of unit length and the lengths that they had, shape (n, 1); rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths, lengths


def _moved(rows: Array, part: Weights) -> Array:
    return rows + rows @ part[0] @ part[1] if part else rows


def _units(task: Task, weights: Weights) -> tuple[Array, Array]:
    """Return the units as the index has them: transformed only where photos are."""
    if len(weights) == 2:
        return task.units, np.ones((len(task.units), 1))
    sees = task.are_photos[:, None]
    return unit_length(np.where(sees, _moved(task.units, weights[2:]), _moved(task.units, weights[:2])))


def _contrast(scores: Array, task: Task) -> tuple[float, Array]:
    """Return the loss of pairs' scores and its gradient, shape (p,); a query without a good unit counts nothing."""
    count = len(task.texts)
    goods = np.bincount(task.owners[task.good], minlength=count)
    against, owners = ~task.good, task.owners
    top = np.full(count, -np.inf)
    np.maximum.at(top, owners, scores)
    lifted = np.exp(scores - top[owners])
    mass = np.where(against, task.weights * lifted, 0)
    total = np.bincount(owners, weights=mass, minlength=count)
    share = np.where(task.good, 1 / np.maximum(goods[owners] * max(1, (goods > 0).sum()), 1), 0)
    whole = lifted + total[owners]
    value = -float((share * (np.log(np.maximum(lifted, 1e-300)) - np.log(np.maximum(whole, 1e-300)))).sum())
    pulled = share * (lifted / np.maximum(whole, 1e-300) - 1)
    pushed = np.bincount(owners, weights=share / np.maximum(whole, 1e-300), minlength=count)
    return value, pulled + mass * pushed[owners]


def _held(rows: Array, part: Weights, keep: float) -> tuple[float, Weights]:
    """Return what it costs that rows have moved, and the gradient."""
    out, lengths = unit_length(_moved(rows, part))
    away = out - rows
    slope = 2 * keep / len(rows) * away
    return keep * float((away**2).sum()) / len(rows), _gradient(rows, part, out, lengths, slope)


def _gradient(rows: Array, part: Weights, out: Array, lengths: Array, slope: Array) -> Weights:
    """Return the gradient at D and U of what has `slope` at the transformed rows `out`."""
    inner = _back_to_length(slope, out, lengths)
    return rows.T @ (inner @ part[1].T), (rows @ part[0]).T @ inner


def _back_to_length(slope: Array, out: Array, lengths: Array) -> Array:
    along: Array = (slope * out).sum(axis=1, keepdims=True)
    turned: Array = (slope - along * out) / lengths
    return turned


def _summed(rows: Array, owners: Ids, count: int) -> Array:
    """Return the sum of the rows of each owner, shape (count, d)."""
    order = np.argsort(owners, kind="stable")
    present, starts = np.unique(owners[order], return_index=True)
    sums = np.zeros((count, rows.shape[1]))
    if len(present):
        sums[present] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def _added(first: Weights, second: Weights) -> Weights:
    return tuple(one + other for one, other in zip(first, second, strict=True))
