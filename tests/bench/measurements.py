"""The measurements of the manual: which commands make them, and the files in docs/measurements that hold them.

`make bench` runs all that take minutes, `make bench NAMES="calibration cold-start"` those named. The manual
and the README include the files, so no figure is typed by hand. Those that take up to hours run only when named.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.table import machine

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "measurements"
DATA = "../shared/data"
"""The captioned photos beside the checkout, as the commands name them."""

TABLES = "RECALL_BENCH_TABLES"
"""Environment variable: the file that a run of pytest writes its tables to."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One file of the manual.

    Attributes:
        name: The file's name without its ending.
        commands: What to run in the checkout, in order, as people would type it.
        takes_hours: Whether it runs only when it is named.
    """

    name: str
    commands: tuple[str, ...]
    takes_hours: bool = False


def _pytest(*modules: str) -> tuple[str, ...]:
    files = " ".join(f"tests/bench/{module}.py" for module in modules)
    return (f"python -m pytest --benchmark-only {files}",)


LORA = f"OMP_NUM_THREADS=1 python -m tests.bench.lora_users {DATA}"

MEASUREMENTS = (
    Measurement("encoder-quality", (f"recall evaluate {DATA}/flickr8k/captions.csv --split dev",)),
    Measurement(
        "precision-quality",
        (
            *_pytest("test_precision"),
            f"recall evaluate {DATA}/flickr8k/captions.csv --split dev --compare compact compact+int8",
        ),
    ),
    Measurement("calibration", (f"python -m training.calibration --data {DATA}",)),
    Measurement(
        "calibration-one-library", (f"recall evaluate {DATA}/flickr8k/captions.csv --split dev --calibration",)
    ),
    Measurement("reliability", (f"python -m training.calibration --data {DATA} --reliability",)),
    Measurement("hybrid-search", (f"python -m tests.bench.hybrid {DATA}/flickr8k",)),
    Measurement("diversity", (f"python -m tests.bench.reranking {DATA} classes",)),
    Measurement("duplicates", _pytest("test_duplicates")),
    Measurement("private-words", (f"python -m tests.bench.words {DATA}",), takes_hours=True),
    Measurement("reranking", (f"python -m tests.bench.reranking {DATA}",), takes_hours=True),
    Measurement("query-adapter", (f"python -m tests.bench.users {DATA}",), takes_hours=True),
    Measurement(
        "gate",
        (f"python -m tests.bench.users {DATA} --shuffled --judgements 100", "python -m tests.bench.gate 200"),
        takes_hours=True,
    ),
    Measurement("adapter-speed", ("OMP_NUM_THREADS=1 python -m tests.bench.adapter_speed",)),
    Measurement(
        "lora",
        (
            f"{LORA} --judgements 20 100 --seeds 5",
            f"{LORA} --judgements 500 --seeds 5 --kinds class --epochs 8",
        ),
        takes_hours=True,
    ),
    Measurement(
        "encoder-change", (f"OMP_NUM_THREADS=1 python -m tests.bench.encoder_change {DATA}",), takes_hours=True
    ),
    Measurement("cold-start", _pytest("test_cold_start")),
    Measurement("warm-search", _pytest("test_search_speed")),
    Measurement("filter-speed", _pytest("test_filter_speed", "test_calibration_speed")),
    Measurement("encoding-speed", _pytest("test_encoder_speed")),
    Measurement("recommended-speed", ("python -m tests.bench.recommended_speed",), takes_hours=True),
    Measurement("indexing-speed", _pytest("test_indexing_speed")),
    Measurement("catalog-speed", _pytest("test_catalog_speed", "test_sync_speed")),
    Measurement("memory", _pytest("test_memory", "test_jpeg_speed")),
    Measurement("component-speed", _pytest("test_components")),
    Measurement("rclip", _pytest("test_rclip")),
    Measurement("many-machines", _pytest("test_many_machines")),
    Measurement("server-search", _pytest("test_server_search"), takes_hours=True),  # needs a database server
    Measurement("server-load", _pytest("test_server")),
    Measurement("frozen-app", ("python -m tests.bench.frozen_app",)),
    Measurement("vector-search", _pytest("test_index_floor")),
    Measurement("large-library", (f"python -m tests.bench.large_library {DATA} 1000003",), takes_hours=True),
    Measurement("gpu", _pytest("test_gpu"), takes_hours=True),
)


def page(commands: Sequence[str], outputs: Sequence[str], *, on: dt.date, where: str) -> str:
    """Return the content of a file of the manual: what was printed, the date, the machine and the commands.

    Args:
        commands: What was run.
        outputs: What each printed; Markdown tables stay tables, anything else is shown as it was printed.
        on: The day.
        where: The machine, see `tests.bench.table.machine`.
    """
    parts = ["<!-- written by make bench -->"]
    for output in outputs:
        text = output.strip("\n")
        parts.append(text if _is_markdown(text) else f"```\n{text}\n```")
    shown = "\n".join(f"    {command}" for command in commands)
    parts.append(f"Measured on {on.day} {on:%B %Y} on {where}:")
    return "\n\n".join([*parts, shown]) + "\n"


def _is_markdown(text: str) -> bool:
    """Return whether every paragraph is a table or a bold heading."""
    return all(re.match(r"\||\*\*", block) for block in text.split("\n\n") if block.strip())


def measure(measurement: Measurement) -> Path:
    """Run a measurement's commands, write its file and return the path.

    Raises:
        RuntimeError: A command failed, or a benchmark measured nothing.
    """
    where = machine()
    outputs = [_run(command) for command in measurement.commands]
    path = FOLDER / f"{measurement.name}.md"
    today = dt.datetime.now(dt.UTC).date()
    path.write_text(page(measurement.commands, outputs, on=today, where=where), encoding="utf-8")
    return path


def _run(command: str) -> str:
    """Return what a command prints; of a run of pytest, its tables."""
    scripts = str(Path(sys.executable).parent)
    env = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    words = shlex.split(command)
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        env[name] = value
    with tempfile.TemporaryDirectory() as folder:
        tables = Path(folder) / "tables.md"
        env[TABLES] = str(tables)
        is_pytest = "pytest" in words
        run = subprocess.run(
            words, cwd=ROOT, env=env, stdout=None if is_pytest else subprocess.PIPE, text=True, check=False
        )
        if run.returncode:
            raise RuntimeError(f"{command} ended with {run.returncode}")
        output = tables.read_text(encoding="utf-8") if is_pytest else run.stdout
    if not output.strip():
        raise RuntimeError(f"{command} measured nothing: what it needs may be missing")
    return output


def main(names: Sequence[str] | None = None) -> int:
    """Run the measurements that are named, by default all that take minutes; return how many failed."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known.name for known in MEASUREMENTS))
    chosen = parser.parse_args(names).names
    unknown = sorted(set(chosen) - {measurement.name for measurement in MEASUREMENTS})
    if unknown:
        parser.error(f"no measurement is called {unknown[0]!r}")
    failures = 0
    for measurement in MEASUREMENTS:
        if measurement.name not in chosen and (chosen or measurement.takes_hours):
            continue
        sys.stderr.write(f"measuring {measurement.name}\n")
        try:
            path = measure(measurement)
        except (RuntimeError, OSError) as error:
            failures += 1
            sys.stderr.write(f"not measured: {measurement.name}: {error}\n")
        else:
            sys.stderr.write(f"wrote {path.relative_to(ROOT)}\n")
    return failures


if __name__ == "__main__":
    sys.exit(min(main(), 1))
