"""Training of adapters: the gradient, what is learned, what stays where it is, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from retrieval.tuning.adapter.loss import TEMPERATURE, LossInputs, Weights, loss_and_gradient, make_inputs
from retrieval.tuning.adapter.train_adapter import query_scores, train_adapter
from retrieval.tuning.training_set import TrainingSet
from tests.support.training_sets import random_training_set, unit_rows

DIM = 12


def mixed_training_set() -> TrainingSet:
    """Return queries that are a text, a picture, both with other weights, and one without a good unit."""
    random = np.random.default_rng(1)
    training_set = random_training_set(queries=5, units=30, unjudged=40, dim=DIM, seed=1)
    texts = training_set.texts * np.array([1, 1, 0, 2, 1], dtype=np.float32)[:, None]
    images = unit_rows(5, DIM, random) * np.array([0, 0, 1, 0.5, 0], dtype=np.float32)[:, None]
    return replace(training_set, texts=texts, images=images, good=training_set.good & (training_set.owners != 4))


def torch_loss_and_gradient(weights: Weights, inputs: LossInputs) -> tuple[float, list[torch.Tensor]]:
    """Return the loss computed with slow loops, and its gradient by autograd."""
    parts = [torch.tensor(part, requires_grad=True) for part in weights]
    texts, images, units, general, unjudged = map(
        torch.tensor, (inputs.texts, inputs.images, inputs.units, inputs.general, inputs.unjudged)
    )

    def transform(rows: torch.Tensor, first: int) -> torch.Tensor:
        return normalize(rows + rows @ parts[first] @ parts[first + 1] if first < len(parts) else rows, dim=1)

    queries = normalize(
        texts.norm(dim=1, keepdim=True) * transform(texts, 0) + images.norm(dim=1, keepdim=True) * transform(images, 2),
        dim=1,
    )
    if len(parts) == 4:
        units = torch.where(torch.tensor(inputs.are_photos)[:, None], transform(units, 2), transform(units, 0))
    losses = []
    for query in range(len(queries)):
        pairs = np.flatnonzero(inputs.owners == query)
        scores = units[inputs.rows[pairs]] @ queries[query] / TEMPERATURE
        good = inputs.good[pairs]
        negatives = (torch.tensor(inputs.weights[pairs][~good]) * scores[~good].exp()).sum()
        terms = [-torch.log(scores[row].exp() / (scores[row].exp() + negatives)) for row in np.flatnonzero(good)]
        losses += [torch.stack(terms).mean()] if terms else []
    loss = torch.stack(losses).mean() + inputs.drift_weight * ((transform(general, 0) - general) ** 2).sum(dim=1).mean()
    if len(parts) == 4:
        loss = loss + inputs.drift_weight * ((transform(unjudged, 2) - unjudged) ** 2).sum(dim=1).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), [part.grad for part in parts if part.grad is not None]


@pytest.mark.parametrize("transform_photos", [False, True])
def test_the_loss_and_its_gradient_equal_slow_loops_under_autograd(transform_photos: bool) -> None:
    random = np.random.default_rng(2)
    general = unit_rows(9, DIM, random)
    inputs = make_inputs(mixed_training_set(), general, transform_photos=transform_photos, drift_weight=3)
    weights = tuple(0.3 * random.standard_normal(shape) for shape in ((DIM, 3), (3, DIM)) * (1 + transform_photos))
    loss, gradient = loss_and_gradient(weights, inputs)
    expected_loss, expected_gradient = torch_loss_and_gradient(weights, inputs)
    assert loss == pytest.approx(expected_loss, rel=1e-9)
    assert len(gradient) == len(expected_gradient)
    for slope, expected in zip(gradient, expected_gradient, strict=True):
        np.testing.assert_allclose(slope, expected.numpy(), rtol=1e-7, atol=1e-9)


def test_a_query_is_compared_with_the_nearest_unjudged_units() -> None:
    unjudged = np.zeros((60, DIM), dtype=np.float32)
    unjudged[:, 0] = np.linspace(-1, 1, 60)  # nearer and nearer to the first axis
    training_set = random_training_set(queries=1, units=2, unjudged=60, dim=DIM, seed=0)
    training_set = replace(training_set, unjudged=unjudged, texts=np.eye(1, DIM, dtype=np.float32))
    inputs = make_inputs(training_set, unjudged[:1], transform_photos=False, drift_weight=1)
    assert len(inputs.rows) == 2 + 50  # the judged units, and the nearest 50 of 60
    assert inputs.units[2:, 0].min() == pytest.approx(-0.661, abs=0.001)  # the eleventh: -1 + 10 * 2 / 59
    assert inputs.weights.tolist() == [1.0] * 2 + [0.1] * 50


def taste_training_sets() -> tuple[TrainingSet, TrainingSet]:
    """Return two training sets of a user for whom all queries mean one direction."""
    random = np.random.default_rng(3)
    meaning = unit_rows(1, 32, random)
    texts = unit_rows(1, 32, random) + 0.7 * unit_rows(24, 32, random)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    owners = np.repeat(np.arange(24), 10)
    good = np.tile(np.arange(10) < 4, 24)
    noise = unit_rows(240, 32, random)
    units = texts[owners] + noise + 0.8 * good[:, None] * meaning
    training_set = TrainingSet(
        names=tuple(map(str, range(24))), texts=texts, images=np.zeros_like(texts), owners=owners,
        units=(units / np.linalg.norm(units, axis=1, keepdims=True)).astype(np.float32),
        are_photos=np.ones(240, dtype=np.bool_), good=good, unjudged=unit_rows(300, 32, random),
        unjudged_are_photos=np.ones(300, dtype=np.bool_),
    )  # fmt: skip
    return training_set.take(np.arange(12)), training_set.take(np.arange(12, 24))


def margin(training_set: TrainingSet, adapter: Adapter | None) -> float:
    """Return the mean score of good units less that of bad ones, in cosines."""
    scores = query_scores(training_set, adapter)
    return float(scores[training_set.good].mean() - scores[~training_set.good].mean())


@pytest.mark.parametrize("transform_photos", [False, True])
def test_unseen_queries_gain_and_general_texts_stay_where_they_are(transform_photos: bool) -> None:
    judged, unseen = taste_training_sets()
    general = unit_rows(200, 32, np.random.default_rng(4))
    adapter = train_adapter(judged, general, seed=0, transform_photos=transform_photos)
    assert adapter.changes_index == transform_photos
    assert margin(unseen, adapter) > margin(unseen, None) + 0.05
    assert (adapter.adapt_texts(general) * general).sum(axis=1).mean() > 0.98  # cosines with their former places


def test_the_same_seed_gives_the_same_adapter_and_another_seed_another() -> None:
    judged, _ = taste_training_sets()
    general = unit_rows(20, 32, np.random.default_rng(4))
    first, second, third = (train_adapter(judged, general, seed=seed) for seed in (0, 0, 1))
    assert first.digest == second.digest != third.digest


def test_scores_are_cosines_of_queries_with_units_as_the_index_has_them() -> None:
    training_set = replace(
        random_training_set(queries=1, units=2, unjudged=0, dim=2, seed=0),
        texts=np.array([[2, 0]], dtype=np.float32),
        images=np.array([[0, 1]], dtype=np.float32),
        units=np.array([[1, 0], [0, 1]], dtype=np.float32),
        are_photos=np.array([False, True]),
    )
    assert query_scores(training_set, None) == pytest.approx([2 / 5**0.5, 1 / 5**0.5])
    quarter_turn = LowRankAdapter(np.eye(2, dtype=np.float32), np.array([[-1, 1], [-1, -1]], dtype=np.float32))
    # texts alone: the query is 2 of (0, 1) and a picture of (0, 1); the index stays
    assert query_scores(training_set, Adapter(quarter_turn)) == pytest.approx([0, 1])
    # both: the query is 2 of (0, 1) and (-1, 0), the units are (0, 1) and (-1, 0)
    assert query_scores(training_set, Adapter(quarter_turn, quarter_turn)) == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_a_training_set_without_good_units_or_with_nan_is_refused() -> None:
    training_set = random_training_set(queries=2, units=4, unjudged=3, dim=DIM, seed=0)
    general = training_set.unjudged
    with pytest.raises(TuningError, match="of 4 judgements 0 are good"):
        train_adapter(replace(training_set, good=np.zeros(4, dtype=np.bool_)), general, seed=0)
    with pytest.raises(TuningError, match="embeddings of units are not finite"):
        train_adapter(replace(training_set, units=training_set.units * np.float32(np.nan)), general, seed=0)
