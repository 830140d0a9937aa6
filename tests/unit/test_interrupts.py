"""Ctrl-C ends the program with one line, also if a library turns it into another exception."""

from __future__ import annotations

import click
from click.testing import CliRunner, Result

from retrieval.cli.group import RecallGroup


def run(error: BaseException, cause: BaseException | None) -> Result:
    class Failing(RecallGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise error from cause

            return click.Command(cmd_name, callback=fail)

    return CliRunner().invoke(Failing(), ["fail"])


def test_an_import_error_caused_by_ctrl_c_is_ctrl_c() -> None:
    # as pybind11 raises it while onnxruntime is imported
    result = run(ImportError("initialization failed"), KeyboardInterrupt())
    assert (result.exit_code, result.stderr) == (130, "recall: stopped\n")


def test_another_import_error_is_not_changed() -> None:
    error = ImportError("no module named x")
    assert run(error, None).exception is error
