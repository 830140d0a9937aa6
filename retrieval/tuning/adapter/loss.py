"""The loss of an adapter: good units rank before bad and unjudged ones, and everything else stays where it is.

Loss and gradient are written out in NumPy, so that a machine without torch can train.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.types import Ids
from retrieval.tuning.training_set import TrainingSet

Array = NDArray[np.float64]
Weights = tuple[Array, ...]
"""D and U of the text transform, shapes (d, r) and (r, d), then those of the photo transform if it is trained."""

TEMPERATURE = 0.05
"""Cosines are divided by this."""

HARD_NEGATIVES = 50
"""The number of unjudged units that each query is compared with, those nearest to it."""

HARD_WEIGHT = 0.1
"""Weight of an unjudged unit relative to a bad one: some unjudged units would be judged good."""


@dataclass(frozen=True, slots=True, eq=False)
class LossInputs:
    """A training set in the form that the loss reads.

    Attributes:
        texts: Text sums of the queries, shape (q, d).
        images: Picture sums of the queries, shape (q, d).
        units: Judged units and hard negatives, shape (n, d).
        are_photos: Whether each unit is a photo, shape (n,).
        owners: The query of each pair, ascending, shape (p,).
        rows: The unit of each pair, shape (p,).
        good: Whether the unit of each pair is good for its query, shape (p,).
        weights: Weight of each pair that is not good among those of its query, shape (p,).
        general: Texts that should stay where they are, shape (g, d).
        unjudged: Photos that should stay where they are, shape (m, d); none if photos are not transformed.
        drift_weight: Weight of the drift of `general` and `unjudged`.
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
    unjudged: Array
    drift_weight: float


def make_inputs(
    training_set: TrainingSet, general: NDArray[np.float32], *, transform_photos: bool, drift_weight: float
) -> LossInputs:
    """Return the inputs of the loss: each query is compared with its judged units and the nearest unjudged ones."""
    texts, images = training_set.texts.astype(np.float64), training_set.images.astype(np.float64)
    unjudged, unjudged_are_photos = training_set.unjudged, training_set.unjudged_are_photos
    hard = min(HARD_NEGATIVES, len(unjudged))
    cosines = normalize_rows(texts + images)[0] @ unjudged.astype(np.float64).T  # (q, m)
    nearest = np.argsort(-cosines, axis=1, kind="stable")[:, :hard]
    selected, rows = np.unique(nearest, return_inverse=True)
    owners = np.concatenate([training_set.owners, np.repeat(np.arange(len(texts)), hard)])
    order = np.argsort(owners, kind="stable")
    judged = len(training_set.units)
    return LossInputs(
        texts=texts,
        images=images,
        units=np.concatenate([training_set.units, unjudged[selected]]).astype(np.float64),
        are_photos=np.concatenate([training_set.are_photos, unjudged_are_photos[selected]]),
        owners=owners[order],
        rows=np.concatenate([np.arange(judged), judged + rows.reshape(-1)])[order],
        good=np.concatenate([training_set.good, np.zeros(len(texts) * hard, dtype=np.bool_)])[order],
        weights=np.concatenate([np.ones(judged), np.full(len(texts) * hard, HARD_WEIGHT)])[order],
        general=general.astype(np.float64),
        unjudged=(unjudged[unjudged_are_photos] if transform_photos else unjudged[:0]).astype(np.float64),
        drift_weight=drift_weight,
    )


def loss_and_gradient(weights: Weights, inputs: LossInputs) -> tuple[float, Weights]:
    """Return the loss and its gradient.

    For each good pair, -log of its share in the softmax over itself and the other units of its query (multi-positive
    InfoNCE, Khosla et al. 2020, equation 2), averaged within each query and then over queries. To this is added
    `drift_weight` times the mean squared distance by which general texts and unjudged photos have moved.
    """
    text, photo = weights[:2], weights[2:]
    new_texts, text_norms = normalize_rows(_transform(inputs.texts, text))
    new_images, image_norms = normalize_rows(_transform(inputs.images, photo))
    text_lengths = np.linalg.norm(inputs.texts, axis=1)[:, None]  # the parts of a query keep their weights
    image_lengths = np.linalg.norm(inputs.images, axis=1)[:, None]
    queries, lengths = normalize_rows(text_lengths * new_texts + image_lengths * new_images)
    units, unit_norms = _transformed_units(inputs, weights)
    scores = np.einsum("pd,pd->p", queries[inputs.owners], units[inputs.rows]) / TEMPERATURE
    loss, slopes = _contrastive_loss(scores, inputs)
    slopes = slopes[:, None] / TEMPERATURE
    at_queries = _sum_by_owner(slopes * units[inputs.rows], inputs.owners, len(queries))
    at_sums = _through_norm(at_queries, queries, lengths)
    gradient = _gradient(inputs.texts, text, new_texts, text_norms, text_lengths * at_sums)
    if photo:
        at_units = _sum_by_owner(slopes * queries[inputs.owners], inputs.rows, len(units))
        is_photo = inputs.are_photos[:, None]
        of_texts = _gradient(inputs.units, text, units, unit_norms, np.where(is_photo, 0, at_units))
        of_photos = _gradient(inputs.units, photo, units, unit_norms, np.where(is_photo, at_units, 0))
        of_images = _gradient(inputs.images, photo, new_images, image_norms, image_lengths * at_sums)
        gradient = _add(gradient, of_texts) + _add(of_photos, of_images)
    for tower, (rows, part) in enumerate(((inputs.general, text), (inputs.unjudged, photo))):
        if part and len(rows):
            drift, slope = _drift_loss(rows, part, inputs.drift_weight)
            loss += drift
            first, last = 2 * tower, 2 * tower + 2
            gradient = gradient[:first] + _add(gradient[first:last], slope) + gradient[last:]
    return loss, gradient


def normalize_rows(rows: Array) -> tuple[Array, Array]:
    """Return rows of unit length and their former lengths, shape (n, 1); rows of zeros stay, with length 1."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths, lengths


def _transform(rows: Array, part: Weights) -> Array:
    return rows + rows @ part[0] @ part[1] if part else rows


def _transformed_units(inputs: LossInputs, weights: Weights) -> tuple[Array, Array]:
    """Return the units as the index contains them, and their lengths: transformed only if photos are."""
    if len(weights) == 2:
        return inputs.units, np.ones((len(inputs.units), 1))
    is_photo = inputs.are_photos[:, None]
    return normalize_rows(
        np.where(is_photo, _transform(inputs.units, weights[2:]), _transform(inputs.units, weights[:2]))
    )


def _contrastive_loss(scores: Array, inputs: LossInputs) -> tuple[float, Array]:
    """Return the loss of the pairs' scores and its gradient, shape (p,); a query without a good unit adds nothing."""
    count = len(inputs.texts)
    goods = np.bincount(inputs.owners[inputs.good], minlength=count)
    is_negative, owners = ~inputs.good, inputs.owners
    highest = np.full(count, -np.inf)
    np.maximum.at(highest, owners, scores)
    exponentials = np.exp(scores - highest[owners])
    negatives = np.where(is_negative, inputs.weights * exponentials, 0)
    total = np.bincount(owners, weights=negatives, minlength=count)
    share = np.where(inputs.good, 1 / np.maximum(goods[owners] * max(1, (goods > 0).sum()), 1), 0)
    sums = exponentials + total[owners]
    loss = -float((share * (np.log(np.maximum(exponentials, 1e-300)) - np.log(np.maximum(sums, 1e-300)))).sum())
    of_good = share * (exponentials / np.maximum(sums, 1e-300) - 1)
    of_negatives = np.bincount(owners, weights=share / np.maximum(sums, 1e-300), minlength=count)
    return loss, of_good + negatives * of_negatives[owners]


def _drift_loss(rows: Array, part: Weights, weight: float) -> tuple[float, Weights]:
    """Return the weighted mean squared distance by which rows have moved, and its gradient."""
    out, lengths = normalize_rows(_transform(rows, part))
    distance = out - rows
    slope = 2 * weight / len(rows) * distance
    return weight * float((distance**2).sum()) / len(rows), _gradient(rows, part, out, lengths, slope)


def _gradient(rows: Array, part: Weights, out: Array, lengths: Array, slope: Array) -> Weights:
    """Return the gradient at D and U of a loss with the gradient `slope` at the transformed rows `out`."""
    inner = _through_norm(slope, out, lengths)
    return rows.T @ (inner @ part[1].T), (rows @ part[0]).T @ inner


def _through_norm(slope: Array, out: Array, lengths: Array) -> Array:
    """Return the gradient at rows before normalization, from the gradient at the unit rows `out`."""
    along: Array = (slope * out).sum(axis=1, keepdims=True)
    inner: Array = (slope - along * out) / lengths
    return inner


def _sum_by_owner(rows: Array, owners: Ids, count: int) -> Array:
    """Return the sum of the rows of each owner, shape (count, d)."""
    order = np.argsort(owners, kind="stable")
    present, starts = np.unique(owners[order], return_index=True)
    sums = np.zeros((count, rows.shape[1]))
    if len(present):
        sums[present] = np.add.reduceat(rows[order], starts, axis=0)
    return sums


def _add(first: Weights, second: Weights) -> Weights:
    return tuple(a + b for a, b in zip(first, second, strict=True))
