"""Progress: a line that is painted over on a terminal, and a line a minute elsewhere."""

from __future__ import annotations

import io
from contextlib import redirect_stderr

import pytest

from indexer.types import Progress
from retrieval.cli.progress import ProgressLine, clock, describe


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def terminal() -> redirect_stderr[Terminal]:
    """Return a context in which stderr is a terminal, whose text it gives."""
    return redirect_stderr(Terminal())


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list of one number: the time that the line sees."""
    moment = [100.0]
    monkeypatch.setattr("retrieval.cli.progress.time.monotonic", lambda: moment[0])
    return moment


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (0.4, "0:00"),
        (9.6, "0:10"),
        (59.6, "1:00"),  # not 0:60
        (61, "1:01"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (360_000, "100:00:00"),
    ],
)
def test_durations_are_minutes_and_seconds_and_hours_where_there_are_any(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


@pytest.mark.parametrize(
    ("progress", "seconds", "steps", "line"),
    [
        (Progress("scanning", 0), 1.0, 0, "scanning…"),
        (Progress("scanning", 12_345), 1.0, 12_345, "scanning… 12,345"),
        # 250 of 1,000 in 50 seconds: 5 a second, 750 left take 150 seconds
        (Progress("a", 250, 1000), 50.0, 250, "a [#####...............] 250 of 1,000, 5.0 a second, 2:30 left"),
        # nothing done yet: no rate to tell the time left from
        (Progress("indexing", 0, 10), 5.0, 0, "indexing [....................] 0 of 10, 0.0 a second"),
        (Progress("indexing", 0, 10), 0.0, 0, "indexing [....................] 0 of 10, 0.0 a second"),
        (Progress("indexing", 10, 10), 4.0, 10, "indexing [####################] 10 of 10, 2.5 a second, 0:00 left"),
        (Progress("indexing", 0, 0), 0.0, 0, "indexing [####################] 0 of 0, 0.0 a second"),
        # a stage that was first seen at 80: the rate is of the steps since then
        (Progress("indexing", 90, 100), 2.0, 10, "indexing [##################..] 90 of 100, 5.0 a second, 0:02 left"),
    ],
)
def test_a_line_shows_how_far_how_fast_and_how_long(progress: Progress, seconds: float, steps: int, line: str) -> None:
    assert describe(progress, seconds, steps) == line


def test_a_run_of_less_than_a_minute_prints_nothing_if_stderr_is_not_a_terminal(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressLine() as line:
        line(Progress("indexing", 1, 2))
        now[0] += 59
        line(Progress("indexing", 2, 2))
    assert capsys.readouterr() == ("", "")


def test_there_is_a_line_a_minute_if_stderr_is_not_a_terminal(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with ProgressLine() as line:
        line(Progress("indexing", 0, 1000))
        for _ in range(25):  # every ten seconds, for 250 seconds
            now[0] += 10
            line(Progress("indexing", int(now[0] - 100), 1000))
    assert capsys.readouterr() == (
        "",
        (
            "indexing 6%, 60 of 1,000, 1.0 a second, 15:40 left\n"
            "indexing 12%, 120 of 1,000, 1.0 a second, 14:40 left\n"
            "indexing 18%, 180 of 1,000, 1.0 a second, 13:40 left\n"
            "indexing 24%, 240 of 1,000, 1.0 a second, 12:40 left\n"
        ),
    )


def test_the_line_is_painted_over_and_wiped_at_the_end(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with terminal() as stream, ProgressLine() as line:
        line(Progress("scanning", 5))
        now[0] += 1
        line(Progress("scanning", 10))
    # carriage return and "erase to the end of the line" before each
    assert stream.getvalue() == "\r\x1b[Kscanning… 5\r\x1b[Kscanning… 10\r\x1b[K"
    assert capsys.readouterr().out == ""  # stdout belongs to the results


def test_a_line_that_never_showed_anything_wipes_nothing() -> None:
    with terminal() as stream, ProgressLine():
        pass
    assert stream.getvalue() == ""


def test_it_is_painted_ten_times_a_second_at_most(now: list[float]) -> None:
    with terminal() as stream:
        line = ProgressLine()
        for done in range(100):
            now[0] = 100 + done / 64  # a step that binary numbers hold exactly
            line(Progress("scanning", done))
    # 99 steps of 1/64 second; a tenth of a second has passed after 7 of them: painted at 0, 7, 14, … 98
    assert stream.getvalue().count("\r") == 15


def test_the_end_and_a_new_stage_are_painted_at_once(now: list[float]) -> None:
    with terminal() as stream:
        line = ProgressLine()
        line(Progress("scanning", 1))
        line(Progress("scanning", 2))  # too soon
        line(Progress("indexing", 0, 2))
        line(Progress("indexing", 1, 2))  # too soon
        line(Progress("indexing", 2, 2))
    painted = [text.partition(",")[0] for text in stream.getvalue().split("\r\x1b[K")[1:]]
    assert painted == [
        "scanning… 1",
        "indexing [....................] 0 of 2",
        "indexing [####################] 2 of 2",
    ]


def test_each_stage_has_its_own_rate(now: list[float]) -> None:
    with terminal() as stream:
        line = ProgressLine()
        line(Progress("scanning", 1000))
        now[0] += 10
        line(Progress("indexing", 50, 100))  # goes on from 50
        now[0] += 2
        line(Progress("indexing", 70, 100))
    assert stream.getvalue().endswith("70 of 100, 10.0 a second, 0:03 left")
