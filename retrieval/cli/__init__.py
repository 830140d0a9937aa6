"""The `recall` program: a click group whose commands are loaded when they are used."""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from importlib import import_module

import click

from indexer import __version__
from indexer.errors import RecallError
from retrieval.cli.licenses import print_licenses
from retrieval.cli.output import one_line

COMMANDS = {
    "index": "retrieval.cli.index",
    "search": "retrieval.cli.search",
    "similar": "retrieval.cli.search",
    "explain": "retrieval.cli.explain",
    "judge": "retrieval.cli.judge",
    "feedback": "retrieval.cli.judge",
    "tune": "retrieval.cli.tune",
    "versions": "retrieval.cli.tune",
    "rollback": "retrieval.cli.tune",
    "duplicates": "retrieval.cli.duplicates",
    "learn": "retrieval.cli.words",
    "words": "retrieval.cli.words",
    "status": "retrieval.cli.status",
    "encoders": "retrieval.cli.encoders",
    "encoder": "retrieval.cli.encoder",
    "forget": "retrieval.cli.maintenance",
    "check": "retrieval.cli.maintenance",
    "optimize": "retrieval.cli.optimize",
    "evaluate": "retrieval.cli.evaluate",
    "export": "retrieval.cli.export_import",
    "import": "retrieval.cli.export_import",
}
"""Where each command is defined, in the order of the help."""

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells give it (128 + SIGINT)."""


class RecallGroup(click.Group):
    """Loads a command when it is named, and turns RecallError into one line on stderr and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), f"{cmd_name}_command")
        return command

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


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C is what an error comes from: ONNX Runtime's import makes an ImportError of it."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


class OneLine(logging.Formatter):
    """Formats a message as one line in which nothing can move the cursor: it may hold a file name."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, on a terminal in the place of a progress line that stands there."""
        line = one_line(super().format(record))
        return f"\r\x1b[K{line}" if sys.stderr.isatty() else line


@click.group(cls=RecallGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--licenses", is_flag=True, is_eager=True, expose_value=False, callback=print_licenses,
    help="Show the licences of Recall, its weights and the installed packages.",
)  # fmt: skip
def cli() -> None:
    """Find photos by describing them, or by a picture like them.

    \b
    recall index ~/Pictures
    recall search "a dog on the beach"
    """
    for package in ("indexer", "retrieval"):
        logging.getLogger(package).setLevel(logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("recall: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)


def main() -> None:
    """Run the program; file names that are no valid text are printed as they are."""
    gc.set_threshold(50_000)  # imports make objects that stay: looking through them at every 700th takes 60 ms
    atexit.register(_leave)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdout else "backslashreplace")
    cli(prog_name="recall")


def _leave() -> None:
    """Have what is left go with the process: to look through all objects for garbage takes 120 ms after a search."""
    if "torch" not in sys.modules:  # parts of it complain about objects that nobody freed
        gc.freeze()
