"""The click group of all commands: finds them, shows them in sections, turns errors into one line."""

from __future__ import annotations

import keyword
import pkgutil
from importlib import import_module
from typing import Any

import click

from indexer.errors import RecallError
from retrieval.cli import commands
from retrieval.cli.output import one_line

SECTIONS = ("Search", "Index", "Learn", "Library", "Measure")
"""The order of the sections in the help."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it (128 + SIGINT)."""


def command_names() -> list[str]:
    """Return the names of all commands, sorted; no command is imported."""
    return sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(commands.__path__))


class RecallGroup(click.Group):
    """Loads a command when it is named, and turns RecallError into one line on stderr and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted."""
        return command_names()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        if cmd_name not in command_names():
            return None
        command: click.Command = _module(cmd_name).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections, each with its first line of help."""
        names = self.list_commands(ctx)
        width = max(map(len, names))
        limit = formatter.width - 6 - width
        sections: dict[str, list[tuple[str, str]]] = {section: [] for section in SECTIONS}
        for name in names:
            module = _module(name)
            row = (name.ljust(width), module.command.get_short_help_str(limit))
            sections.setdefault(module.SECTION, []).append(row)
        for section, rows in sections.items():
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command, with our errors as one line."""
        try:
            return super().invoke(ctx)
        except RecallError as error:
            click.echo(f"recall: {one_line(str(error))}", err=True)
            ctx.exit(1)
        except (KeyboardInterrupt, ImportError) as error:
            if not _is_interrupt(error):
                raise
            goes_on = "; what was done is kept, and the same command goes on from here"
            click.echo(
                f"recall: stopped{goes_on if ctx.invoked_subcommand in ('index', 'import', 'encoder') else ''}",
                err=True,
            )
            ctx.exit(INTERRUPTED)


def _module(name: str) -> Any:
    """Return the module of a command."""
    file = f"{name}_" if keyword.iskeyword(name) else name
    return import_module(f"{commands.__name__}.{file}")


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is what an error comes from: ONNX Runtime's import makes an ImportError of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None
