"""Evaluations and comparisons as tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

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
    columns = [_column(direction) for direction in evaluation.directions.values()]
    names = next(iter(evaluation.directions.values())).metrics
    head = [Column(_DIRECTIONS[name], "wrap") for name in evaluation.directions]
    print_table(("", *head), zip(names, *columns, strict=True))
    about = evaluation.about
    if "calibration_error" in about:
        click.echo(
            f"match probabilities: calibration error {about['calibration_error']:.3f}; is there a match at all: AUROC "
            f"{about['auroc_best']:.3f} by the best hit, {about['auroc_expected']:.3f} by the expected number"
        )


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
