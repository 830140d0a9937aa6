"""Training adapters: its gradient, what it learns, what it holds, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TuningError
from retrieval.tuning.adapter.loss import TEMPERATURE, Task, Weights, loss_of, task_of
from retrieval.tuning.adapter.train import query_scores, train_adapter
from retrieval.tuning.training_set import TrainingSet
from tests.support.lessons import lessons_of, unit_rows

DIM = 12


def mixed() -> TrainingSet:
    """Return lessons whose queries are a text, a picture, both with other weights, and one without a good unit."""
    random = np.random.default_rng(1)
    lessons = lessons_of(queries=5, units=30, others=40, dim=DIM, seed=1)
    texts = lessons.texts * np.array([1, 1, 0, 2, 1], dtype=np.float32)[:, None]
    images = unit_rows(5, DIM, random) * np.array([0, 0, 1, 0.5, 0], dtype=np.float32)[:, None]
    return replace(lessons, texts=texts, images=images, good=lessons.good & (lessons.owners != 4))


def by_torch(weights: Weights, task: Task) -> tuple[float, list[torch.Tensor]]:
    """Return the loss written with slow loops, and its gradient by autograd."""
    parts = [torch.tensor(part, requires_grad=True) for part in weights]
    texts, images, units, general, others = map(
        torch.tensor, (task.texts, task.images, task.units, task.general, task.others)
    )

    def moved(rows: torch.Tensor, at: int) -> torch.Tensor:
        return normalize(rows + rows @ parts[at] @ parts[at + 1] if at < len(parts) else rows, dim=1)

    queries = normalize(
        texts.norm(dim=1, keepdim=True) * moved(texts, 0) + images.norm(dim=1, keepdim=True) * moved(images, 2), dim=1
    )
    if len(parts) == 4:
        units = torch.where(torch.tensor(task.are_photos)[:, None], moved(units, 2), moved(units, 0))
    losses = []
    for query in range(len(queries)):
        mine = np.flatnonzero(task.owners == query)
        scores = units[task.rows[mine]] @ queries[query] / TEMPERATURE
        good = task.good[mine]
        against = (torch.tensor(task.weights[mine][~good]) * scores[~good].exp()).sum()
        shares = [-torch.log(scores[row].exp() / (scores[row].exp() + against)) for row in np.flatnonzero(good)]
        losses += [torch.stack(shares).mean()] if shares else []
    loss = torch.stack(losses).mean() + task.keep * ((moved(general, 0) - general) ** 2).sum(dim=1).mean()
    if len(parts) == 4:
        loss = loss + task.keep * ((moved(others, 2) - others) ** 2).sum(dim=1).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    return float(loss.detach()), [part.grad for part in parts if part.grad is not None]


@pytest.mark.parametrize("both", [False, True])
def test_the_loss_and_its_gradient_are_those_of_slow_loops_under_autograd(both: bool) -> None:
    random = np.random.default_rng(2)
    task = task_of(mixed(), unit_rows(9, DIM, random), both=both, keep=3)
    weights = tuple(0.3 * random.standard_normal(shape) for shape in ((DIM, 3), (3, DIM)) * (1 + both))
    value, slopes = loss_of(weights, task)
    expected, expected_slopes = by_torch(weights, task)
    assert value == pytest.approx(expected, rel=1e-9)
    assert len(slopes) == len(expected_slopes)
    for slope, other in zip(slopes, expected_slopes, strict=True):
        np.testing.assert_allclose(slope, other.numpy(), rtol=1e-7, atol=1e-9)


def test_a_query_is_compared_with_the_unjudged_units_nearest_to_it() -> None:
    others = np.zeros((60, DIM), dtype=np.float32)
    others[:, 0] = np.linspace(-1, 1, 60)  # ever nearer to the first axis
    lessons = replace(lessons_of(queries=1, units=2, others=60, dim=DIM, seed=0), others=others)
    task = task_of(replace(lessons, texts=np.eye(1, DIM, dtype=np.float32)), others[:1], both=False, keep=1)
    assert len(task.rows) == 2 + 50  # what was judged, and the nearest 50 of 60
    assert task.units[2:, 0].min() == pytest.approx(-0.661, abs=0.001)  # the eleventh: -1 + 10 * 2 / 59
    assert task.weights.tolist() == [1.0] * 2 + [0.1] * 50


def taste() -> tuple[TrainingSet, TrainingSet]:
    """Return lessons of a user for whom all that is asked means one direction, and others of the same user."""
    random = np.random.default_rng(3)
    meant = unit_rows(1, 32, random)
    texts = unit_rows(1, 32, random) + 0.7 * unit_rows(24, 32, random)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    owners = np.repeat(np.arange(24), 10)
    good = np.tile(np.arange(10) < 4, 24)
    noise = unit_rows(240, 32, random)
    units = texts[owners] + noise + 0.8 * good[:, None] * meant
    lessons = TrainingSet(
        names=tuple(map(str, range(24))), texts=texts, images=np.zeros_like(texts), owners=owners,
        units=(units / np.linalg.norm(units, axis=1, keepdims=True)).astype(np.float32),
        are_photos=np.ones(240, dtype=np.bool_), good=good, others=unit_rows(300, 32, random),
        others_are_photos=np.ones(300, dtype=np.bool_),
    )  # fmt: skip
    return lessons.take(np.arange(12)), lessons.take(np.arange(12, 24))


def lead(lessons: TrainingSet, adapter: Adapter | None) -> float:
    """Return by how much good units lie before bad ones on average, as cosines."""
    scores = query_scores(lessons, adapter)
    return float(scores[lessons.good].mean() - scores[~lessons.good].mean())


@pytest.mark.parametrize("both", [False, True])
def test_queries_that_were_never_judged_gain_and_general_texts_stay(both: bool) -> None:
    judged, unseen = taste()
    general = unit_rows(200, 32, np.random.default_rng(4))
    adapter = train_adapter(judged, general, seed=0, both=both)
    assert adapter.changes_index == both
    assert lead(unseen, adapter) > lead(unseen, None) + 0.05
    assert (adapter.adapt_texts(general) * general).sum(axis=1).mean() > 0.98  # cosines with where they were


def test_the_same_seed_gives_the_same_adapter_and_another_one_another() -> None:
    judged, _ = taste()
    general = unit_rows(20, 32, np.random.default_rng(4))
    first, again, other = (train_adapter(judged, general, seed=seed) for seed in (0, 0, 1))
    assert first.digest == again.digest != other.digest


def test_scores_are_cosines_of_the_query_and_the_units_as_the_index_has_them() -> None:
    lessons = lessons_of(queries=1, units=2, others=0, dim=2, seed=0)
    lessons = replace(
        lessons,
        texts=np.array([[2, 0]], dtype=np.float32),
        images=np.array([[0, 1]], dtype=np.float32),
        units=np.array([[1, 0], [0, 1]], dtype=np.float32),
        are_photos=np.array([False, True]),
    )
    assert query_scores(lessons, None) == pytest.approx([2 / 5**0.5, 1 / 5**0.5])
    turn = LowRankAdapter(
        np.eye(2, dtype=np.float32), np.array([[-1, 1], [-1, -1]], dtype=np.float32)
    )  # a quarter turn
    # texts alone: 2 of (0, 1) and a picture of (0, 1); the index stays
    assert query_scores(lessons, Adapter(turn)) == pytest.approx([0, 1])
    # both: 2 of (0, 1) and (-1, 0) against (0, 1) and (-1, 0)
    assert query_scores(lessons, Adapter(turn, turn)) == pytest.approx([2 / 5**0.5, 1 / 5**0.5])


def test_what_cannot_be_learnt_from_is_refused() -> None:
    lessons = lessons_of(queries=2, units=4, others=3, dim=DIM, seed=0)
    general = lessons.others
    with pytest.raises(TuningError, match="4 judgements hold 0 good ones"):
        train_adapter(replace(lessons, good=np.zeros(4, dtype=np.bool_)), general, seed=0)
    with pytest.raises(TuningError, match="vectors of units are not finite"):
        train_adapter(replace(lessons, units=lessons.units * np.float32(np.nan)), general, seed=0)
