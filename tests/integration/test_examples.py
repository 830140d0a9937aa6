"""Tests of the example outputs in the manual: they are what the program prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generator.examples import EXAMPLES, FOLDER, is_same, run_examples


def test_examples_in_the_manual_are_what_the_program_prints(skimage_photos: Path, tmp_path: Path) -> None:
    # One test, since the examples build on each other and would run again in each process of pytest.
    outputs = run_examples(tmp_path / "home")
    shown = {name: (FOLDER / f"{name}.txt").read_text(encoding="utf-8") for name in outputs}
    changed = {name: output for name, output in outputs.items() if not is_same(shown[name], output)}

    assert changed == {}, "make fix renews the examples"


def test_every_file_of_examples_is_written_by_an_example() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == sorted(example.name for example in EXAMPLES)


def test_times_durations_and_sizes_are_no_difference() -> None:
    assert is_same("1 added in 0.5 seconds\ndisk  10.5 kB", "1 added in 10.1 seconds\ndisk  9 kB")
    assert is_same("source ~ (2026-11-28 11:45 UTC)", "source ~ (2027-01-02 09:00 UTC)")


def test_last_digits_of_figures_are_no_difference() -> None:
    assert is_same("24%  0.375  +.20", "25%  0.376  +.19")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 added in 0.5 seconds", "2 added in 0.5 seconds"),
        ("24%  0.375", "27%  0.375"),
        ("24%  0.375", "24%  0.405"),
        ("24%  0.375", "24%  -0.375"),
        ("match  score", "likely  score"),
        ("24%  cat.jpg", "24%  coffee.jpg"),
    ],
)
def test_counts_words_and_other_figures_are_a_difference(one: str, other: str) -> None:
    assert not is_same(one, other)
