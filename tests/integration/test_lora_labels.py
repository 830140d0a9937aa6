"""What counts as a wrong answer: not a copy of a right one, nor what answered the same words before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval.tuning.lora.data import GOOD, OPEN, WRONG, Frozen, PairedQuery, label

A, B, C, D = (Path(name) for name in "abcd")


def rows(*vectors: tuple[float, ...]) -> Vectors:
    return to_unit_length(np.array(vectors, dtype=np.float32))


def labels(queries: list[PairedQuery], texts: Vectors, photos: dict[Path, Vectors]) -> list[list[int]]:
    frozen = Frozen(tuple(photos), np.concatenate(list(photos.values())), texts, texts)
    found: list[list[int]] = label(queries, frozen).tolist()
    return found


def test_a_copy_of_a_good_photo_that_scores_lower_than_the_best_is_not_wrong() -> None:
    # cosines with the words .3 (b), .2 (a and its copy), .2 (d, of something else): .2 < .95 * .3
    photos = {A: rows((0.2, 0.98, 0)), B: rows((0.3, 0, 0.95)), C: rows((0.2, 0.979, 0.02)), D: rows((0.2, -0.98, 0))}
    assert labels([PairedQuery("x", (A, B), ())], rows((1, 0, 0)), photos) == [[GOOD, GOOD, OPEN, WRONG]]


def test_below_zero_a_photo_like_the_best_is_not_wrong() -> None:
    # the good one has -.100, the next -.104 but is no copy (cosine -.02): below -.105 it would be wrong
    photos = {A: rows((0.995, -0.1, 0)), B: rows((-0.1, -0.104, 0.99)), C: rows((0, -0.2, -0.98))}
    assert labels([PairedQuery("x", (A,), ())], rows((0, 1, 0)), photos) == [[GOOD, OPEN, WRONG]]


def test_the_same_words_in_another_case_do_not_make_a_right_answer_wrong() -> None:
    photos = {A: rows((1, 0.1, 0)), B: rows((0.3, 1, 0)), C: rows((0.1, 0, 1))}
    queries = [PairedQuery("Biscuit", (A,), ()), PairedQuery("biscuit ", (B,), ()), PairedQuery("tea", (C,), ())]
    texts = rows((1, 0, 0), (1, 0, 0), (0, 0, 1))
    assert labels(queries, texts, photos) == [[GOOD, OPEN, WRONG], [OPEN, GOOD, WRONG], [WRONG, WRONG, GOOD]]
