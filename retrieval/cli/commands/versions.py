"""`recall versions`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.messages import note
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, utc_text
from retrieval.cli.table import Column, print_table

SECTION = "Learn"


@click.command("versions", short_help="List what was learnt, and which version is active.")
@json_option
@settings_options("library")
def command(as_json: bool, settings: Settings) -> None:
    """List what was learnt, and which version is active.

    \b
    recall versions
    """
    from retrieval.tuning.report import TuningReport  # late: --help does not need numpy

    with open_library(settings) as library:
        versions = library.versions()
    if as_json:
        for version in versions:
            report = TuningReport.from_dict(dict(version.report))
            print_json(version._asdict() | {"report": report.to_dict(), "made_at": utc_text(version.made_at)})
    elif versions:
        rows = [
            (
                str(version.id),
                version.kind,
                "active" if version.is_active else "",
                f"{version.made_at:%Y-%m-%d %H:%M}",
                TuningReport.from_dict(dict(version.report)).line(is_active=version.is_active),
            )
            for version in versions
        ]
        print_table(("version", "kind", "", "learnt (UTC)", Column("report", "wrap")), rows)
    else:
        note("nothing was learnt yet; judge the results of a search: recall judge QUERY")
