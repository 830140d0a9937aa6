"""`recall evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import DEFAULT_ENCODER, Settings
from retrieval.commands.options import encoder_option, precision_option, settings_options
from retrieval.commands.output import json_option, print_json, print_table, visible
from retrieval.commands.progress import ProgressLine

if TYPE_CHECKING:
    from indexer.encoders.base import Precision


@click.command("evaluate", short_help="Measure how well an encoder finds captioned photos.")
@click.argument("captions", type=click.Path(path_type=Path))
@click.option("--split", metavar="NAME", help="Only lines whose column `split` has this value.")
@json_option
@encoder_option
@precision_option
@settings_options("device", "batch_size")
def evaluate_command(
    captions: Path,
    split: str | None,
    as_json: bool,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Measure how well an encoder finds the photos of CAPTIONS, a CSV file with the columns image and caption.

    The photos are in images/ beside it. Prints R@1, R@5 and R@10, the share of queries whose right answer is among
    the first 1, 5 and 10, from words to photos and back.

    \b
    recall evaluate holiday/captions.csv
    recall evaluate holiday/captions.csv --encoder ViT-B-32/laion2b_s34b_b79k --json
    """
    from indexer.encoders import load_encoder  # late: --help does not need numpy
    from indexer.encoders.base import in_precision
    from retrieval.evaluate import evaluate_captions

    name = encoder or settings.encoder or DEFAULT_ENCODER
    name = in_precision(name, precision) if precision else name
    loaded = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
    with ProgressLine() as progress:
        result = evaluate_captions(captions, loaded, split=split, progress=progress)
    for path, reason in result.failures:
        click.echo(f"left out: {visible(str(path))}: {visible(reason)}", err=True)
    if as_json:
        print_json(result.to_dict())
        return
    click.echo(f"{result.encoder}: {result.images:,} photos, {result.captions:,} captions")
    rows = (("words to photos", result.text_to_image), ("photos to words", result.image_to_text))
    head = ("", *(f"R@{k}" for k in result.text_to_image))
    print_table(head, [(name, *(f"{share:.1%}" for share in shares.values())) for name, shares in rows])
