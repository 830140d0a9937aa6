"""Tests of the pages of the manual: what they include exists, is used, and says where it comes from."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

import retrieval
from docs.generator.catalog import tables
from docs.generator.commands import reference
from docs.generator.errors import failures
from docs.generator.hooks import GENERATORS, on_page_markdown
from docs.generator.json_schemas import section
from docs.generator.markdown import table
from docs.generator.readme import figure
from docs.generator.source import attribute_docs
from indexer.catalog.schema import METADATA
from retrieval.cli import cli
from retrieval.cli.exit_codes import ExitCode

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = [page for page in sorted(DOCS.rglob("*.md")) if page.parent.name != "measurements"]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in [*PAGES, DOCS.parent / "README.md"])

OPTION = re.compile(r"--[a-z][a-z-]+|-[A-Za-z0-9]")
COMMANDS = sorted(
    {
        re.sub(r" [|#].*|\.\.\.", "", match)
        for match in re.findall(r"(?:^ *|^\$ |`)(recall [^`\n]+)", TEXT, re.MULTILINE)
    }
)
"""Every command that a page shows, in code blocks and in sentences."""

NAMES = sorted(set(re.findall(r"`((?:[Ll]ibrary|Hits?|Query|Status|Filter)\.\w+)", TEXT)))
"""Every attribute of a public class that a page names."""


def test_every_measurement_is_on_a_page() -> None:
    names = {file.stem for file in (DOCS / "measurements").glob("*.md")} - {"gpu"}  # shown if there
    included = set(re.findall(r'"measurements/([\w-]+)\.md"', TEXT)) | set(
        re.findall(r'measurement\("([\w-]+)"\)', TEXT)
    )

    assert names == included


@pytest.mark.parametrize("file", sorted((DOCS / "measurements").glob("*.md")), ids=lambda file: file.stem)
def test_measurement_is_written_by_make_bench_with_date_machine_and_command(file: Path) -> None:
    first, *rest = file.read_text(encoding="utf-8").splitlines()

    dated = "\n".join(rest)
    if first != "<!-- written by make bench -->":  # older figures, which the same commands printed
        assert first == "<!-- carried over: make bench has not written this file yet -->"
        assert re.search(r"^Measured on 2[45] November 2026 on ", dated, re.MULTILINE)
    assert re.search(r"^Measured on \d+ \w+ \d{4} on .+:\n\n    .+$", dated, re.MULTILINE)


def test_every_example_is_on_a_page() -> None:
    names = {file.stem for file in (DOCS / "examples").glob("*.txt")}

    assert names == set(re.findall(r'"examples/([\w-]+)\.txt"', TEXT)) | set(re.findall(r'example\("([\w-]+)"\)', TEXT))


def test_every_generator_is_used_by_a_page() -> None:
    assert set(re.findall(r"<!-- generate: ([\w-]+) -->", TEXT)) == set(GENERATORS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_in_the_manual_has_this_name_and_these_options(command: str) -> None:
    words = command.split()[1:]
    current: click.Command = cli
    context = click.Context(cli, info_name="recall")
    while isinstance(current, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        found = current.get_command(context, name)
        assert found is not None, f"there is no command {name!r}"
        current, context = found, click.Context(found, info_name=name, parent=context)
    known = {
        option for parameter in current.get_params(context) for option in (*parameter.opts, *parameter.secondary_opts)
    }
    assert [word for word in words if OPTION.fullmatch(word) and word not in known] == []


@pytest.mark.parametrize("name", NAMES)
def test_public_name_in_the_manual_exists(name: str) -> None:
    owner, _, attribute = name.partition(".")
    cls = getattr(retrieval, owner[:1].upper() + owner[1:])

    assert hasattr(cls, attribute) or attribute in cls.__annotations__


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_writes_something(name: str) -> None:
    assert GENERATORS[name]().strip()


def test_every_table_of_the_catalog_is_described() -> None:
    sections = re.findall(r"^## (\w+)\n\n(.*)\n\n\|", tables(), re.MULTILINE)

    assert {name for name, _ in sections} == set(METADATA.tables)
    assert [name for name, description in sections if not description] == []


def test_comment_beside_a_column_is_its_meaning() -> None:
    assert "| `rating` | `INTEGER` | 0 to 5; -1 is rejected |" in tables()


def test_every_kind_of_failure_is_described() -> None:
    assert [line for line in failures().splitlines() if line.endswith("|  |")] == []


def test_every_command_and_subcommand_is_in_the_reference() -> None:
    headings = set(re.findall(r"^#{3,4} (recall .*)$", reference(), re.MULTILINE))

    assert {"recall search", "recall encoder use", "recall feedback import"} <= headings
    assert {f"recall {name}" for name in cli.list_commands(click.Context(cli))} <= headings


def test_exit_codes_of_the_manual_are_those_of_the_program() -> None:
    codes = re.findall(r"^\| (\d+) \|", (DOCS / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert [int(code) for code in codes] == [code.value for code in ExitCode]


def test_schema_becomes_a_table_of_keys_types_and_meanings() -> None:
    schema = {
        "title": "recall example",
        "description": "One object.",
        "required": ["name", "parts"],
        "properties": {
            "name": {"type": ["string", "null"], "description": "A name."},
            "at": {"type": "string", "format": "date-time"},
            "kind": {"enum": ["photo", None]},
            "parts": {"type": "array", "items": {"$ref": "#/$defs/part"}},
            "inner": {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]},
        },
        "$defs": {"part": {"description": "One part."}},
    }
    rows = [line for line in section(schema).splitlines() if line.startswith("| `")]

    assert rows == [
        "| `name` | string or null | A name. |",
        "| `at` | time, optional |  |",
        '| `kind` | `"photo"` or `null`, optional |  |',
        "| `parts` | array of part |  |",
        "| `inner` | object, optional |  |",
        "| `inner.size` | integer |  |",
    ]
    assert "#### part\n\nOne part." in section(schema)


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
