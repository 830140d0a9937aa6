"""The group of all commands: finds them, shows them in sections, ends each error in one line and an exit code."""

from __future__ import annotations

import keyword
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

import click

from indexer.errors import RecallError
from indexer.plugins import summary_of
from retrieval.cli import commands
from retrieval.cli.exit_codes import ExitCode, is_interrupt, leave
from retrieval.cli.messages import add_verbosity, is_verbose, print_error, print_traceback, start_log
from retrieval.cli.plugin_commands import SECTION as PLUGIN_SECTION
from retrieval.cli.plugin_commands import load_command, one_line_errors, plugin_commands
from retrieval.cli.suggestions import SuggestingGroup, with_new_word
from retrieval.cli.text import visible

SECTIONS = ("Search", "Index", "Learn", "Library", "Measure")
"""The sections of the help, in its order."""

_RESUMABLE = ("index", "import", "encoder")
"""Commands that a second run continues after Ctrl-C."""


def command_names() -> list[str]:
    """Return the names of all commands, sorted; no command is imported."""
    return sorted(module.name.rstrip("_") for module in pkgutil.iter_modules(commands.__path__))


def commands_by_section() -> dict[str, list[click.Command]]:
    """Return the commands in the sections of the help, sorted by name; all are imported."""
    sections: dict[str, list[click.Command]] = {section: [] for section in SECTIONS}
    for name in command_names():
        module = _module(name)
        sections.setdefault(module.SECTION, []).append(add_verbosity(module.command))
    return sections


class RecallGroup(SuggestingGroup):
    """Loads a command when it is named, and ends errors in one line on stderr and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, sorted, then those of installed packages; no command is imported."""
        own = command_names()
        return [*own, *plugin_commands(own)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name with the options that all have, or None."""
        own = command_names()
        if cmd_name in own:
            return add_verbosity(_module(cmd_name).command)
        entry = plugin_commands(own).get(cmd_name)
        if entry is None:
            return None
        try:
            return load_command(entry)
        except RecallError:
            if ctx.resilient_parsing:  # the shell completes a line: there is no place for an error
                return None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands in their sections, each with its short help."""
        plugins = plugin_commands(command_names())
        width = max(map(len, (*command_names(), *plugins)))
        room = formatter.width - width - 6  # click's indents and gaps
        for section, members in commands_by_section().items():
            with formatter.section(section):
                formatter.write_dl([(str(each.name).ljust(width), each.get_short_help_str(room)) for each in members])
        if plugins:  # described by their packages: importing them would make the help as slow as they are
            with formatter.section(PLUGIN_SECTION):
                formatter.write_dl([(name.ljust(width), visible(summary_of(each))) for name, each in plugins.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what comes before the command; --help and --version are printed meanwhile."""
        start_log()
        with _ending(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run a command."""
        with _ending(ctx), one_line_errors(ctx, command_names()):
            result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a full disk can be said
            return result


def _module(name: str) -> Any:
    """Return the module of a command."""
    file = f"{name}_" if keyword.iskeyword(name) else name
    return import_module(f"{commands.__name__}.{file}")


@contextmanager
def _ending(ctx: click.Context) -> Iterator[None]:
    """End each error that is not a bug in one line and an exit code."""
    try:
        yield
    except click.UsageError as error:
        raise with_new_word(error) from None
    except (RecallError, click.ClickException) as error:
        if is_verbose():
            print_traceback()
        print_error(error.message if isinstance(error, click.ClickException) else str(error))
        leave(ExitCode.ERROR)
    except BrokenPipeError:
        _discard_output()
        leave(ExitCode.BROKEN_PIPE)
    except OSError as error:
        if is_verbose():
            print_traceback()
        _discard_output()
        name = "the output" if error.filename is None else os.fsdecode(error.filename)
        print_error(f"{name} cannot be written or read ({error.strerror or error}); what was done before is kept")
        leave(ExitCode.ERROR)
    except (KeyboardInterrupt, ImportError) as error:
        if not is_interrupt(error):
            raise
        rest = "; what was done is kept; run the same command again to continue" * (
            ctx.invoked_subcommand in _RESUMABLE
        )
        print_error(f"stopped{rest}")
        leave(ExitCode.INTERRUPTED)


def _discard_output() -> None:
    """Let what is still to be printed go nowhere: the interpreter flushes it at its end, which would fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with suppress(OSError, ValueError):  # a stream of a test has no file
                os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
