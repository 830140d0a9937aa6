"""The summary that `recall index` prints."""

from __future__ import annotations

import pytest

from indexer.sync.report import SyncReport
from retrieval.cli.commands.index import _print_summary


def test_a_long_run_prints_its_bottleneck_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    report = SyncReport(
        added=1000, seconds={"encode": 9.0}, wait_seconds={"encode": 9.0, "decode": 0.5}, total_seconds=10.0
    )
    _print_summary(report)
    output = capsys.readouterr()
    assert output.out == "1,000 added in 10.0 seconds\n"
    assert output.err == "encode was the bottleneck (90% of the time)\n"


def test_a_short_run_prints_no_bottleneck(capsys: pytest.CaptureFixture[str]) -> None:
    _print_summary(SyncReport(added=1, seconds={"encode": 0.1}, wait_seconds={"encode": 0.1}, total_seconds=0.2))
    output = capsys.readouterr()
    assert (output.out, output.err) == ("1 added in 0.2 seconds\n", "")
