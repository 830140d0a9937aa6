"""Tests of the pages of the manual: what they include exists, is used, and says where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generator.hooks import GENERATORS, on_page_markdown
from docs.generator.markdown import table
from docs.generator.readme import figure
from docs.generator.source import attribute_docs

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name != "measurements"]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in [*PAGES, DOCS.parent / "README.md"])


def test_every_measurement_is_on_a_page() -> None:
    names = {file.stem for file in (DOCS / "measurements").glob("*.md")}
    included = set(re.findall(r'"measurements/([\w-]+)\.md"', TEXT)) | set(
        re.findall(r'measurement\("([\w-]+)"\)', TEXT)
    )

    assert names == included


@pytest.mark.parametrize("file", sorted((DOCS / "measurements").glob("*.md")), ids=lambda file: file.stem)
def test_measurement_is_written_by_make_bench_with_date_machine_and_command(file: Path) -> None:
    first, *rest = file.read_text(encoding="utf-8").splitlines()

    assert first == "<!-- written by make bench -->"
    assert re.search(r"^Measured on \d+ \w+ \d{4} on .+:\n\n    .+$", "\n".join(rest), re.MULTILINE)


def test_every_example_is_on_a_page() -> None:
    names = {file.stem for file in (DOCS / "examples").glob("*.txt")}

    assert names == set(re.findall(r'"examples/([\w-]+)\.txt"', TEXT)) | set(re.findall(r'example\("([\w-]+)"\)', TEXT))


def test_every_generator_is_used_by_a_page() -> None:
    assert set(re.findall(r"<!-- generate: ([\w-]+) -->", TEXT)) == set(GENERATORS)


def test_unknown_generator_is_an_error_that_names_it() -> None:
    with pytest.raises(Exception, match="nothing generates tables"):
        on_page_markdown("<!-- generate: tables -->")


def test_figure_is_the_cell_of_a_row_under_its_heading() -> None:
    text = "**One**\n\n| | measured |\n|---|---:|\n| Recall | 1 ms |\n\n**Two**\n\n| Recall |   2 ms | 0.5 |\n"

    assert figure(text, "One", "Recall") == "1 ms"
    assert figure(text, "Two", "Recall") == "2 ms"
    with pytest.raises(ValueError, match="no measurement has the row 'rclip' under 'Two'"):
        figure(text, "Two", "rclip")


def test_bar_in_a_cell_is_escaped() -> None:
    assert table(["a"], [["x | y"]]) == "| a |\n| --- |\n| x \\| y |"


def test_attributes_of_a_docstring_are_joined_into_one_line_each() -> None:
    docs = attribute_docs("Summary.\n\nAttributes:\n    one: First\n        line.\n    two: Second.\n\nMore: text.")

    assert docs == {"one": "First line.", "two": "Second."}
