"""`recall evaluate`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import EvaluationError
from retrieval.cli.evaluate_systems import EvaluationRequest
from retrieval.cli.evaluation_table import print_comparison, print_evaluation, print_gaps
from retrieval.cli.exit_codes import ExitCode, leave
from retrieval.cli.options import FilePath, encoder_option, precision_option, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.output_file import check_output, force_option, output_file
from retrieval.cli.progress import ProgressLine
from retrieval.cli.rerank_option import rerank_option

if TYPE_CHECKING:
    from indexer.encoders.names import Precision

SECTION = "Measure"


@click.command("evaluate", short_help="Measure how well a search finds photos.")
@click.argument("table", metavar="SET", type=FilePath())
@click.option("--split", metavar="NAME", help="Only lines with this value in the column `split`.")
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Compare two systems on the set. With captions: two encoders. With queries: two libraries, or two chains of "
    "rerankers on one library, written as for --rerank and joined by +, or none.",
)
@rerank_option
@click.option(
    "--calibration",
    is_flag=True,
    help="Also measure the match probabilities; only with captions. Takes about a minute for 1,000 photos.",
)
@click.option("--save", type=FilePath(dir_okay=False), metavar="FILE", help="Also write the JSON to a file.")
@force_option
@json_option
@encoder_option
@precision_option
@settings_options("library", "device", "trust_encoder", "batch_size")
def command(
    table: Path,
    split: str | None,
    pair: tuple[str, str] | None,
    rerank: tuple[str, ...],
    calibration: bool,
    save: Path | None,
    force: bool,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Measure how well the photos of SET are found. SET is a CSV file of one of two kinds.

    With the columns image and caption, it measures an encoder, from text to photo and back; the photos are in images/
    next to the file. With the columns query and relevant, it searches the library for each query: words, the path of a
    photo from the file's folder, or parts as for `recall search` if there is a + or - between them. relevant is the
    path of a photo that answers the query. A column grade may say how well: 1, 2, and so on.

    Prints R@1, R@5 and R@10, the share of queries with a right answer among the first 1, 5 and 10, and with the package
    ir-measures MRR, nDCG@10 and mAP, each with its 95 % interval. With --compare, p is the p-value of a paired
    randomization test. The first 1,000 hits of each query count; with rerankers the first 100, as many as they see in
    a search. If a folder has the name of a reranker, write ./mmr.

    \b
    recall evaluate holiday/captions.csv
    recall evaluate holiday/captions.csv --compare compact ViT-B-32/laion2b_s34b_b79k
    recall evaluate holiday/queries.csv --library photos.recall --save today.json
    recall evaluate holiday/queries.csv --library photos.recall --compare none bursts+mmr:0.7
    """
    from retrieval.evaluation import Comparison, compare  # late: --help does not need numpy

    request = EvaluationRequest(table, split, pair, rerank, calibration, encoder, precision, settings)
    request.check_pair()
    if save is not None:
        check_output(save, EvaluationError, force=force)  # before minutes are spent measuring
    with ProgressLine() as progress:
        evaluations = request.measure(progress)
    print_gaps(evaluations)
    result = compare(*evaluations) if pair else evaluations[0]
    if as_json:
        print_json(result.to_dict())
    elif isinstance(result, Comparison):
        print_comparison(result)
    else:
        print_evaluation(result)
    if save is not None:  # it is printed before, so that nothing is lost if this fails
        with output_file(save, EvaluationError, force=force) as stream:
            stream.write(json.dumps(result.to_dict(), indent=2) + "\n")
    if evaluations[0].failures:
        leave(ExitCode.SOME_FAILED)
