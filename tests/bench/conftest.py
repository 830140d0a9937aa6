"""What the measurements share: how a time is taken, and a summary with the ratios side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from PIL import Image
from pytest_benchmark.fixture import BenchmarkFixture

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from tests.support.pictures import cat

LINES = pytest.StashKey[list[str]]()

MANY = 300
"""Photos that are measured with."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--encoder", default="compact", help="the encoder that is measured, by the name Recall knows it by"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LINES] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if config.stash[LINES]:
        terminalreporter.section("measured")
        for line in config.stash[LINES]:
            terminalreporter.write_line(line)


@pytest.fixture
def say(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Return what adds a line to the summary at the end."""
    return request.config.stash[LINES].append


@pytest.fixture(scope="session")
def encoder(request: pytest.FixtureRequest) -> Encoder:
    """Return the encoder that is measured, on the CPU."""
    return load_encoder(str(request.config.getoption("--encoder")), device="cpu")


@pytest.fixture(scope="session")
def many_photos(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of `MANY` photos of about 500 x 375: Flickr8k's where they are, else cuts from one photo."""
    folder = tmp_path_factory.mktemp("photos")
    here = Path(str(request.config.rootpath)).parent / "shared" / "data" / "flickr8k" / "images"
    real = sorted(here.glob("*.jpg"))[:MANY]
    for path in real:
        (folder / path.name).write_bytes(path.read_bytes())
    for number in range(len(real), MANY):
        left, top = number % 20 * 5, number // 20 * 5
        part = cat().crop((left, top, left + 300, top + 225)).resize((500, 375), Image.Resampling.BICUBIC)
        part.save(folder / f"{number:03}.jpg", quality=90)
    return folder


def measured(benchmark: BenchmarkFixture, action: Callable[[], object], *, rounds: int, warm_up: int = 0) -> float:
    """Return the median seconds of an action that is too long to be repeated many times."""
    benchmark.pedantic(action, rounds=rounds, warmup_rounds=warm_up)  # type: ignore[no-untyped-call]  # no types yet
    return float(statistics.median(benchmark.stats.stats.data))  # type: ignore[union-attr]  # there are, after a run


def side_by_side(actions: Mapping[str, Callable[[int], object]], *, rounds: int) -> dict[str, float]:
    """Return the median seconds of several ways to do the same, taken in turns, so that a busy moment hits all.

    Args:
        actions: By name; each is called with the number of the round, from 0.
        rounds: Calls of each, after one that is not counted.
    """
    taken: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds + 1):
        for name, action in actions.items():
            start = time.perf_counter()
            action(number)
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times[1:]) for name, times in taken.items()}


def compared(seconds: Mapping[str, float], *, to: str) -> str:
    """Return milliseconds with their ratio to one of them, for a line of the summary."""
    return ", ".join(f"{name} {value * 1e3:.2f} ms ({value / seconds[to]:.2f}x)" for name, value in seconds.items())
