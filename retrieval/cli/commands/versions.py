"""`recall versions`."""

from __future__ import annotations

import click

from indexer.config import Settings
from retrieval.cli.options import open_library, settings_options
from retrieval.cli.output import json_option, print_json, print_table

SECTION = "Learn"


@click.command("versions")
@json_option
@settings_options("library")
def command(as_json: bool, settings: Settings) -> None:
    """List what was learnt, and which of it is active.

    \b
    recall versions
    """
    from retrieval.tuning.report import TuningReport  # late: --help does not need numpy

    with open_library(settings) as library:
        found = library.versions()
    reports = [TuningReport.from_dict(dict(version.report)) for version in found]
    if as_json:
        for version, report in zip(found, reports, strict=True):
            print_json(version._asdict() | {"report": report.to_dict(), "made_at": version.made_at.isoformat()})
        return
    if not found:
        click.echo("nothing was learnt yet; judge what searches find with: recall judge QUERY", err=True)
        return
    rows = [
        (
            str(version.id),
            version.kind,
            "active" if version.is_active else "",
            f"{version.made_at:%Y-%m-%d %H:%M}",
            report.line(is_active=version.is_active),
        )
        for version, report in zip(found, reports, strict=True)
    ]
    print_table(("version", "kind", "", "learnt (UTC)", "report"), rows)
