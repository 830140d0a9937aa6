"""`recall encoder`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table
from retrieval.cli.progress import ProgressLine

SECTION = "Index"


@click.group("encoder")
def command() -> None:
    """Change the library's encoder without encoding all of it first.

    \b
    recall encoder use ViT-B-32/laion2b_s34b_b79k
    recall encoder list
    """


@command.command("use")
@click.argument("name")
@json_option
@settings_options("library", "device", "batch_size", "workers", "max_pixels", "max_bytes", "timeout")
def use_command(name: str, as_json: bool, settings: Settings) -> None:
    """Search with another encoder from now on.

    A sample of at most 1,000 photos and 1,000 texts is encoded with it; the other embeddings are mapped, so that
    searching goes on at once. `recall index` then encodes these anew, the most used first. Stop it with Ctrl-C at any
    time: until the end the old encoder answers, and the same command goes on from there.

    \b
    recall encoder use ViT-B-32/laion2b_s34b_b79k
    """
    with open_library(settings) as library, ProgressLine() as progress:
        change = library.use_encoder(name, progress=progress)
    if as_json:
        print_json(change.to_dict())
        return
    if not change.is_new:
        click.echo(f"{change.encoder} is the library's encoder already; nothing was changed")
        return
    real = change.units - change.approximate
    click.echo(f"{change.encoder}: {real:,} encoded, {change.approximate:,} mapped in {change.seconds:.1f} seconds")
    for kind, agreement in change.agreement.items():
        click.echo(f"{kind}s: {said(agreement)}")
    if change.approximate:
        click.echo(f"the {change.approximate:,} mapped are about right; recall index makes them exact", err=True)


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
            "; ".join(f"{kind}s {said(each)}" for kind, each in (state.agreement or {}).items()),
        )
        for state in states
    ]
    print_table(("encoder", "active", "encoded", "mapped", "agreement"), rows)


@command.command("drop")
@click.argument("name", required=False)
@settings_options("library")
def drop_command(name: str | None, settings: Settings) -> None:
    """Delete the embeddings of the former encoder, or of NAME, which is not active.

    Going back to it is not immediate then. Embeddings that were mapped from them stay until `recall index` makes them
    anew.

    \b
    recall encoder drop
    """
    with open_library(settings) as library, ProgressLine() as progress:
        gone = library.drop_encoder(name, progress=progress)
        left = sum(state.approximate for state in library.encoders() if state.is_active)
    click.echo(f"{gone:,} embeddings dropped")
    if left:
        click.echo(f"{left:,} of the active encoder's are mapped from another's and stay; run: recall index", err=True)


def said(agreement: Mapping[str, Any]) -> str:
    """Return what was measured of a map, in words for people."""
    if agreement["cosine"] is None:
        return f"map fitted on {agreement['fitted']:,}, too few to measure it"
    kept = "" if agreement["neighbours"] is None else f", {agreement['neighbours']:.0%} of the 10 nearest kept"
    return f"cosine {agreement['cosine']:.3f} of mapped and true{kept}, on {agreement['held_out']:,} held out"
