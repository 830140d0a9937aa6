"""How clip-retrieval names its files, and whether a folder has any."""

from __future__ import annotations

import re
from pathlib import Path

KINDS = ("img_emb", "text_emb", "metadata")


def has_parts(folder: Path) -> bool:
    """Return whether a folder has files of this layout."""
    return any(numbered(folder, kind) for kind in KINDS)


def numbered(folder: Path, kind: str) -> dict[str, Path]:
    """Return the files of a kind by their number, in a folder of their own or side by side with the others."""
    name = re.compile(rf"{kind}_(\d{{1,9}})\.(npy|parquet)", re.ASCII)
    for place in (folder / kind, folder):
        if place.is_dir():
            matches = ((name.fullmatch(file.name), file) for file in place.iterdir())
            found = {match[1]: file for match, file in matches if match}
            if found:
                return found
    return {}
