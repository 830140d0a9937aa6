"""Names of clip-retrieval's files."""

from __future__ import annotations

import re
from pathlib import Path

KINDS = ("img_emb", "text_emb", "metadata")


def has_numbered_files(folder: Path) -> bool:
    """Return whether a folder has files with clip-retrieval's names."""
    return any(numbered_files(folder, kind) for kind in KINDS)


def numbered_files(folder: Path, kind: str) -> dict[str, Path]:
    """Return the files of a kind by their number; they are in a subfolder of that name, or in the folder itself."""
    name = re.compile(rf"{kind}_(\d{{1,9}})\.(npy|parquet)", re.ASCII)
    for parent in (folder / kind, folder):
        if parent.is_dir():
            matches = ((name.fullmatch(file.name), file) for file in parent.iterdir())
            files = {match[1]: file for match, file in matches if match}
            if files:
                return files
    return {}
