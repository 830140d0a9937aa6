"""Lessons: arrays that fit together, and parts of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from retrieval.tuning.training_set import alike
from tests.support.lessons import lessons_of


def test_a_part_of_the_lessons_holds_the_units_of_its_queries_numbered_anew() -> None:
    lessons = replace(
        lessons_of(queries=3, units=5, others=2, dim=4, seed=0),
        owners=np.array([0, 1, 1, 2, 0]),
        good=np.array([True, False, True, True, False]),
    )
    part = lessons.take(np.array([2, 0]))
    assert part.names == ("2", "0")
    assert part.owners.tolist() == [1, 0, 1]  # units 0, 3 and 4: of query 0, of query 2, of query 0
    assert part.good.tolist() == [True, True, False]
    assert np.array_equal(part.units, lessons.units[[0, 3, 4]])
    assert np.array_equal(part.texts, lessons.texts[[2, 0]])
    assert len(part.others) == 2  # what nobody judged belongs to no query


def test_no_query_leaves_no_unit() -> None:
    part = lessons_of(queries=3, units=5, others=2, dim=4, seed=0).take(np.array([], dtype=np.int64))
    assert (part.names, len(part.units), part.texts.shape) == ((), 0, (0, 4))


@pytest.mark.parametrize("name", ["texts", "images", "units", "good", "are_photos", "others", "others_are_photos"])
def test_arrays_of_another_length_are_refused(name: str) -> None:
    lessons = lessons_of(queries=3, units=5, others=2, dim=4, seed=0)
    with pytest.raises(ValueError, match=r"lessons have \w+ of the shape .*; expected"):
        replace(lessons, **{name: getattr(lessons, name)[:-1]})


@pytest.mark.parametrize("owner", [-1, 3])
def test_a_unit_of_no_query_is_refused(owner: int) -> None:
    lessons = lessons_of(queries=3, units=5, others=2, dim=4, seed=0)
    with pytest.raises(ValueError, match="expected 0 to 2"):
        replace(lessons, owners=np.array([0, 1, 2, 0, owner]))


def test_vectors_of_one_direction_are_one() -> None:
    rows = np.array([[1, 0], [0, 1], [0.5, 1e-4], [0, 0], [0.1, 1]], dtype=np.float32)
    assert alike(rows).tolist() == [0, 1, 0, 3, 4]  # cosines with the first 1 and 0.99999998, with the second 0.995
    assert alike(rows[:0]).tolist() == []
