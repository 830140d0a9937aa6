"""`recall evaluate`."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from indexer.config import DEFAULT_ENCODER, Settings
from indexer.errors import EvaluationError
from indexer.registry import expected
from retrieval.cli.options import (
    FilePath,
    encoder_option,
    open_library,
    precision_option,
    settings_options,
)
from retrieval.cli.output import json_option, print_json, print_table, visible
from retrieval.cli.progress import ProgressLine
from retrieval.cli.rerank_option import rerank_option

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from indexer.types import ProgressCallback
    from retrieval.evaluation import Comparison, Direction, Evaluation

SECTION = "Measure"

WAYS = {"text_to_image": "words to photos", "image_to_text": "photos to words", "search": "queries"}


@click.command("evaluate", short_help="Measure how well photos are found.")
@click.argument("table", metavar="SET", type=FilePath())
@click.option("--split", metavar="NAME", help="Only lines whose column `split` has this value.")
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Compare two systems on the set: encoders for captions; for queries two libraries, or two chains of "
    "rerankers on one library, written as for --rerank with + between them, or none.",
)
@rerank_option
@click.option(
    "--calibration",
    is_flag=True,
    help="Measure the probabilities of a search too; for captions only. Takes about a minute for 1,000 photos.",
)
@click.option("--save", type=FilePath(dir_okay=False), metavar="FILE", help="Write the JSON to a file too.")
@json_option
@encoder_option
@precision_option
@settings_options("library", "device", "batch_size")
def command(
    table: Path,
    split: str | None,
    pair: tuple[str, str] | None,
    rerank: tuple[str, ...],
    calibration: bool,
    save: Path | None,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Measure how well the photos of SET are found; it is a CSV file of one of two kinds.

    With the columns image and caption an encoder is measured, from words to photos and back; the photos are in images/
    beside the file. With the columns query and relevant the library is searched for each query: words, a photo by its
    path from the file's folder, or parts as `recall search` takes them, where there is a + or - between them;
    relevant is a photo that answers it, by its path too, and a column grade may say how well it does (1, 2, and so on).

    Prints R@1, R@5 and R@10, the share of queries with a right answer among the first 1, 5 and 10, and with the package
    ir-measures also MRR, nDCG@10 and mAP, each with its 95 % interval. With --compare, p is that of a paired
    randomisation test. The first 1,000 hits of each query are looked at; where rerankers take part the first 100, with
    which and without, as many as they see in a search. A folder that is called like a reranker is ./mmr.

    \b
    recall evaluate holiday/captions.csv
    recall evaluate holiday/captions.csv --compare compact ViT-B-32/laion2b_s34b_b79k
    recall evaluate holiday/queries.csv --library photos.recall --save today.json
    recall evaluate holiday/queries.csv --library photos.recall --compare none bursts+mmr:0.7
    """
    from retrieval.evaluation import Comparison, compare, set_kind  # late: --help does not need numpy

    if pair:
        _check_pair(pair, named=bool(encoder or precision or rerank))
    if save:
        _check_folder(save)
    captions = set_kind(table) == "captions"
    if calibration and (pair or not captions):
        raise click.UsageError("--calibration is for one encoder on a set with the columns image and caption")
    if rerank and captions:
        raise click.UsageError("--rerank is for a set with the columns query and relevant")
    run = functools.partial(_on_captions, calibration=calibration)
    if not captions:
        run = functools.partial(_on_queries, rerank=rerank)
    with ProgressLine() as progress:
        found = run(table, split, pair, encoder, precision, settings, progress)
    _print_left_out(found)
    result = compare(*found) if pair else found[0]
    if as_json:
        print_json(result.to_dict())
    elif isinstance(result, Comparison):
        _print_comparison(result)
    else:
        _print_evaluation(result)
    if save:
        _write(save, result.to_dict())
    if found[0].failures:
        click.get_current_context().exit(3)


def _check_pair(pair: tuple[str, str], *, named: bool) -> None:
    if pair[0] == pair[1]:
        raise click.UsageError(f"--compare names {pair[0]!r} twice; name two systems")
    if named:
        raise click.UsageError("--compare names both systems itself; leave out --encoder, --precision and --rerank")


def _check_folder(save: Path) -> None:
    """Refuse a file that cannot be written before minutes are spent on what is to stand in it."""
    if not save.absolute().parent.is_dir():
        raise EvaluationError(f"{save} cannot be written: there is no folder {save.parent}; make it, or name another")


def _on_captions(
    table: Path,
    split: str | None,
    pair: tuple[str, str] | None,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
    progress: ProgressCallback,
    *,
    calibration: bool,
) -> list[Evaluation]:
    """Return what one encoder, or each of two, reaches on captioned photos."""
    from indexer.encoders import load_encoder  # late, as above
    from indexer.encoders.names import in_precision
    from retrieval.evaluation import evaluate_captions

    name = encoder or settings.encoder or DEFAULT_ENCODER
    names = pair or (in_precision(name, precision) if precision else name,)
    loaded = [load_encoder(each, device=settings.device, batch_size=settings.batch_size) for each in names]
    return [evaluate_captions(table, each, split=split, calibration=calibration, progress=progress) for each in loaded]


def _on_queries(
    table: Path,
    split: str | None,
    pair: tuple[str, str] | None,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
    progress: ProgressCallback,
    *,
    rerank: Sequence[str],
) -> list[Evaluation]:
    """Return what the search of one library, or of each of two, reaches on queries with known answers."""
    logging.getLogger("retrieval.search.rerank").setLevel(logging.WARNING)  # else a line for each query
    if pair and _are_chains(pair):
        return _on_chains(table, split, pair, settings, progress)
    folders = [Path(each) for each in pair] if pair else [settings.library]
    with ExitStack() as opened:
        libraries = [
            opened.enter_context(open_library(replace(settings, library=folder), encoder=encoder, precision=precision))
            for folder in folders
        ]
        return [library.evaluate(table, split=split, rerank=rerank, progress=progress) for library in libraries]


def _are_chains(pair: tuple[str, str]) -> bool:
    """Return whether both are chains of rerankers, not libraries.

    Raises:
        UsageError: One of them is neither, or they are not of one kind.
    """
    from retrieval.search.rerank.registry import is_chain, reranker_entries  # late, as above

    chains = [each for each in pair if is_chain(each)]
    for each in pair:
        if each not in chains and not Path(each).exists():
            raise click.UsageError(
                f"--compare names {each!r}, which is neither a library's folder nor a reranker; expected two "
                f"libraries, or two of none, {expected(reranker_entries())}, joined by +"
            )
    if len(chains) == 1:
        raise click.UsageError(
            f"--compare names the rerankers {chains[0]!r} and a library; name two libraries, or two chains of rerankers"
        )
    return bool(chains)


def _on_chains(
    table: Path, split: str | None, pair: tuple[str, str], settings: Settings, progress: ProgressCallback
) -> list[Evaluation]:
    """Return what the search of one library reaches with each of two chains of rerankers, on equally many hits."""
    from retrieval.evaluation.search_quality import depth_for  # late, as above
    from retrieval.search.rerank.registry import make_rerankers, split_chain

    chains = [split_chain(each) for each in pair]
    depth = depth_for(
        [*make_rerankers(chains[0]), *make_rerankers(chains[1])]
    )  # a wrong name shows before the first is measured
    with open_library(settings) as library:
        found = [library.evaluate(table, split=split, rerank=chain, depth=depth, progress=progress) for chain in chains]
    return [replace(each, system=name) for each, name in zip(found, pair, strict=True)]


def _print_left_out(found: Sequence[Evaluation]) -> None:
    from retrieval.evaluation.metrics import METRICS, metric_names  # late, as above

    for name, reason in found[0].failures:  # those of two that are compared are the same
        click.echo(f"left out: {visible(name)}: {visible(reason)}", err=True)
    missing = ((each.about["library"], name) for each in found for name in each.missing)
    for library, name in dict.fromkeys(missing):  # rerankers are compared on one library
        click.echo(visible(f"not in {library}, counts as not found: {name}"), err=True)
    if metric_names() != METRICS:
        click.echo("MRR, nDCG@10 and mAP need ir-measures; run: pip install 'recall-photos[evaluate]'", err=True)


def _print_evaluation(found: Evaluation) -> None:
    click.echo(f"{found.system}: {_size(found)}; in brackets 95 % intervals")
    columns = [_column(direction) for direction in found.directions.values()]
    names = next(iter(found.directions.values())).metrics
    print_table(("", *(WAYS[way] for way in found.directions)), zip(names, *columns, strict=True))
    if "calibration_error" in found.about:
        click.echo(
            f"probabilities: calibration error {found.about['calibration_error']:.3f}; photo there or not: AUROC "
            f"{found.about['auroc_best']:.3f} by the best, {found.about['auroc_expected']:.3f} by the expected number"
        )


def _column(direction: Direction) -> Iterable[str]:
    for (metric, mean), (low, high) in zip(direction.means.items(), direction.intervals.tolist(), strict=True):
        yield f"{_number(metric, mean)} ({_number(metric, low)} to {_number(metric, high)})"


def _print_comparison(found: Comparison) -> None:
    first, second = found.first.system, found.second.system
    click.echo(f"{first} and {second}: {_size(found.first)}")
    for way, differences in found.differences.items():
        rows = [
            (
                metric,
                _number(metric, each.first),
                _number(metric, each.second),
                _number(metric, each.difference, "+"),
                f"{_number(metric, each.low, '+')} to {_number(metric, each.high, '+')}",
                "<.001" if each.p < 0.001 else f"{each.p:.3f}",
            )
            for metric, each in differences.items()
        ]
        click.echo()
        print_table((WAYS[way], first, second, "difference", "95 % interval", "p"), rows)


def _size(found: Evaluation) -> str:
    about = found.about
    if "captions" in about:
        return f"{about['images']:,} photos, {about['captions']:,} captions"
    return f"{about['queries']:,} queries, {about['relevant']:,} relevant, {about['depth']:,} hits of each"


def _number(metric: str, value: float, sign: str = "") -> str:
    """Return a share as per cent, any other metric with three digits; no -0 (z)."""
    return format(value, f"{sign}z.1%" if metric.startswith("R@") else f"{sign}z.3f")


def _write(path: Path, value: dict[str, Any]) -> None:
    """Write the result; it was printed before, so that nothing is lost where that fails."""
    try:
        path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise EvaluationError(f"{path} cannot be written: {error}; name another file with --save") from error
