"""Captioned photo sets: reading, hashing, and the roles of their photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import EvaluationError
from tests.support.compact import random_picture
from training.compact.photo_sets import (
    MAX_DISTANCE,
    Role,
    TrainingPhoto,
    assign_roles,
    difference_hash,
    hash_photos,
    read_sets,
)


def write_set(folder: Path, rows: list[tuple[str, str, str, str]], pictures: dict[str, Image.Image]) -> None:
    (folder / "images").mkdir(parents=True)
    for name, image in pictures.items():
        image.save(folder / "images" / name, quality=90)
    lines = ["image,caption,label,split", *(",".join(row) for row in rows)]
    (folder / "captions.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_sets_are_read_in_order_with_all_captions_of_a_photo(tmp_path: Path) -> None:
    write_set(tmp_path / "b", [("x.jpg", "a red car", "car", "")], {"x.jpg": random_picture(1)})
    rows = [("y.jpg", "a dog", "", "train"), ("y.jpg", "one brown dog", "", "train")]
    write_set(tmp_path / "a", rows, {"y.jpg": random_picture(2)})
    photos = read_sets(tmp_path)
    assert [photo.key for photo in photos] == ["a/y.jpg", "b/x.jpg"]
    assert photos[0].captions == ("a dog", "one brown dog")
    assert (photos[0].split, photos[1].label) == ("train", "car")


def test_a_folder_without_sets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="holds no captioned set"):
        read_sets(tmp_path)


def test_the_hash_hardly_changes_with_the_size_and_differs_between_pictures() -> None:
    larger = random_picture(3).resize((96, 72), Image.Resampling.BICUBIC)
    assert (difference_hash(random_picture(3)) ^ difference_hash(larger)).bit_count() <= MAX_DISTANCE
    assert (difference_hash(random_picture(3)) ^ difference_hash(random_picture(4))).bit_count() > 16


def test_a_training_photo_that_is_also_in_dev_is_dropped(tmp_path: Path) -> None:
    rows = [("dev.jpg", "a", "", "dev"), ("same.jpg", "b", "", "train"), ("other.jpg", "c", "", "train")]
    write_set(
        tmp_path / "f",
        rows,
        {"dev.jpg": random_picture(5), "same.jpg": random_picture(5), "other.jpg": random_picture(6)},
    )
    photos = read_sets(tmp_path)
    assert assign_roles(photos, hash_photos(photos)) == [Role.DEV, Role.DROPPED, Role.TRAIN]


def test_one_picture_in_two_labelled_sets_has_one_role_and_a_sixteenth_is_held_out() -> None:
    codes = np.random.default_rng(0).integers(0, 2**63, 1600, dtype=np.uint64)
    first, second = (
        [TrainingPhoto(Path(f"{n}.jpg"), name, ("a cat",), "cat", "") for n in range(1600)] for name in "ab"
    )
    roles = assign_roles([*first, *second], np.concatenate([codes, codes]))
    assert roles[:1600] == roles[1600:]
    assert roles[:1600].count(Role.HELD) == pytest.approx(100, abs=30)  # 1600 / 16, three standard deviations
