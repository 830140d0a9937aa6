"""Tests of the example outputs in the manual: they are what the program prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.generator.examples import EXAMPLES, FOLDER, is_same, run_examples


@pytest.fixture(scope="module")
def outputs(skimage_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what every example prints now."""
    return run_examples(tmp_path_factory.mktemp("examples") / "home")


@pytest.mark.parametrize("name", [example.name for example in EXAMPLES])
def test_example_in_the_manual_is_what_the_program_prints(name: str, outputs: dict[str, str]) -> None:
    file = FOLDER / f"{name}.txt"
    shown = file.read_text(encoding="utf-8") if file.exists() else ""

    assert is_same(shown, outputs[name]), f"make fix renews {file.name}; the program prints:\n{outputs[name]}"


def test_every_file_of_examples_is_written_by_an_example() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == sorted(example.name for example in EXAMPLES)


def test_times_durations_and_sizes_are_no_difference() -> None:
    assert is_same("1 added in 0.5 seconds\ndisk  10.5 kB", "1 added in 10.1 seconds\ndisk  9 kB")
    assert is_same("source ~ (2026-11-28 11:45 UTC)", "source ~ (2027-01-02 09:00 UTC)")
    assert not is_same("1 added in 0.5 seconds", "2 added in 0.5 seconds")
    assert not is_same("24%  0.375", "24%  0.376")
