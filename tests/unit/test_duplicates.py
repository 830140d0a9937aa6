"""Pairs, groups and the comparison of pictures, on pictures that are made here."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.encoders.base import to_unit_length
from indexer.types import Ids, Progress, Vectors
from retrieval.duplicates import candidates
from retrieval.duplicates.candidates import in_walking_order, near_pairs, unique
from retrieval.duplicates.features import TURNS, find_features, turned, turned_features
from retrieval.duplicates.groups import Linked, best_first
from retrieval.duplicates.pixel_compare import Verdict, compare, sketch


def scene(seed: int, width: int = 192, height: int = 144) -> NDArray[np.uint8]:
    """Return a grey picture of light and dark places of every size, another for each seed."""
    random = np.random.default_rng(seed)
    grey = np.zeros((height, width), dtype=np.float32)
    for cells, strength in ((4, 60), (12, 40), (36, 25)):
        coarse = Image.fromarray(random.normal(0, strength, (cells, cells)).astype(np.float32))
        grey += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return (grey + 128).clip(0, 255).astype(np.uint8)


def file(item_id: int, path: str, *, width: int = 10, height: int = 10, size: int = 1, facts: int = 0) -> PhotoFile:
    return PhotoFile(item_id, path, size, 0, width, height, "JPEG", None, facts)


@pytest.mark.parametrize("turn", range(TURNS))
def test_a_turned_picture_is_the_same_picture_and_the_turn_is_named(turn: int) -> None:
    grey = scene(1)
    found = compare(sketch(turned(grey, turn)), sketch(grey))
    assert (found.verdict, found.turn) == (Verdict.SAME, turn)
    assert found.shares == pytest.approx((1, 1), abs=0.01)


def test_the_corners_of_a_turned_picture_are_known_without_looking_for_them() -> None:
    grey = scene(2).astype(np.float32)
    for turn in range(TURNS):
        known = turned_features(find_features(grey), turn, grey.shape)
        found = find_features(turned(grey, turn))
        alike = (found.patches @ known.patches.T).max(axis=1)
        assert (alike > 0.99).mean() > 0.9  # the rest: corners of equal strength at the end of the list


def test_a_part_is_found_where_it_was_cut_out() -> None:
    grey = scene(3)
    found = compare(sketch(grey), sketch(np.ascontiguousarray(grey[20:128, 30:174])))
    assert found.verdict is Verdict.SAME
    assert found.shares == pytest.approx((144 * 108 / (192 * 144), 1), abs=0.02)


def test_light_and_contrast_do_not_count() -> None:
    grey = scene(4)
    assert compare(sketch(grey), sketch((grey * 0.6 + 50).astype(np.uint8))).verdict is Verdict.SAME


def test_a_place_that_has_moved_makes_it_another_moment() -> None:
    grey = scene(5)
    later = grey.copy()
    later[40:100, 60:130] = grey[34:94, 68:138]
    assert compare(sketch(grey), sketch(later)).verdict is Verdict.ALIKE


def test_other_pictures_are_different() -> None:
    found = compare(sketch(scene(6)), sketch(scene(7)))
    assert found.verdict is Verdict.DIFFERENT


def test_pictures_without_anything_to_be_seen_are_never_the_same() -> None:
    white = np.full((100, 120), 255, dtype=np.uint8)
    assert compare(sketch(white), sketch(white)).verdict is Verdict.DIFFERENT
    assert compare(sketch(white[:8, :8]), sketch(scene(8))).verdict is Verdict.DIFFERENT


def test_pictures_of_any_shape_can_be_compared() -> None:
    for shape in ((1, 1), (1, 500), (500, 1), (8, 8), (3000, 20)):
        strip = sketch(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape))
        assert compare(strip, sketch(scene(9))).verdict is Verdict.DIFFERENT


def test_near_pairs_are_those_that_a_plain_loop_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "ROWS", 7)
    monkeypatch.setattr(candidates, "COLUMNS", 5)
    vectors = to_unit_length(np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    ids = np.arange(40, dtype=np.int64) + 100
    told: list[Progress] = []

    def some(wanted: Ids) -> Vectors:
        return vectors[wanted - 100]

    expected = set()
    for one in range(40):
        cosines = {other: float(vectors[one] @ vectors[other]) for other in range(40) if other != one}
        near = [other for other in cosines if cosines[other] > 0.6]
        nearest = sorted(near, key=lambda other: (-cosines[other], other))[:3]
        expected |= {(min(one, other), max(one, other)) for other in nearest}
    found = near_pairs(ids, some, above=0.6, most=3, progress=told.append)
    assert {tuple(pair) for pair in found.tolist()} == expected
    assert (told[-1].done, told[-1].total) == (40, 40)


def test_no_photos_have_no_pairs() -> None:
    none = np.empty(0, dtype=np.int64)
    found = near_pairs(none, lambda _: np.empty((0, 4), dtype=np.float32), above=0.5, most=3)
    assert found.shape == (0, 2)
    assert in_walking_order(found, 0).shape == (0, 2)


def test_the_walk_keeps_every_pair_and_finishes_one_cluster_before_the_next() -> None:
    pairs = unique(np.array([[0, 9], [9, 4], [1, 8], [8, 2], [4, 0]]))
    walked = in_walking_order(pairs, 10)
    assert unique(walked).tolist() == pairs.tolist()
    assert [bool({0, 4, 9} & set(pair)) for pair in walked.tolist()] == [True, True, True, False, False]


def test_linked_items_form_groups() -> None:
    linked = Linked()
    for one, other in ((5, 3), (9, 8), (3, 7), (8, 5)):
        linked.join(one, other)
    linked.join(20, 21)
    assert linked.groups() == [[3, 5, 7, 8, 9], [20, 21]]
    assert linked.of(9) == 3


def test_the_best_has_most_pixels_then_most_bytes_then_most_metadata_then_the_shortest_name() -> None:
    files = [
        file(1, "/d", width=20),
        file(2, "/c", width=30, size=5),
        file(3, "/b", width=30, size=9),
        file(4, "/a", width=30, size=9),
        file(5, "/z", width=30, size=9, facts=2),
        file(6, "/a copy", width=30, size=9),
    ]
    assert [found.path for found in best_first(files)] == ["/z", "/a", "/b", "/a copy", "/c", "/d"]


def test_one_file_that_is_two_items_is_no_duplicate_of_itself() -> None:
    assert [found.item_id for found in best_first([file(2, "/a"), file(1, "/a")])] == [1]
