"""The last search of a library as it was typed, for `recall judge`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from indexer.errors import FeedbackError
from indexer.private_files import PRIVATE_FILE, part_file

_FILE = "last-search.json"


def write_last(library: Path, words: Sequence[str]) -> None:
    """Store what was typed; nothing happens if the library cannot be written."""
    with suppress(OSError, ValueError), part_file(library / _FILE) as part:  # some file names have no JSON in UTF-8
        part.chmod(PRIVATE_FILE)  # also in a library that others may read
        part.write_text(json.dumps(list(words)), encoding="utf-8")
        part.replace(library / _FILE)


def read_last(library: Path) -> list[str]:
    """Return what was typed for the last search.

    Raises:
        FeedbackError: There was none.
    """
    try:
        words = json.loads((library / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        words = None
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise FeedbackError('there is no last search to judge; give a query: recall judge "a dog on the beach"')
    return words
