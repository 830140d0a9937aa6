"""Evaluations and comparisons as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.messages import note, print_failures
from retrieval.cli.table import Column, print_table
from retrieval.cli.text import visible

if TYPE_CHECKING:
    from retrieval.evaluation import Comparison, Direction, Evaluation

_DIRECTIONS = {"text_to_image": "text to photo", "image_to_text": "photo to text", "search": "queries"}


def print_gaps(evaluations: Sequence[Evaluation]) -> None:
    """Print on stderr what was left out, which relevant photos are not in a library, and which metrics are missing."""
    from retrieval.evaluation.metrics import METRICS, metric_names  # late: --help does not need numpy

    for name, reason in evaluations[0].failures:  # two systems that are compared have the same
        print_failures("left out", [(name, reason)], "")
    missing = ((evaluation.about["library"], name) for evaluation in evaluations for name in evaluation.missing)
    for library, name in dict.fromkeys(missing):  # two chains of rerankers have one library
        click.echo(visible(f"not in {library}, counts as not found: {name}"), err=True)
    if metric_names() != METRICS:
        note("MRR, nDCG@10 and mAP need ir-measures; run: pip install 'recall-photos[evaluate]'")


def print_evaluation(evaluation: Evaluation) -> None:
    """Print what one system reached, a column for each direction."""
    click.echo(f"{visible(evaluation.system)}: {_size(evaluation)}; 95 % intervals in parentheses")
    if evaluation.directions:
        columns = [_column(direction) for direction in evaluation.directions.values()]
        names = next(iter(evaluation.directions.values())).metrics
        head = [Column(_DIRECTIONS[name], "wrap") for name in evaluation.directions]
        print_table(("", *head), zip(names, *columns, strict=True))
    if evaluation.calibration is not None:
        _print_calibration(evaluation.calibration)


def _print_calibration(report: Mapping[str, Any]) -> None:
    """Print how well match probabilities agree with people."""
    nothing = report["nothing_shown"]
    click.echo(f"match probabilities on {report['pairs']:,} pairs of {report['queries']:,} captions:")
    rows = [
        (
            "calibration error of what is shown",
            _share(report["calibration_error"], report["calibration_error_interval"]),
        ),
        ("hidden of what is right", _share(report["hidden"], report["hidden_interval"])),
        ("nothing shown where a photo is right", _share(nothing["with_answer"])),
        ("nothing shown where none is right", _share(nothing["without_answer"])),
        ("expected number within a factor of 1.5", _share(report["expected_near"])),
    ]
    print_table(("", "value"), rows)
    click.echo()
    bins = [
        (f"{each['from']:.0%} to {each['to']:.0%}", f"{each['said']:.1%}", f"{each['right']:.1%}", f"{each['pairs']:,}")
        for each in report["bins"]
    ]
    print_table(("match", "said", "right", "pairs"), bins)


def _share(value: float | None, interval: Sequence[float] | None = None) -> str:
    """Return a share in percent with its interval; "-" if there is none."""
    if value is None:
        return "-"
    return f"{value:.1%}" + (f" ({interval[0]:.1%} to {interval[1]:.1%})" if interval else "")


def print_comparison(comparison: Comparison) -> None:
    """Print how two systems differ, a table for each direction."""
    first, second = comparison.first.system, comparison.second.system
    click.echo(f"{visible(first)} and {visible(second)}: {_size(comparison.first)}")
    for direction, differences in comparison.differences.items():
        rows = [
            (
                metric,
                _number(metric, difference.first),
                _number(metric, difference.second),
                _number(metric, difference.difference, "+"),
                f"{_number(metric, difference.low, '+')} to {_number(metric, difference.high, '+')}",
                "<.001" if difference.p < 0.001 else f"{difference.p:.3f}",
            )
            for metric, difference in differences.items()
        ]
        systems = Column(visible(first), "middle"), Column(visible(second), "middle")
        click.echo()
        print_table((_DIRECTIONS[direction], *systems, "difference", "95 % interval", "p"), rows)


def _column(direction: Direction) -> Iterable[str]:
    for (metric, mean), (low, high) in zip(direction.means.items(), direction.intervals.tolist(), strict=True):
        yield f"{_number(metric, mean)} ({_number(metric, low)} to {_number(metric, high)})"


def _size(evaluation: Evaluation) -> str:
    """Return how large the set is."""
    about = evaluation.about
    if "captions" in about:
        return f"{about['images']:,} photos, {about['captions']:,} captions"
    return f"{about['queries']:,} queries, {about['relevant']:,} relevant, the first {about['depth']:,} hits of each"


def _number(metric: str, value: float, sign: str = "") -> str:
    """Return a recall in percent, any other metric with three digits; z prevents -0."""
    return format(value, f"{sign}z.1%" if metric.startswith("R@") else f"{sign}z.3f")
