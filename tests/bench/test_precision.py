"""What int8 does to answers: cosines to float32, and recall on captioned photos."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.encoders.base import Encoder
from indexer.images import read_photo
from indexer.types import Vectors
from retrieval.evaluation import read_captions
from tests.bench.conftest import FLICKR
from tests.bench.doors import Doors
from tests.bench.table import Table
from tests.bench.timing import whole_process
from tests.support.program import Program

SAMPLE = 300
"""Photos, each with its first caption, whose vectors are compared."""


def test_int8_beside_float32(
    doors: Doors, program: Program, scratch: Path, benchmark: BenchmarkFixture, table: Table
) -> None:
    captions = FLICKR / "captions.csv"
    if not captions.exists():
        pytest.skip("the captioned photos are not here: they are expected in ../shared/data/flickr8k")
    full, small = doors.cpu("compact"), doors.cpu("compact+int8")
    pictures = read_captions(captions, "dev")[:SAMPLE]
    pixels = np.stack([read_photo(picture.path, preprocess=full.preprocess).pixels for picture in pictures])
    texts = [picture.captions[0] for picture in pictures]

    def cosines(encode: str, values: object) -> Vectors:
        one, other = (getattr(encoder, encode)(values) for encoder in (full, small))
        found: Vectors = (one * other).sum(axis=1)
        return found

    group = "int8 beside float32, compact: 1,000 photos and 5,000 captions of Flickr8k's development part"
    for name, found in (("photos", cosines("encode_images", pixels)), ("captions", cosines("encode_texts", texts))):
        table.row(group, f"cosine of {SAMPLE} {name}: mean, smallest", f"{found.mean():.4f}, {found.min():.4f}")

    def evaluated(encoder: Encoder) -> dict[str, dict[str, float]]:
        command: list[str | Path] = [
            program.path,
            "evaluate",
            captions,
            "--split",
            "dev",
            "--encoder",
            encoder.name,
            "--json",
        ]
        result: dict[str, dict[str, float]] = json.loads(whole_process(command, program.env, scratch)())
        return result

    results = {"float32": evaluated(full)}
    benchmark.pedantic(lambda: results.update(int8=evaluated(small)))  # type: ignore[no-untyped-call]  # no types yet
    for name, result in results.items():
        for way, words in (("text_to_image", "words to photos"), ("image_to_text", "photos to words")):
            shares = " / ".join(f"{result[way][metric]:.1%}" for metric in ("R@1", "R@5", "R@10"))
            table.row(group, f"{name}, {words}: R@1 / R@5 / R@10", shares)
