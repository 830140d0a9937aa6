"""How well copies are told from other shots: recall and precision by change, and the time."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.encoders.base import Encoder
from indexer.images import read_pixels
from indexer.types import Vectors
from retrieval.duplicates.find import MIN_COSINE
from retrieval.duplicates.pixel_compare import (
    DEFAULT,
    PixelComparison,
    Sketch,
    Thresholds,
    Verdict,
    compare_sketches,
    decide,
    sketch,
)
from tests.bench.conftest import FLICKR
from tests.bench.doors import Doors
from tests.bench.table import Table
from tests.support.duplicates import OTHER_SHOTS, SAME, open_picture
from tests.support.pictures import skimage_data

SKIMAGE = (
    "astronaut.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "hubble_deep_field.jpg", "moon.png",
    "motorcycle_left.png", "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
"""Photos and scans of 384 to 1,411 pixels; the sets beside the checkout have 192 at most."""

SETS = ("caltech101", "corel900", "flickr8k", "grocery", "intel_scenes", "monkeys10", "pacs_photo", "weather")
PER_SET = 16

NEIGHBOURS = 2
"""Other photos, the nearest by embedding, with which each changed photo is compared: none is the same picture."""


class Tried(NamedTuple):
    """One changed photo: how it compares with its own photo and with the nearest others, and the first's cosine."""

    change: str
    half: int
    own: PixelComparison
    cosine: float
    others: list[PixelComparison]


def sample() -> list[Image.Image]:
    """Return the photos that are changed, of both halves in turn."""
    data = FLICKR.parent
    paths = [skimage_data() / name for name in SKIMAGE]
    random = np.random.default_rng(4)
    for name in SETS:
        found = sorted((data / name / "images").rglob("*.jpg"))
        if found:
            paths += [found[number] for number in sorted(random.choice(len(found), PER_SET, replace=False).tolist())]
    return [open_picture(path.read_bytes()) for path in paths]


def grey(picture: Image.Image) -> Sketch:
    return sketch(np.asarray(picture.convert("L")))


def encoded(encoder: Encoder, pictures: list[Image.Image]) -> Vectors:
    pixels = [read_pixels(picture, preprocess=encoder.preprocess) for picture in pictures]
    return np.concatenate(
        [encoder.encode_images(np.stack(pixels[start : start + 32])) for start in range(0, len(pixels), 32)]
    )


def tried(encoder: Encoder) -> list[Tried]:
    """Return what came of all changes of all photos."""
    photos = sample()
    sketches, vectors = [grey(photo) for photo in photos], encoded(encoder, photos)
    found: list[Tried] = []
    for name, change in {**SAME, **OTHER_SHOTS}.items():
        random = np.random.default_rng(len(found))
        changed = [open_picture(change(photo, random)) for photo in photos]
        cosines = encoded(encoder, changed) @ vectors.T  # (n, n)
        for number, picture in enumerate(changed):
            mine = grey(picture)
            near = [other for other in np.argsort(-cosines[number]).tolist() if other != number][:NEIGHBOURS]
            others = [compare_sketches(sketches[other], mine) for other in near]
            own = compare_sketches(sketches[number], mine)
            found.append(Tried(name, number % 2, own, float(cosines[number, number]), others))
    return found


def is_same(found: PixelComparison, thresholds: Thresholds) -> bool:
    return decide(found, thresholds) is Verdict.SAME


def chosen(trials: list[Tried]) -> float:
    """Return the agreement that tells copies from other shots best; of equal ones the highest."""

    def right(agreement: float) -> int:
        thresholds = replace(DEFAULT, agreement=agreement)
        return sum(is_same(trial.own, thresholds) == (trial.change in SAME) for trial in trials) - sum(
            is_same(other, thresholds) for trial in trials for other in trial.others
        )

    return max(
        (round(float(value), 3) for value in np.arange(0.95, 0.9951, 0.005)), key=lambda value: (right(value), value)
    )


def test_copies_and_other_shots(doors: Doors, benchmark: BenchmarkFixture, table: Table) -> None:
    trials: list[Tried] = []
    benchmark.pedantic(lambda: trials.extend(tried(doors.cpu("compact"))))  # type: ignore[no-untyped-call]  # no types yet
    learnt, judged_on = ([trial for trial in trials if trial.half == half] for half in (0, 1))
    group = "Duplicates: recall and precision on half of the photos"
    table.row(
        group, "agreement that the other half chooses, and the one in use", f"{chosen(learnt)}, {DEFAULT.agreement}"
    )
    for name in SAME:
        mine = [trial for trial in judged_on if trial.change == name]
        same = [trial for trial in mine if is_same(trial.own, DEFAULT)]
        found = sum(trial.cosine > MIN_COSINE for trial in same)
        wrong = sum(is_same(other, DEFAULT) for trial in mine for other in trial.others)
        precision = found / max(found + wrong, 1)
        shown = f"{found / len(mine):.1%}, {precision:.1%}; by pixels alone {len(same) / len(mine):.1%}"
        table.row(group, f"{name} ({len(mine)}): recall, precision", shown)
    other_shots = "Duplicates: made-up bursts on the same half, taken for one picture"
    for name in OTHER_SHOTS:
        mine = [trial for trial in judged_on if trial.change == name]
        table.row(
            other_shots,
            f"{name} ({len(mine)})",
            f"{sum(is_same(trial.own, DEFAULT) for trial in mine) / len(mine):.1%}",
        )
    left, right = (
        grey(open_picture((skimage_data() / f"motorcycle_{side}.png").read_bytes())) for side in ("left", "right")
    )
    table.row(
        other_shots,
        "motorcycle_left beside motorcycle_right, two real cameras",
        str(compare_sketches(left, right).verdict),
    )
