"""The `recall` program: its own options, its log on stderr, its beginning and end."""

from __future__ import annotations

import atexit
import gc
import logging
import sys

import click

from indexer import __version__
from retrieval.cli.group import RecallGroup
from retrieval.cli.licenses import print_licenses
from retrieval.cli.output import one_line


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
