"""`recall encoder`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from retrieval.cli.encoder_table import print_encoders, print_encoders_as_json
from retrieval.cli.messages import note
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json
from retrieval.cli.progress import ProgressLine
from retrieval.cli.suggestions import SuggestingGroup
from retrieval.cli.table import Column, print_table
from retrieval.cli.text import plural, visible

if TYPE_CHECKING:
    from indexer.maintenance.reencode import EncoderChange

SECTION = "Index"


@click.group("encoder", cls=SuggestingGroup, short_help="List encoders, or change the one of the library.")
def command() -> None:
    """List encoders, or change the one of the library without encoding everything first.

    \b
    recall encoder available
    recall encoder use mobileclip2-s0
    recall encoder list
    """


@command.command("list")
@json_option
@settings_options("library")
def list_command(as_json: bool, settings: Settings) -> None:
    """List the encoders that the library has embeddings of.

    \b
    recall encoder list
    """
    with open_library(settings) as library:
        states = library.encoders()
    if as_json:
        for state in states:
            print_json(state._asdict())
        return
    rows = [
        (
            state.name,
            "yes" if state.is_active else "",
            f"{state.encoded:,}",
            f"{state.approximate:,}",
            "; ".join(f"{kind}s: {_agreement_text(measured)}" for kind, measured in (state.agreement or {}).items()),
        )
        for state in states
    ]
    print_table((Column("encoder", "wrap"), "active", "encoded", "approximate", Column("agreement", "wrap")), rows)


@command.command("available")
@click.option("--all", "all_names", is_flag=True, help="List all MODEL/WEIGHTS names too; needs the extra torch.")
@json_option
def available_command(all_names: bool, as_json: bool) -> None:
    """List recommended encoders, and everything else that --encoder accepts.

    Quality is what the authors published, speed what a benchmark measured with weights of the same shape.

    \b
    recall encoder available
    recall encoder available --all | grep ViT-B-32
    """
    names: list[str] = []
    if all_names:
        from indexer.encoders import pretrained_names  # late: --help does not need numpy

        names = pretrained_names()
    if as_json:
        print_encoders_as_json(names)
    else:
        print_encoders(names)


@command.command("use")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Accept the licence of the weights and download them without a question.")
@json_option
@settings_options("library", "device", "batch_size", "workers", "max_pixels", "max_bytes", "timeout", "wait")
def use_command(name: str, yes: bool, as_json: bool, settings: Settings) -> None:
    """Search with another encoder from now on.

    Weights that are not on this machine are downloaded after a question that names their size and licence. A download
    that was interrupted is continued by the same command.

    A sample of at most 1,000 photos and 1,000 texts is encoded with it. The other embeddings are approximated from the
    former encoder's, so that you can search at once; `recall index` then re-encodes them, the most used first. You can
    stop with Ctrl-C at any time: until the end the former encoder is used, and the same command continues.

    \b
    recall encoder use mobileclip2-s0
    recall encoder use ViT-B-32/laion2b_s34b_b79k --yes
    """
    with open_library(settings) as library:
        if not yes and library.encoders():
            _accept_download(name)
        with ProgressLine() as progress:
            change = library.use_encoder(name, progress=progress)
    if as_json:
        print_json(change.to_dict())
    else:
        _print_change(change)


@command.command("drop")
@click.argument("name", required=False)
@json_option
@settings_options("library", "wait")
def drop_command(name: str | None, as_json: bool, settings: Settings) -> None:
    """Delete the embeddings of the former encoder, or of the inactive encoder NAME.

    Going back to it then takes as long as to a new one. Embeddings that were approximated from the deleted ones stay
    until `recall index` re-encodes them.

    \b
    recall encoder drop
    """
    with open_library(settings) as library, ProgressLine() as progress:
        dropped = library.drop_encoder(name, progress=progress)
        approximate = sum(state.approximate for state in library.encoders() if state.is_active)
    if as_json:
        print_json({"dropped": dropped, "approximate": approximate})
        return
    click.echo(f"{plural(dropped, 'embedding')} dropped")
    if approximate:
        note(f"{plural(approximate, 'embedding')} of the active encoder are still approximate; run: recall index")


def _accept_download(name: str) -> None:
    """Show what would be downloaded with its licence, and ask; without a terminal raise an error.

    Raises:
        EncoderNotFoundError: There is no such encoder, or it cannot be downloaded.
        UsageError: There is nobody to ask.
    """
    from indexer.encoders import check_name  # late, as the next: --help does not need numpy
    from indexer.encoders.pending import pending_download

    check_name(name)
    pending = pending_download(name)
    if pending is None:
        return
    other = f"; for other uses: {pending.alternative}" if pending.alternative else ""
    licence = visible(f"licence of the weights: {pending.licence}{other}")
    if not sys.stdin.isatty():
        raise click.UsageError(f"{visible(str(pending))} has to be downloaded; {licence}; add --yes to accept it")
    click.echo(f"{visible(str(pending))}\n{licence}", err=True)
    click.confirm("Download?", abort=True, err=True)


def _print_change(change: EncoderChange) -> None:
    if not change.is_new:
        click.echo(f"{visible(change.encoder)} already is the encoder of the library; nothing was changed")
        return
    encoded = change.units - change.approximate
    click.echo(
        f"{visible(change.encoder)}: {encoded:,} encoded, {change.approximate:,} approximate in "
        f"{change.seconds:.1f} seconds"
    )
    for kind, agreement in change.agreement.items():
        click.echo(f"{kind}s: {_agreement_text(agreement)}")
    if change.approximate:
        note("recall index re-encodes the approximate embeddings")


def _agreement_text(agreement: Mapping[str, Any]) -> str:
    """Return in words how well approximate embeddings agree with true ones."""
    if agreement["cosine"] is None:
        return f"map fitted on {agreement['fitted']:,}, too few to measure it"
    neighbours = agreement["neighbours"]
    same = "" if neighbours is None else f", {neighbours:.0%} of the 10 nearest in common"
    return f"cosine of approximate and true {agreement['cosine']:.3f}{same}, on {agreement['held_out']:,} held out"
