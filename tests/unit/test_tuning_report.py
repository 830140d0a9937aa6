"""The tuning report: its line for people, and its stored form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from indexer.errors import TuningError
from retrieval.tuning.report import TuningReport

REPORT = TuningReport("adapter", True, "", 83, 0.61, 0.74, 0.05, 0.21, 0.001, 0.7, 0.8, "p", 70.0, 69.8, seeds=(0, 1))


def test_a_report_is_one_line() -> None:
    assert str(REPORT) == (
        "nDCG@10 .61 -> .74 (+.13, 95 % .05 to .21, n = 83 queries); R@5 .70 -> .80; control set -0.2; activated"
    )
    rejected = replace(REPORT, passed=False, reason="the gain may be chance", low=-0.05)
    assert "95 % -.05 to .21" in str(rejected)
    assert str(rejected).endswith("; kept inactive: the gain may be chance")


def test_a_report_says_whether_its_version_is_active() -> None:
    assert REPORT.line(is_active=True).endswith("; activated")
    assert REPORT.line(is_active=False).endswith("; passed, not active")
    assert str(replace(REPORT, dry_run=True)).endswith("; would be activated")
    rejected = replace(REPORT, passed=False, reason="the gain may be chance", dry_run=True)
    assert str(rejected).endswith("; would be kept inactive: the gain may be chance")


def test_a_report_survives_its_dictionary_and_ignores_keys_of_a_later_version() -> None:
    assert TuningReport.from_dict({**REPORT.to_dict(), "later": 1}) == REPORT
    with pytest.raises(TuningError, match="damaged"):
        TuningReport.from_dict({"method": "adapter"})


def test_a_report_reads_the_keys_of_earlier_versions() -> None:
    former = {
        "control_set": "probe",
        "control_before": "probe_before",
        "control_after": "probe_after",
        "alpha": "share",
        "missing": "gone",
    }
    stored = {former.get(key, key): value for key, value in REPORT.to_dict().items()}
    assert set(former.values()) <= stored.keys()
    assert TuningReport.from_dict(stored) == REPORT
