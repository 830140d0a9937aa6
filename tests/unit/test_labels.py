"""Labels: a copy of a right photo is not wrong, nor is a photo that answers the same text."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.encoders.base import to_unit_length
from indexer.types import Vectors
from retrieval.tuning.lora.labels import GOOD, OPEN, WRONG, FrozenEmbeddings, label_photos
from retrieval.tuning.lora.paired_queries import PairedQuery

A, B, C, D = (Path(name) for name in "abcd")


def rows(*vectors: tuple[float, ...]) -> Vectors:
    return to_unit_length(np.array(vectors, dtype=np.float32))


def labels(queries: list[PairedQuery], texts: Vectors, photos: dict[Path, Vectors]) -> list[list[int]]:
    frozen = FrozenEmbeddings(tuple(photos), np.concatenate(list(photos.values())), texts, texts)
    result: list[list[int]] = label_photos(queries, frozen).tolist()
    return result


def test_a_copy_of_a_good_photo_that_scores_lower_than_the_best_is_not_wrong() -> None:
    # cosines with the text .3 (b), .2 (a and its copy), .2 (d, of something else): .2 < .95 * .3
    photos = {A: rows((0.2, 0.98, 0)), B: rows((0.3, 0, 0.95)), C: rows((0.2, 0.979, 0.02)), D: rows((0.2, -0.98, 0))}
    assert labels([PairedQuery("x", (A, B), ())], rows((1, 0, 0)), photos) == [[GOOD, GOOD, OPEN, WRONG]]


def test_a_photo_that_scores_nearly_as_high_as_the_best_is_not_wrong_below_zero() -> None:
    # the good one has -.100, the next -.104 but is not a copy (cosine -.02): below -.105 it would be wrong
    photos = {A: rows((0.995, -0.1, 0)), B: rows((-0.1, -0.104, 0.99)), C: rows((0, -0.2, -0.98))}
    assert labels([PairedQuery("x", (A,), ())], rows((0, 1, 0)), photos) == [[GOOD, OPEN, WRONG]]


def test_a_good_photo_of_the_same_text_in_another_case_is_not_wrong() -> None:
    photos = {A: rows((1, 0.1, 0)), B: rows((0.3, 1, 0)), C: rows((0.1, 0, 1))}
    queries = [PairedQuery("Biscuit", (A,), ()), PairedQuery("biscuit ", (B,), ()), PairedQuery("tea", (C,), ())]
    texts = rows((1, 0, 0), (1, 0, 0), (0, 0, 1))
    assert labels(queries, texts, photos) == [[GOOD, OPEN, WRONG], [OPEN, GOOD, WRONG], [WRONG, WRONG, GOOD]]
