"""The modules of commands: found by their names, each in a section of the help, each body short."""

from __future__ import annotations

import ast
from importlib import import_module
from pathlib import Path

import click
import pytest

from retrieval.cli import cli, commands
from retrieval.cli.group import SECTIONS, command_names

FILES = sorted(file for file in Path(commands.__path__[0]).glob("*.py") if file.name != "__init__.py")

LONGEST = 25
"""Lines of a command's body: parse, one call of the library, print."""


def test_every_module_is_a_command_under_its_own_name() -> None:
    assert command_names() == [file.stem.rstrip("_") for file in FILES]
    context = click.Context(cli)
    for name in command_names():
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_command_is_in_a_section_and_has_one_line_of_help(file: Path) -> None:
    module = import_module(f"{commands.__name__}.{file.stem}")
    assert module.SECTION in SECTIONS
    assert 0 < len(module.command.get_short_help_str(80)) <= 61  # fits a line of `recall --help`
    assert not module.command.get_short_help_str(80).endswith("...")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_body_of_a_command_is_short(file: Path) -> None:
    for function in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(function, ast.FunctionDef) and function.decorator_list:
            first = function.body[1] if len(function.body) > 1 else function.body[0]  # after the docstring
            assert (function.body[-1].end_lineno or 0) - first.lineno < LONGEST, function.name


def test_every_command_takes_verbose_and_quiet() -> None:
    context = click.Context(cli)
    for name in command_names():
        command = cli.get_command(context, name)
        assert command is not None
        inner = command.commands.values() if isinstance(command, click.Group) else ()
        for each in (command, *inner):
            options = [option for parameter in each.params for option in parameter.opts]
            assert [option for option in options if option in ("-v", "--verbose", "-q", "--quiet")] == [
                "-v",
                "--verbose",
                "-q",
                "--quiet",
            ]


def test_the_help_shows_the_sections_in_their_order() -> None:
    text = cli.get_help(click.Context(cli))
    places = [text.index(f"\n{section}:\n") for section in SECTIONS]
    assert places == sorted(places)
