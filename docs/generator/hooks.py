"""MkDocs calls these functions while it builds the manual."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.exceptions import PluginError

from docs.generator.offline import external_resources, external_styles

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig

_SCANS = {".css": external_styles, ".html": external_resources}


def on_post_build(*, config: MkDocsConfig) -> None:
    """Fail the build if a page loads a script, style, font or picture from another host."""
    for file in sorted(Path(config.site_dir).rglob("*")):
        if (scan := _SCANS.get(file.suffix)) and (urls := scan(file.read_text(encoding="utf-8"))):
            raise PluginError(f"{file} loads {', '.join(urls)}; the manual must work without a network")
