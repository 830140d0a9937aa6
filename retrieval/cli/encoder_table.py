"""What `recall encoder available` prints: the recommended encoders, the ways to name one, and installed packages."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from indexer.encoders.names import NAME_FORMS
from indexer.encoders.recommended import RECOMMENDED, RecommendedEncoder, Speed, measured_speeds
from indexer.errors import EncoderError
from indexer.plugins import ENCODERS, load_function, package_of, plugins
from retrieval.cli.messages import note
from retrieval.cli.output import print_json
from retrieval.cli.table import Column, print_table

_HEAD = (
    "name", "million", "download", Column("for", "wrap"), Column("languages", "wrap"), Column("licence", "wrap"),
    Column("published quality", "wrap"), Column("speed", "wrap"),
)  # fmt: skip


def print_encoders(names: list[str]) -> None:
    """Print tables for people: recommended encoders, the ways to name one, and the encoders of installed packages.

    Args:
        names: More names to list.
    """
    speeds = measured_speeds()
    print_table(_HEAD, [_row(encoder, speeds.get(encoder.alias)) for encoder in RECOMMENDED])
    click.echo()
    for encoder in RECOMMENDED:
        if encoder.alternative:
            click.echo(f"{encoder.alias} is for research only; for other uses: {encoder.alternative}")
    click.echo("To use one: recall encoder use NAME\n")
    rows = [(form.syntax, form.help) for form in NAME_FORMS]
    rows += [(f"{name}, {name}:MODEL", text) for name, text in _installed()]
    print_table(("--encoder", Column("encoder", "wrap")), [*rows, *((name, "") for name in names)])


def print_encoders_as_json(names: list[str]) -> None:
    """Print an object a line: recommended encoders, the ways to name one, encoders of packages, and other names."""
    speeds = measured_speeds()
    for encoder in RECOMMENDED:
        print_json(_fields(encoder, speeds.get(encoder.alias)))
    for form in NAME_FORMS:
        print_json({"kind": "form", "name": form.syntax, "help": form.help})
    for name, text in _installed():
        print_json({"kind": "package", "name": name, "help": text})
    for name in names:
        print_json({"kind": "name", "name": name, "help": ""})


def _installed() -> Iterator[tuple[str, str]]:
    """Yield name and description of the encoders of installed packages; a note names those that cannot be loaded."""
    for entry in plugins(ENCODERS).values():
        try:
            factory = load_function(entry, EncoderError)
        except EncoderError as error:
            note(f"{error}")
            continue
        package = package_of(entry) or entry.value
        summary = (inspect.getdoc(factory) or "").partition("\n")[0]
        yield entry.name, f"{summary} ({package})" if summary else package


def _row(encoder: RecommendedEncoder, speed: Speed | None) -> tuple[str, ...]:
    code = f"; code {encoder.code_licence}" if encoder.code_licence else ""
    research = ", for research only" if encoder.is_for_research_only else ""
    return (
        encoder.alias,
        f"{encoder.parameters:,}",
        f"{encoder.megabytes:,} MB" if encoder.megabytes else "ships",
        encoder.help,
        encoder.languages,
        f"{encoder.licence}{research}{code}",
        f"{encoder.quality} ({encoder.quality_source})" if encoder.quality else "",
        f"{_rate(speed.pictures)} pictures a second, {speed.milliseconds:.0f} ms a text" if speed else "not measured",
    )


def _rate(pictures: float) -> str:
    """Return a number of pictures a second, with two digits that count where it is small."""
    return f"{pictures:.0f}" if pictures >= 10 else f"{pictures:.1f}"


def _fields(encoder: RecommendedEncoder, speed: Speed | None) -> dict[str, object]:
    return {
        "kind": "recommended",
        "name": encoder.alias,
        "help": encoder.help,
        "full_name": encoder.name,
        "million_parameters": encoder.parameters,
        "download_mb": encoder.megabytes,
        "languages": encoder.languages,
        "licence": encoder.licence,
        "licence_url": encoder.licence_url,
        "research_only": encoder.is_for_research_only,
        "alternative": encoder.alternative or None,
        "quality": encoder.quality or None,
        "quality_source": encoder.quality_source or None,
        "pictures_per_second": speed.pictures if speed else None,
        "milliseconds_per_text": speed.milliseconds if speed else None,
    }
