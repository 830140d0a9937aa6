"""What may stand in the column query of an evaluation set."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import QueryError
from indexer.images import is_photo_name
from retrieval.query.parser import CLIPBOARD, STDIN, is_url, parse_parts
from retrieval.query.part import Part

if TYPE_CHECKING:
    from retrieval.query.query import Query

_SEVERAL = re.compile(r"\s[+-]\s|^(\d+(\.\d*)?|\.\d+)\s*:\s")


def query_in(cell: str, folder: Path) -> Query:
    """Return the query of a cell: words, a picture by its path from the set's folder, or several parts.

    It has parts, in the grammar of `recall search` (`retrieval.query.parser`), only where a + or - stands alone within
    it, or it begins with a number, a colon and a space; else it is one part, whatever signs are in it. Double quotes
    keep words together that have such a sign; an apostrophe is a letter like any other.

        a dog's ball                          words
        a boat + sunset.jpg - people          three parts
        2: red car - truck                    two parts
        "a man - and his dog"                 words

    Raises:
        QueryError: A part is missing or has no weight, quotes are left open, or it is not in a file.
    """
    from retrieval.query.query import Query  # late: captions need no database library

    parts = parse_parts(_words(cell)) if _SEVERAL.search(cell) else [Part(cell)]
    return Query(parts=[replace(part, content=_value(part.name, folder)) for part in parts])


def _words(cell: str) -> list[str]:
    """Return the words of a cell, those in double quotes as one."""
    lexer = shlex.shlex(cell, posix=True)
    lexer.whitespace_split = True
    lexer.quotes, lexer.escape, lexer.commenters = '"', "", ""
    try:
        return list(lexer)
    except ValueError:
        raise QueryError(
            f"the query {cell} has a double quote that nothing closes; close it, or leave it out"
        ) from None


def _value(part: str, folder: Path) -> str | Path:
    """Return one part: a picture where it has a picture's name and is one word or a file, else words.

    Raises:
        QueryError: It stands for what lies elsewhere.
    """
    if part in (STDIN, CLIPBOARD) or is_url(part):
        raise QueryError(f"an evaluation set cannot ask for {part!r}; name a file, by its path from the set's folder")
    is_picture = is_photo_name(part) and (" " not in part or os.path.isfile(folder / part))  # a long text is no error
    return folder / part if is_picture else part
