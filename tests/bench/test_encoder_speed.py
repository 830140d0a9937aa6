"""Pictures a second and milliseconds a text: the CPU's encoder beside the same weights in torch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.doors import TEXT, Doors, prepared
from tests.bench.table import Table
from tests.bench.timing import in_turns, milliseconds

SPEED = [("compact", 128, 2.5), ("ViT-B-32", 48, 2.0)]
"""Encoder, pictures a round, and how many times faster than torch it has to be."""


@pytest.mark.parametrize(("short", "pictures", "goal"), SPEED)
def test_pictures(
    short: str,
    pictures: int,
    goal: float,
    doors: Doors,
    some_photos: Path,
    benchmark: BenchmarkFixture,
    table: Table,
) -> None:
    own, small, torch = doors.cpu(short), doors.cpu(f"{short}+int8"), doors.torch(short)
    pixels = prepared(sorted(some_photos.iterdir())[:pictures], own.preprocess, workers=os.cpu_count() or 1)
    seconds = in_turns(
        benchmark,
        {
            f"{short}, float32": lambda _: own.encode_images(pixels),
            f"{short}, int8": lambda _: small.encode_images(pixels),
            f"{short}, torch eager": lambda _: torch.encode_images(pixels),
        },
        rounds=5,
    )
    group = "Encoding pictures (ratio: to torch eager)"
    *ours, theirs = seconds.items()
    for name, value in ours:
        table.row(group, name, f"{pictures / value:.0f} a second", ratio=theirs[1] / value, at_least=goal)
    table.row(group, theirs[0], f"{pictures / theirs[1]:.0f} a second")
    for name in (short, f"{short}+int8"):
        table.row(group, f"{name}: first load, export included", f"{doors.first_load[name]:.1f} s")


@pytest.mark.parametrize("short", [short for short, _, _ in SPEED])
def test_one_text(short: str, doors: Doors, benchmark: BenchmarkFixture, table: Table) -> None:
    own, small, torch = doors.cpu(short), doors.cpu(f"{short}+int8"), doors.torch(short)
    seconds = in_turns(
        benchmark,
        {
            f"{short}, float32": lambda _: own.encode_texts([TEXT]),
            f"{short}, int8": lambda _: small.encode_texts([TEXT]),
            f"{short}, torch eager": lambda _: torch.encode_texts([TEXT]),
        },
        rounds=30,
        warm_up=3,
    )
    *_, theirs = seconds.values()
    for name, value in seconds.items():
        table.row("Encoding one text (ratio: to torch eager)", name, milliseconds(value), ratio=theirs / value)
