"""Notes, errors and log lines on standard error, and the options -v and -q."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable

import click

from retrieval.cli import terminal
from retrieval.cli.text import one_line, visible

_VERBOSITY = f"{__name__}.verbosity"
"""Key in the context's meta; its value is "verbose" or "quiet"."""

_LEVELS = {"verbose": logging.DEBUG, "quiet": logging.WARNING}

_NAMED = 10
"""Failures that are printed, a line each; the rest are only counted."""


def note(text: str) -> None:
    """Print a line that -q hides."""
    if not is_quiet():
        click.echo(visible(text), err=True)


def print_error(text: str) -> None:
    """Print the error that ends the program, on one line."""
    click.echo(f"{terminal.style('recall:', '31', sys.stderr)} {one_line(text)}", err=True)


def print_traceback() -> None:
    """Print where the present error arose, as lines that cannot move the cursor: it may quote a file name."""
    click.echo("\n".join(map(visible, traceback.format_exc().rstrip().split("\n"))), err=True)


def print_failures(label: str, failures: list[tuple[str, str]], rest: str) -> None:
    """Print the first failures, a line each, and the number of the others.

    Args:
        label: What happened, for instance "failed".
        failures: Name and reason of each.
        rest: Where the others are listed, for instance a command.
    """
    for name, reason in failures[:_NAMED]:
        head = terminal.style(f"{label}:", "33", sys.stderr)
        click.echo(f"{head} {visible(name)}: {visible(reason)}", err=True)
    if len(failures) > _NAMED:
        click.echo(f"and {len(failures) - _NAMED:,} more: {rest}", err=True)


def is_quiet() -> bool:
    """Return whether -q was given."""
    return _verbosity() == "quiet"


def is_verbose() -> bool:
    """Return whether -v was given."""
    return _verbosity() == "verbose"


def _verbosity() -> str:
    context = click.get_current_context(silent=True)
    return "" if context is None else context.meta.get(_VERBOSITY, "")


def verbosity_options() -> list[click.Option]:
    """Return the options -v and -q, for the group and for every command."""

    def option(name: str, words: str) -> click.Option:
        declarations = [f"-{name[0]}", f"--{name}"]
        return click.Option(declarations, is_flag=True, expose_value=False, callback=_set(name), help=words)

    return [
        option("verbose", "Show debug messages, and tracebacks of errors."),
        option("quiet", "Hide progress and notes; warnings and errors stay."),
    ]


def _set(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    def set_verbosity(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
        if not value:
            return
        if context.meta.setdefault(_VERBOSITY, name) != name:
            raise click.UsageError("--verbose and --quiet exclude each other; give one of them")
        set_log_level()

    return set_verbosity


def set_log_level() -> None:
    """Set the level of Recall's own log by -v and -q."""
    for package in ("indexer", "retrieval"):
        logging.getLogger(package).setLevel(_LEVELS.get(_verbosity(), logging.INFO))


def start_log() -> None:
    """Write the log to standard error, as lines that cannot move the cursor."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine("recall: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    set_log_level()


class _OneLine(logging.Formatter):
    """Formats a record as one line that cannot move the cursor: it may hold a file name."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; on a terminal it replaces a progress line."""
        line = one_line(super().format(record))
        return f"\r\x1b[K{line}" if terminal.is_terminal(sys.stderr) else line


def add_verbosity(command: click.Command) -> click.Command:
    """Return a command after adding -v and -q to it and to its subcommands."""
    if not any(parameter.name == "verbose" for parameter in command.params):
        command.params += verbosity_options()
    if isinstance(command, click.Group):
        for subcommand in command.commands.values():
            add_verbosity(subcommand)
    return command
