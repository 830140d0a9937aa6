"""The `recall` program: the options before a command, its beginning and its end."""

from __future__ import annotations

import atexit
import gc
import os
import sys

import click

from indexer import __version__
from retrieval.cli.exit_codes import ExitCode
from retrieval.cli.group import RecallGroup
from retrieval.cli.licenses import print_licenses
from retrieval.cli.messages import print_traceback, verbosity_options
from retrieval.cli.options import library_option

_EPILOG = """\b
Exit codes: 0 found or done, 1 nothing found, 2 error or wrong usage,
3 done but some items failed, 130 stopped by Ctrl-C.
"""


@click.group(cls=RecallGroup, context_settings={"help_option_names": ["-h", "--help"]}, epilog=_EPILOG)
@library_option
@click.version_option(__version__)
@click.option(
    "--licenses", is_flag=True, is_eager=True, expose_value=False, callback=print_licenses,
    help="Show the licences of Recall, its weights and the installed packages.",
)  # fmt: skip
def cli(**_options: object) -> None:
    """Find photos by describing them, or by a picture like them.

    \b
    recall index ~/Pictures
    recall search "a dog on the beach"
    """


cli.params += verbosity_options()


def main() -> None:
    """Run the program; file names that are not valid text are printed byte for byte."""
    _open_missing_streams()
    gc.set_threshold(50_000)  # imports make objects that stay: looking through them at every 700th takes 60 ms
    atexit.register(_leave)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape" if stream is sys.stdout else "backslashreplace")
    try:
        cli(prog_name="recall")
    except Exception:  # noqa: BLE001  a bug: Python would exit with 1, which means that nothing was found
        print_traceback()
        sys.exit(ExitCode.ERROR)


def _open_missing_streams() -> None:
    """Open the standard streams that the program was started without, as a service or cron may do.

    Otherwise the next file that is opened, such as the catalog, gets the number of a standard stream, and messages of
    libraries go into it. What is read is empty, errors go nowhere, and printing a result fails.
    """
    modes = {"stdin": ("r", os.O_RDONLY), "stdout": ("w", os.O_RDONLY), "stderr": ("w", os.O_WRONLY)}
    for number, (name, (mode, flags)) in enumerate(modes.items()):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)  # noqa: FBT003 - else the decoder processes had none
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115 - for good


def _leave() -> None:
    """Keep the garbage collector from looking through all objects at the end: 120 ms after a search."""
    if "torch" not in sys.modules:  # parts of it complain about objects that nobody freed
        gc.freeze()
