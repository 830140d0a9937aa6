"""What `recall index` says at the end."""

from __future__ import annotations

import pytest

from indexer.sync.report import SyncReport
from retrieval.cli.commands.index import _print_summary


def test_a_run_with_enough_to_encode_names_its_bottleneck_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    report = SyncReport(added=1000, seconds={"encode": 9.0}, waited={"encode": 9.0, "decode": 0.5}, total_seconds=10.0)
    _print_summary(report)
    said = capsys.readouterr()
    assert said.out == "1,000 added in 10.0 seconds\n"
    assert said.err == "encode was the bottleneck (90% of the time)\n"


def test_a_short_run_names_none(capsys: pytest.CaptureFixture[str]) -> None:
    _print_summary(SyncReport(added=1, seconds={"encode": 0.1}, waited={"encode": 0.1}, total_seconds=0.2))
    said = capsys.readouterr()
    assert (said.out, said.err) == ("1 added in 0.2 seconds\n", "")
