"""What programs read: JSON lines, and the options that choose between a table, JSON and paths."""

from __future__ import annotations

import json
from datetime import datetime

import click
import pytest
from click.testing import CliRunner

from retrieval.cli.output import format_options, print_json, utc_text


def test_json_is_one_line_of_ascii_whatever_the_name(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"path": "/ph\udcff/\n😀", "score": 0.5, "none": None}
    print_json(value)
    line = capsys.readouterr().out
    assert line == '{"path": "/ph\\udcff/\\n\\ud83d\\ude00", "score": 0.5, "none": null}\n'
    assert json.loads(line) == value


def test_times_of_the_catalog_carry_their_zone() -> None:
    assert utc_text(datetime.fromisoformat("2026-01-02T03:04:05")) == "2026-01-02T03:04:05+00:00"
    assert utc_text(None) is None


@click.command()
@format_options
def show(output: str) -> None:
    """Print the format."""
    click.echo(output)


@pytest.mark.parametrize(
    ("arguments", "output"),
    [([], "table"), (["--json"], "json"), (["--paths"], "paths"), (["-0"], "null"), (["--paths", "-0"], "null")],
)
def test_options_choose_one_format(arguments: list[str], output: str) -> None:
    run = CliRunner().invoke(show, arguments)
    assert (run.exit_code, run.stdout) == (0, f"{output}\n")


@pytest.mark.parametrize("other", ["--paths", "-0"])
def test_two_formats_at_once_are_a_usage_error(other: str) -> None:
    run = CliRunner().invoke(show, ["--json", other])
    assert run.exit_code == 2
    assert "exclude each other; give one of them" in run.stderr
