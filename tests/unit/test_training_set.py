"""The training set: arrays that fit together, parts of it, and duplicate texts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.tuning.training_set import TrainingSet, group_duplicates
from tests.support.training_sets import random_training_set


@pytest.fixture
def training_set() -> TrainingSet:
    return random_training_set(queries=3, units=5, unjudged=2, dim=4, seed=0)


def test_a_part_contains_the_units_of_its_queries_with_their_new_numbers(training_set: TrainingSet) -> None:
    training_set = replace(
        training_set, owners=np.array([0, 1, 1, 2, 0]), good=np.array([True, False, True, True, False])
    )
    part = training_set.take(np.array([2, 0]))
    assert part.names == ("2", "0")
    assert part.owners.tolist() == [1, 0, 1]  # units 0, 3 and 4: of query 0, of query 2, of query 0
    assert part.good.tolist() == [True, True, False]
    assert np.array_equal(part.units, training_set.units[[0, 3, 4]])
    assert np.array_equal(part.texts, training_set.texts[[2, 0]])
    assert len(part.unjudged) == 2  # unjudged units belong to no query


def test_a_part_without_queries_has_no_units(training_set: TrainingSet) -> None:
    part = training_set.take(np.array([], dtype=np.int64))
    assert (part.names, len(part.units), part.texts.shape) == ((), 0, (0, 4))


@pytest.mark.parametrize("name", ["texts", "images", "units", "good", "are_photos", "unjudged", "unjudged_are_photos"])
def test_arrays_of_another_length_are_refused(training_set: TrainingSet, name: str) -> None:
    with pytest.raises(ValueError, match=r"the training set's \w+ have the shape .*; expected"):
        replace(training_set, **{name: getattr(training_set, name)[:-1]})


@pytest.mark.parametrize("owner", [-1, 3])
def test_a_unit_of_a_query_that_does_not_exist_is_refused(training_set: TrainingSet, owner: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 2"):
        replace(training_set, owners=np.array([0, 1, 2, 0, owner]))


def test_vectors_of_the_same_direction_are_duplicates() -> None:
    rows = np.array([[1, 0], [0, 1], [0.5, 1e-4], [0, 0], [0.1, 1]], dtype=np.float32)
    # cosines with the first 1 and 0.99999998, with the second 0.995
    assert group_duplicates(rows).tolist() == [0, 1, 0, 3, 4]
    assert group_duplicates(rows[:0]).tolist() == []
