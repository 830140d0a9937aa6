"""MkDocs calls these functions while it builds the manual."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

from docs.generator import (
    api,
    catalog,
    commands,
    data_flow,
    errors,
    gpu,
    json_schemas,
    layers,
    licenses,
    registries,
    reliability,
    settings,
)
from docs.generator.offline import external_resources, external_styles

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

GENERATORS: dict[str, Callable[[], str]] = {
    "api": api.page,
    "commands": commands.reference,
    "encoders": registries.encoders,
    "recommended-encoders": registries.recommended_encoders,
    "errors": errors.tree,
    "exports": registries.exports,
    "failures": errors.failures,
    "gpu": gpu.gpu,
    "indexes": registries.indexes,
    "json": json_schemas.pages,
    "licenses": licenses.licenses,
    "picture-data-flow": data_flow.as_picture,
    "picture-layers": layers.as_picture,
    "picture-reliability": reliability.as_picture,
    "rerankers": registries.rerankers,
    "schema": catalog.tables,
    "settings": settings.settings,
    "variables": settings.variables,
}
"""What a line `<!-- generate: NAME -->` of a page is replaced by."""

_MARKER = re.compile(r"^<!-- generate: ([\w-]+) -->$", re.MULTILINE)
_SCANS = {".css": external_styles, ".html": external_resources}


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page with its generated parts.

    Raises:
        PluginError: A part has no generator.
    """
    if unknown := set(_MARKER.findall(markdown)) - set(GENERATORS):
        raise PluginError(f"nothing generates {', '.join(unknown)}; expected one of {', '.join(GENERATORS)}")
    return _MARKER.sub(lambda match: GENERATORS[match[1]](), markdown)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Fail the build if a page loads a script, style, font or picture from another host."""
    for file in sorted(Path(config.site_dir).rglob("*")):
        if (scan := _SCANS.get(file.suffix)) and (urls := scan(file.read_text(encoding="utf-8"))):
            raise PluginError(f"{file} loads {', '.join(urls)}; the manual must work without a network")
