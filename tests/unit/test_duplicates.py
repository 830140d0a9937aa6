"""Duplicates: pairs, groups, and the comparison of synthetic pictures."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from indexer.catalog.statements.duplicates import PhotoFile
from indexer.encoders.base import to_unit_length
from indexer.types import Ids, Progress, Vectors
from retrieval.duplicates import candidates
from retrieval.duplicates.candidates import near_pairs, order_by_neighbourhood, unique_pairs
from retrieval.duplicates.features import ORIENTATIONS, find_features, reorient, reorient_features
from retrieval.duplicates.groups import DisjointSets, best_first
from retrieval.duplicates.pixel_compare import Verdict, compare_sketches, sketch


def scene(seed: int, width: int = 192, height: int = 144) -> NDArray[np.uint8]:
    """Return a random grey picture with light and dark regions of every size."""
    random = np.random.default_rng(seed)
    grey = np.zeros((height, width), dtype=np.float32)
    for cells, strength in ((4, 60), (12, 40), (36, 25)):
        coarse = Image.fromarray(random.normal(0, strength, (cells, cells)).astype(np.float32))
        grey += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return (grey + 128).clip(0, 255).astype(np.uint8)


def file(
    item_id: int, path: str, *, width: int = 10, height: int = 10, size: int = 1, metadata_count: int = 0
) -> PhotoFile:
    """Return a file of the catalog."""
    return PhotoFile(item_id, path, size, 0, width, height, "JPEG", None, metadata_count)


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_a_reoriented_picture_is_the_same_and_its_orientation_is_found(orientation: int) -> None:
    grey = scene(1)
    comparison = compare_sketches(sketch(reorient(grey, orientation)), sketch(grey))
    assert (comparison.verdict, comparison.orientation) == (Verdict.SAME, orientation)
    assert comparison.shares == pytest.approx((1, 1), abs=0.01)


def test_reoriented_features_are_those_of_the_reoriented_picture() -> None:
    grey = scene(2).astype(np.float32)
    for orientation in range(ORIENTATIONS):
        computed = reorient_features(find_features(grey), orientation, grey.shape)
        expected = find_features(reorient(grey, orientation))
        cosines = (expected.patches @ computed.patches.T).max(axis=1)
        assert (cosines > 0.99).mean() > 0.9  # the rest: corners of equal strength at the end of the list


def test_a_crop_is_found_at_its_position() -> None:
    grey = scene(3)
    comparison = compare_sketches(sketch(grey), sketch(np.ascontiguousarray(grey[20:128, 30:174])))
    assert comparison.verdict is Verdict.SAME
    assert comparison.shares == pytest.approx((144 * 108 / (192 * 144), 1), abs=0.02)


def test_brightness_and_contrast_do_not_count() -> None:
    grey = scene(4)
    assert compare_sketches(sketch(grey), sketch((grey * 0.6 + 50).astype(np.uint8))).verdict is Verdict.SAME


def test_a_picture_with_a_moved_region_is_only_alike() -> None:
    grey = scene(5)
    later = grey.copy()
    later[40:100, 60:130] = grey[34:94, 68:138]
    assert compare_sketches(sketch(grey), sketch(later)).verdict is Verdict.ALIKE


def test_other_pictures_are_different() -> None:
    assert compare_sketches(sketch(scene(6)), sketch(scene(7))).verdict is Verdict.DIFFERENT


def test_pictures_without_content_are_never_the_same() -> None:
    white = np.full((100, 120), 255, dtype=np.uint8)
    assert compare_sketches(sketch(white), sketch(white)).verdict is Verdict.DIFFERENT
    assert compare_sketches(sketch(white[:8, :8]), sketch(scene(8))).verdict is Verdict.DIFFERENT


def test_pictures_of_any_shape_can_be_compared() -> None:
    for shape in ((1, 1), (1, 500), (500, 1), (8, 8), (3000, 20)):
        strip = sketch(np.arange(shape[0] * shape[1], dtype=np.uint8).reshape(shape))
        assert compare_sketches(strip, sketch(scene(9))).verdict is Verdict.DIFFERENT


def test_near_pairs_are_those_of_a_plain_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "BLOCK_ROWS", 7)
    monkeypatch.setattr(candidates, "BLOCK_COLUMNS", 5)
    vectors = to_unit_length(np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32))
    ids = np.arange(40, dtype=np.int64) + 100
    reports: list[Progress] = []

    def read(wanted: Ids) -> Vectors:
        return vectors[wanted - 100]

    expected = set()
    for one in range(40):
        cosines = {other: float(vectors[one] @ vectors[other]) for other in range(40) if other != one}
        near = [other for other in cosines if cosines[other] > 0.6]
        nearest = sorted(near, key=lambda other: (-cosines[other], other))[:3]
        expected |= {(min(one, other), max(one, other)) for other in nearest}
    pairs = near_pairs(ids, read, min_cosine=0.6, max_partners=3, progress=reports.append)
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert (reports[-1].done, reports[-1].total) == (40, 40)


def test_no_photos_have_no_pairs() -> None:
    no_ids = np.empty(0, dtype=np.int64)
    pairs = near_pairs(no_ids, lambda _: np.empty((0, 4), dtype=np.float32), min_cosine=0.5, max_partners=3)
    assert pairs.shape == (0, 2)
    assert order_by_neighbourhood(pairs, 0).shape == (0, 2)


def test_the_order_has_every_pair_and_finishes_one_cluster_before_the_next() -> None:
    pairs = unique_pairs(np.array([[0, 9], [9, 4], [1, 8], [8, 2], [4, 0]]))
    ordered = order_by_neighbourhood(pairs, 10)
    assert unique_pairs(ordered).tolist() == pairs.tolist()
    assert [bool({0, 4, 9} & set(pair)) for pair in ordered.tolist()] == [True, True, True, False, False]


def test_joined_items_form_groups() -> None:
    sets = DisjointSets()
    for one, other in ((5, 3), (9, 8), (3, 7), (8, 5)):
        sets.join(one, other)
    sets.join(20, 21)
    assert sets.groups() == [[3, 5, 7, 8, 9], [20, 21]]
    assert sets.root(9) == 3


def test_the_best_has_the_most_pixels_then_metadata_then_bytes_then_names_then_the_shortest_name() -> None:
    files = [
        file(1, "/d", width=20, metadata_count=7),
        file(2, "/c", width=30, size=5, metadata_count=2),
        file(3, "/b", width=30, size=9),
        file(4, "/a", width=30, size=9),
        file(5, "/z", width=30, size=9, metadata_count=2),
        file(6, "/a copy", width=30, size=9),
        file(7, "/two names", width=30, size=9),
        file(8, "/c", width=30, size=8, metadata_count=1),
    ]
    names = {number: 2 if number == 7 else 1 for number in range(1, 9)}
    order = [ranked.item_id for ranked in best_first(files, names)]
    assert order == [5, 2, 8, 7, 4, 3, 6, 1]
