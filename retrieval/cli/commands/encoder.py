"""`recall encoder`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from indexer.config import Settings
from indexer.encoders.names import NAME_FORMS
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
    recall encoder use ViT-B-32/laion2b_s34b_b79k
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
    """List the encoders that --encoder accepts.

    \b
    recall encoder available
    recall encoder available --all | grep ViT-B-32
    """
    rows = [(form.syntax, form.help) for form in NAME_FORMS]
    if all_names:
        from indexer.encoders import pretrained_names  # late: --help does not need numpy

        rows += [(name, "") for name in pretrained_names()]
    if as_json:
        for name, words in rows:
            print_json({"name": name, "help": words})
    else:
        print_table(("name", Column("encoder", "wrap")), rows)


@command.command("use")
@click.argument("name")
@json_option
@settings_options("library", "device", "batch_size", "workers", "max_pixels", "max_bytes", "timeout", "wait")
def use_command(name: str, as_json: bool, settings: Settings) -> None:
    """Search with another encoder from now on.

    A sample of at most 1,000 photos and 1,000 texts is encoded with it. The other embeddings are approximated from the
    former encoder's, so that you can search at once; `recall index` then re-encodes them, the most used first. You can
    stop with Ctrl-C at any time: until the end the former encoder is used, and the same command continues.

    \b
    recall encoder use ViT-B-32/laion2b_s34b_b79k
    """
    with open_library(settings) as library, ProgressLine() as progress:
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
