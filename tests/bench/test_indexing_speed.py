"""Photos per second: the encoder alone, the decoder alone, and `recall index` as a user runs it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.decode import DecodePool
from indexer.encoders.base import Encoder
from indexer.images import Photo
from indexer.types import Pixels
from tests.bench.conftest import MANY, measured
from tests.support.program import Program

WORKERS = os.cpu_count() or 1


@pytest.fixture(scope="session")
def rates() -> dict[str, float]:
    """Return the photos per second measured so far, to hold the whole against its parts."""
    return {}


def decoded(folder: Path, encoder: Encoder) -> list[Pixels]:
    """Return the photos of a folder as the encoder reads them, each of shape (size, size, 3)."""
    with DecodePool(preprocess=encoder.preprocess, workers=WORKERS) as pool:
        found = list(pool.imap(sorted(folder.iterdir()), key=lambda path: path))
    return [photo.pixels for _, photo in found if isinstance(photo, Photo)]


def test_encoding_alone(
    encoder: Encoder,
    many_photos: Path,
    rates: dict[str, float],
    benchmark: BenchmarkFixture,
    say: Callable[[str], None],
) -> None:
    pixels = np.stack(decoded(many_photos, encoder))
    batches = [pixels[start : start + encoder.batch_size] for start in range(0, len(pixels), encoder.batch_size)]
    seconds = measured(benchmark, lambda: [encoder.encode_images(batch) for batch in batches], rounds=3, warm_up=1)
    rates["encoding"] = MANY / seconds
    benchmark.extra_info["photos per second"] = round(rates["encoding"], 1)
    say(f"encoding alone, {encoder.name}, batches of {encoder.batch_size}: {rates['encoding']:.0f} photos a second")


def test_decoding_alone(
    encoder: Encoder,
    many_photos: Path,
    rates: dict[str, float],
    benchmark: BenchmarkFixture,
    say: Callable[[str], None],
) -> None:
    rates["decoding"] = MANY / measured(benchmark, lambda: decoded(many_photos, encoder), rounds=3, warm_up=1)
    benchmark.extra_info["photos per second"] = round(rates["decoding"], 1)
    say(f"decoding alone, {WORKERS} workers, their start included: {rates['decoding']:.0f} photos a second")


def test_indexing_as_a_user_does(
    request: pytest.FixtureRequest,
    encoder: Encoder,
    many_photos: Path,
    rates: dict[str, float],
    recall_program: Program,
    benchmark: BenchmarkFixture,
    say: Callable[[str], None],
) -> None:
    seconds: dict[str, float] = {}

    def index() -> None:
        name = str(request.config.getoption("--encoder"))
        run = recall_program("index", many_photos, "--encoder", name, "--device", "cpu", "--json")
        assert run.returncode == 0, run.stderr
        report = json.loads(run.stdout)
        assert report["added"] == MANY
        seconds.update(report["seconds"])

    whole = measured(benchmark, index, rounds=1)
    work = seconds["total"] - seconds["load"]
    parts = 1 / (1 / rates["encoding"] + 1 / rates["decoding"]) if len(rates) == 2 else float("nan")
    say(
        f"recall index, {MANY} photos: {MANY / work:.0f} photos a second once the encoder is loaded "
        f"({MANY / work / parts:.2f}x of encoding and decoding one after the other), {whole:.1f} seconds "
        f"with the start of the program; by stage: "
        + ", ".join(f"{stage} {value:.1f}" for stage, value in seconds.items() if stage != "total")
    )
    benchmark.extra_info["photos per second"] = round(MANY / work, 1)


def test_one_text(encoder: Encoder, benchmark: BenchmarkFixture, say: Callable[[str], None]) -> None:
    seconds = measured(benchmark, lambda: encoder.encode_texts(["a dog on the beach"]), rounds=30, warm_up=3)
    say(f"encoding one text, {encoder.name}: {seconds * 1e3:.1f} ms")
