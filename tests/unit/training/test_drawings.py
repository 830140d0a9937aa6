"""Drawings and views: the same for the same seed."""

from __future__ import annotations

import numpy as np

from tests.support.compact import random_picture
from training.compact.synthetic import make_drawings
from training.compact.views import make_view


def test_drawings_have_captions_and_are_the_same_for_the_same_seed() -> None:
    first, second = make_drawings(18, seed=3), make_drawings(18, seed=3)
    assert [drawing.picture.tobytes() for drawing in first] == [drawing.picture.tobytes() for drawing in second]
    assert all(drawing.captions and drawing.picture.mode == "RGB" for drawing in first)
    assert first[0].picture.tobytes() != first[9].picture.tobytes()  # the nine kinds come in turn


def test_views_have_the_tower_s_size_and_are_the_same_for_the_same_seed() -> None:
    for number in range(4):
        first, second = (make_view(random_picture(7), number, np.random.default_rng(number)) for _ in range(2))
        assert first.size == (224, 224)
        assert first.tobytes() == second.tobytes()
