"""The report of a sync: counts, seconds and JSON."""

from __future__ import annotations

import json
import time
from typing import get_args

import pytest

from indexer.catalog.statements.counts import Failure
from indexer.sync.report import MAX_LISTED, OUTCOMES, Stage, SyncReport


def failure(number: int) -> Failure:
    return Failure(f"/photos/{number}.jpg", "damaged", "truncated")


def test_outcomes_are_those_of_the_documentation() -> None:
    assert OUTCOMES == ("added", "changed", "moved", "removed", "unchanged", "failed")


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_count_adds_to_one_count(outcome: str) -> None:
    report = SyncReport()
    report.count(outcome)  # type: ignore[arg-type]  # one of the outcomes
    report.count(outcome, 4)  # type: ignore[arg-type]
    assert {name: getattr(report, name) for name in OUTCOMES} == {**dict.fromkeys(OUTCOMES, 0), outcome: 5}


def test_include_adds_the_counts_times_and_failures_of_another_report() -> None:
    total = SyncReport(added=1, failed=2, seconds={"scan": 1.0, "decode": 2.0}, total_seconds=3.0)
    total.failures, total.unreadable_folders = [failure(1)], ["/a: Permission denied"]
    other = SyncReport(added=10, unchanged=5, seconds={"scan": 0.5, "encode": 4.0}, total_seconds=5.0)
    other.failures, other.unreadable_folders = [failure(2)], ["/b: Permission denied"]
    total.include(other)
    assert (total.added, total.changed, total.unchanged, total.failed) == (11, 0, 5, 2)
    assert total.seconds == {"scan": 1.5, "decode": 2.0, "encode": 4.0}
    assert total.total_seconds == 8.0
    assert [failure.path for failure in total.failures] == ["/photos/1.jpg", "/photos/2.jpg"]
    assert total.unreadable_folders == ["/a: Permission denied", "/b: Permission denied"]
    assert (other.added, other.seconds) == (10, {"scan": 0.5, "encode": 4.0})  # the other report is not changed


def test_a_report_has_a_bounded_number_of_failures() -> None:
    total = SyncReport(failed=MAX_LISTED)
    total.failures = [failure(number) for number in range(MAX_LISTED)]
    total.include(SyncReport(failed=7, failures=[failure(1000)]))
    assert (total.failed, len(total.failures)) == (MAX_LISTED + 7, 100)  # all are counted


def test_the_time_of_a_stage_is_added_also_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 12.0, 20.0, 25.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    report = SyncReport()
    with report.timing("scan"):
        pass
    with pytest.raises(KeyboardInterrupt), report.timing("scan"):
        raise KeyboardInterrupt
    assert report.seconds == report.wait_seconds == {"scan": 7.0}  # 2 and 5


def test_of_a_stage_in_the_background_only_the_waiting_counts_as_wait_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([10.0, 18.0, 17.5, 18.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    report = SyncReport()
    with report.timing("write", in_background=True):
        pass
    with report.waiting("write"):
        pass
    assert (report.seconds, report.wait_seconds) == ({"write": 8.0}, {"write": 0.5})


def test_the_bottleneck_is_the_stage_that_the_run_waited_for_longest() -> None:
    # the decoders took 15 seconds in several processes; the run waited for them for 2
    report = SyncReport(
        seconds={"decode": 15.0, "encode": 7.0}, wait_seconds={"decode": 2.0, "encode": 7.0}, total_seconds=10.0
    )
    assert report.bottleneck == ("encode", 0.7)
    assert report.to_dict()["bottleneck"] == {"stage": "encode", "share": 0.7}
    slow_disk = SyncReport(wait_seconds={"decode": 9.0, "encode": 1.0}, total_seconds=10.0)
    report.include(slow_disk)
    assert report.bottleneck == ("decode", 0.55)  # 11 of 20 seconds


@pytest.mark.parametrize("seconds", [{}, {"encode": 0.9}, {"scan": 99.0}])
def test_a_run_that_encoded_for_less_than_a_second_has_no_bottleneck(seconds: dict[Stage, float]) -> None:
    assert SyncReport(seconds=seconds, wait_seconds=seconds, total_seconds=100.0).bottleneck is None


def test_files_passed_over_are_added_up_by_ending() -> None:
    total, other = SyncReport(passed_over={".thm": 2, "": 1}), SyncReport(passed_over={".thm": 3})
    total.include(other)
    assert total.passed_over == {".thm": 5, "": 1}


def test_the_json_has_exactly_these_keys() -> None:
    report = SyncReport(added=1, seconds={"scan": 0.12345, "index": 0.0004}, total_seconds=1.23456)
    report.failures, report.unreadable_folders = [failure(1)], ["/a: Permission denied"]
    assert report.to_dict() == {
        "dry_run": False,
        "added": 1,
        "changed": 0,
        "moved": 0,
        "removed": 0,
        "unchanged": 0,
        "failed": 0,
        "seconds": {"scan": 0.123, "index": 0.0, "total": 1.235},
        "bottleneck": None,
        "failures": [{"path": "/photos/1.jpg", "kind": "damaged", "message": "truncated", "row": None}],
        "unreadable_folders": ["/a: Permission denied"],
        "passed_over": {},
        "missing_folders": [],
        "unread_sidecars": [],
        "reencoded": 0,
        "approximate": 0,
        "not_reencoded": [],
        "index_choice": None,
    }
    assert json.loads(json.dumps(report.to_dict())) == report.to_dict()


def test_no_stage_has_the_name_of_the_total() -> None:
    assert "total" not in get_args(Stage)
