"""`recall encoders`."""

from __future__ import annotations

import click

from retrieval.cli.output import json_option, print_json

SECTION = "Index"

ALWAYS = (
    ("compact", "ships with Recall, works offline; the default"),
    ("MODEL/WEIGHTS", "any of open_clip's, for instance ViT-B-32/laion2b_s34b_b79k; --all lists them"),
    ("hf-hub:ORG/REPO", "an open_clip model on the Hugging Face Hub"),
    ("local-dir:PATH", "an open_clip model in a folder, for instance your own"),
    ("NAME+int8", "any of these in int8, on a CPU; the same as --precision int8"),
)


@click.command("encoders")
@click.option("--all", "every", is_flag=True, help="List all MODEL/WEIGHTS names too; needs the extra torch.")
@json_option
def command(every: bool, as_json: bool) -> None:
    """List the encoders that --encoder takes.

    \b
    recall encoders
    recall encoders --all | grep ViT-B-32
    """
    from indexer.encoders import pretrained_names  # late: --help does not need numpy

    names = [*ALWAYS, *((name, "") for name in (pretrained_names() if every else []))]
    for name, what in names:
        if as_json:
            print_json({"name": name, "what": what})
        else:
            click.echo(f"{name:<17}{what}".rstrip())
