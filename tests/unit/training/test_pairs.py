"""Pairs of photos and lines, and the batches of an epoch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.compact.corpus import collect_lines
from training.compact.distil import length_batches
from training.compact.pairs import epoch_batches, make_pairs
from training.compact.photo_sets import TrainingPhoto


def test_an_epoch_has_every_captioned_photo_and_a_share_of_the_labelled_ones() -> None:
    captioned = [TrainingPhoto(Path(f"{n}.jpg"), "f", (f"one {n}", f"two {n}"), "", "train") for n in range(40)]
    labelled = [
        TrainingPhoto(Path(f"{n}.jpg"), "c", ("a photo of a cat",), "Cat" if n % 2 else "cat", "") for n in range(40)
    ]
    photos = [*captioned, *labelled]
    numbers = {line: number for number, line in enumerate(collect_lines(photos, [], [], seed=0))}
    pairs = make_pairs(photos, np.arange(80), numbers)
    assert len(set(pairs.groups[:40].tolist())) == 40
    assert len(set(pairs.groups[40:].tolist())) == 1  # one class, whatever its capitals
    batches = epoch_batches(pairs, batch=5, labelled_share=0.5, random=np.random.default_rng(0))
    rows = np.concatenate(batches)
    assert len(set(rows.tolist())) == len(rows)
    assert (rows >= 40).sum() == pytest.approx(20, abs=10)
    one_batch = epoch_batches(pairs, batch=500, labelled_share=0, random=np.random.default_rng(0))
    assert [len(batch) for batch in one_batch] == [40]
    lines, owners = pairs.sample_lines(np.asarray([0, 40]), 2, np.random.default_rng(0))
    assert owners.tolist() == [0, 0, 1]
    assert {numbers["one 0"], numbers["two 0"]} == set(lines[:2].tolist())


def test_length_batches_have_every_line_once_and_lines_of_similar_length_together() -> None:
    lengths = np.random.default_rng(0).integers(3, 24, 1000)
    batches = list(length_batches(lengths, batch=64, random=np.random.default_rng(1)))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert np.mean([np.ptp(lengths[batch]) for batch in batches]) < 4  # unsorted batches of 64 span about 20
