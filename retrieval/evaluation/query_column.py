"""Syntax of the column query of an evaluation set."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import QueryError
from indexer.images import is_photo_name
from retrieval.query.parser import CLIPBOARD, STDIN, is_url, keep_lone_number, parse_parts
from retrieval.query.part import Part

if TYPE_CHECKING:
    from retrieval.query.query import Query

_SEVERAL_PARTS = re.compile(r"\s[+-]\s|^(\d+(\.\d*)?|\.\d+)\s*:\s")


def parse_query_cell(cell: str, folder: Path) -> Query:
    """Return the query of a cell: words, a picture by its path from the set's folder, or several parts.

    The cell is parsed into parts, in the syntax of `recall search` (`retrieval.query.parser`), only if it contains a +
    or - between spaces, or begins with a number, a colon and a space. Otherwise it is one part, whatever signs it
    contains. Double quotes keep words with such a sign together; an apostrophe is an ordinary character.

        a dog's ball                          words
        a boat + sunset.jpg - people          three parts
        2: red car - truck                    two parts
        "a man - and his dog"                 words

    Args:
        cell: Content of the cell.
        folder: The set's folder.

    Raises:
        QueryError: A part or a weight is missing, a quote is not closed, or a part is not in a file.
    """
    from retrieval.query.query import Query  # late: reading captions needs no database library

    words = _split_words(cell) if _SEVERAL_PARTS.search(cell) else []
    parts = [replace(part, content=_part_content(part.name, folder)) for part in parse_parts(words) or [Part(cell)]]
    return Query(parts=keep_lone_number(parts, words))


def _split_words(cell: str) -> list[str]:
    """Return the words of a cell; words in double quotes are one."""
    lexer = shlex.shlex(cell, posix=True)
    lexer.whitespace_split = True
    lexer.quotes, lexer.escape, lexer.commenters = '"', "", ""
    try:
        return list(lexer)
    except ValueError:
        raise QueryError(f"the query {cell} has a double quote that is not closed; close it, or remove it") from None


def _part_content(part: str, folder: Path) -> str | Path:
    """Return a part as a path if it has a picture's name and is one word or an existing file, else as words.

    Raises:
        QueryError: The part is standard input, the clipboard or a URL.
    """
    if part in (STDIN, CLIPBOARD) or is_url(part):
        raise QueryError(f"an evaluation set cannot contain {part!r}; name a file, by its path from the set's folder")
    is_picture = is_photo_name(part) and (" " not in part or os.path.isfile(folder / part))  # isfile accepts long texts
    return folder / part if is_picture else part
