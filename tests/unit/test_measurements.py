from __future__ import annotations

import datetime as dt
from pathlib import Path

from tests.bench.measurements import MEASUREMENTS, page

DAY = dt.date(2026, 11, 28)


def test_a_page_holds_the_tables_the_date_the_machine_and_the_command() -> None:
    written = page(
        ["recall evaluate set.csv"], ["\n**Speed**\n\n| a | b |\n|---|--:|\n| x | 1 |\n"], on=DAY, where="2 cores"
    )
    assert written == (
        "<!-- written by make bench -->\n\n**Speed**\n\n| a | b |\n|---|--:|\n| x | 1 |\n\n"
        "Measured on 28 November 2026 on 2 cores:\n\n    recall evaluate set.csv\n"
    )


def test_output_that_is_no_table_is_shown_as_it_was_printed() -> None:
    written = page(["a", "b"], ["queries: 3.2 s\n", "| x |\n|---|\n"], on=DAY, where="2 cores")
    assert "\n```\nqueries: 3.2 s\n```\n\n| x |\n|---|\n\n" in written
    assert written.endswith(":\n\n    a\n    b\n")


def test_every_speed_benchmark_belongs_to_one_measurement() -> None:
    files = sorted(path.stem for path in (Path(__file__).parents[1] / "bench").glob("test_*.py"))
    commands = " ".join(command for measurement in MEASUREMENTS for command in measurement.commands)
    assert [name for name in files if f"tests/bench/{name}.py" not in commands] == []
