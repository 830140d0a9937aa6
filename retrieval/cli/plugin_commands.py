"""Commands of installed packages: the entry points of the group `recall.commands`.

A package declares `NAME = "module:command"`, where `command` is a click command or group.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from indexer.errors import RecallError
from indexer.plugins import COMMANDS, load_entry, named_plugins, origin, reason
from retrieval.cli.exit_codes import is_interrupt
from retrieval.cli.messages import add_verbosity

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SECTION = "Other packages"
"""Their section of the help."""


def plugin_commands(taken: Collection[str]) -> dict[str, EntryPoint]:
    """Return the entry points of the commands of packages, without those whose names are taken; none is imported."""
    return {name: entry for name, entry in named_plugins(COMMANDS).items() if name not in taken}


def load_command(entry: EntryPoint) -> click.Command:
    """Return a command of a package with the options that all commands have.

    Raises:
        RecallError: It cannot be imported, or is not a command.
    """
    command = load_entry(entry, RecallError)
    if not isinstance(command, click.Command):
        raise RecallError(f"{origin(entry)} is a {type(command).__name__}; expected a click command")
    return add_verbosity(command)


@contextmanager
def one_line_errors(ctx: click.Context, taken: Collection[str]) -> Iterator[None]:
    """Make any error in a command of a package a RecallError: it is not a bug of Recall.

    Args:
        ctx: The context of the program.
        taken: The names of Recall's own commands.
    """
    try:
        yield
    except (RecallError, OSError, click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except Exception as error:  # foreign code may raise anything
        name = ctx.invoked_subcommand or ""
        entry = None if name in taken or is_interrupt(error) else plugin_commands(taken).get(name)
        if entry is None:
            raise
        raise RecallError(f"{origin(entry)} failed ({reason(error)}); to see where: recall {name} -v") from error
