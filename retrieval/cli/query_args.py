"""What people type after `recall search`, as a query: words, pictures, standard input, the clipboard, addresses."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby, pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import QueryError
from indexer.object_path import file_path, is_object
from retrieval.query.parser import CLIPBOARD, STDIN, WEIGHT, is_url, keep_lone_number, parse_parts

if TYPE_CHECKING:
    from retrieval.query.part import Picture
    from retrieval.query.query import Query


_LISTED = 3
"""Parts that an error shows."""


def typed_query(words: Sequence[str], *, images: Sequence[Path] = (), allow_url: bool = False) -> Query:
    """Return the query that was typed.

    Args:
        words: Arguments of the command, see `retrieval.query.parser.parse_parts`.
        images: Further pictures.
        allow_url: Whether an address on the web may be fetched.

    Raises:
        QueryError: A part cannot be used.
    """
    from retrieval.query.part import Part
    from retrieval.query.query import Query  # late: --help needs no database library

    _check_pictures(words)
    parts = parse_parts(words)
    if sum(part.name == STDIN for part in parts) > 1:
        raise QueryError("standard input was named twice by '-', but can be read only once; name it once")
    parts = [replace(part, content=_value(part.name, allow_url=allow_url)) for part in parts]
    return Query(parts=[*parts, *map(Part, images)] if images else keep_lone_number(parts, words))


def _check_pictures(words: Sequence[str]) -> None:
    """Refuse pictures next to other words, as `*.jpg` gives them: words in a row are one text.

    Raises:
        QueryError: A word is the name of a picture, an address or the clipboard, and a word next to it is not a sign.
    """
    for is_sign, group in groupby(words, key=lambda word: word in ("+", "-")):
        part = [] if is_sign else list(group)
        if part and WEIGHT.fullmatch(part[0]):
            part = part[1:]
        if len(part) < 2 or not any(map(_is_picture, part)) or os.path.isfile(" ".join(part)):
            continue
        texts = [[word] for word in part[:1]]
        for before, word in pairwise(part):
            if _is_picture(before) or _is_picture(word):
                texts.append([])
            texts[-1].append(word)
        advice = " + ".join(f'"{text}"' if " " in text else text for text in map(" ".join, texts[:_LISTED]))
        raise QueryError(
            f"there is no sign between the picture {next(filter(_is_picture, part))} and what is next to it; put + "
            f"between them: {advice}{' + ...' if len(texts) > _LISTED else ''}"
        )


def _is_picture(word: str) -> bool:
    """Return whether a word of a command is a picture: a file by its name, an address, or the clipboard."""
    if word == CLIPBOARD or is_url(word):
        return True
    if "." not in word or " " in word:
        return False
    from indexer.images import is_photo_name  # late: plain words need no picture library

    return is_photo_name(word)


def _value(part: str, *, allow_url: bool) -> str | Picture:
    """Return one part as words or as a picture.

    Raises:
        QueryError: The part is an address that may not be fetched, an empty clipboard, or a picture's name without a
            file.
    """
    if part == STDIN:
        return _standard_input()
    if part == CLIPBOARD:
        return _clipboard()
    if is_url(part):
        if not allow_url:
            raise QueryError(f"{part} is on the web, which Recall uses only if you allow it; add --allow-url")
        from retrieval.query.fetch import fetch_picture  # late: http and ssl take 11 ms of a cold search's 390

        return fetch_picture(part)
    return _file_or_words(part)


def _standard_input() -> str | bytes:
    """Return the content of standard input: the bytes of a picture, or words."""
    content = sys.stdin.buffer.read()
    from indexer.images.formats import sniff  # late: loads the picture library

    if sniff(content) is not None:
        return content
    try:
        words = content.decode().strip()
    except UnicodeDecodeError:
        raise QueryError("standard input is neither a picture nor words in UTF-8; expected one of them") from None
    if not words:
        raise QueryError("standard input is empty; expected a picture or words")
    return words


def _clipboard() -> Picture:
    """Return the picture in the clipboard, or the file that was copied."""
    from PIL import ImageGrab  # late: words need no picture library

    try:
        content = ImageGrab.grabclipboard()
    except NotImplementedError as error:
        raise QueryError(
            "the clipboard can be read only with the program wl-paste or xclip; install it, or give the picture's file"
        ) from error
    except (OSError, ValueError) as error:
        raise QueryError("the clipboard cannot be read, or holds no picture; give the picture's file") from error
    picture = Path(content[0]) if isinstance(content, list) and content else content  # a list of files
    if picture is None or isinstance(picture, list):
        raise QueryError("the clipboard holds no picture; copy one, or give its file")
    return picture


def _file_or_words(part: str) -> str | Path:
    """Return words, or the file that they name.

    Raises:
        QueryError: The part looks like the name of a picture, and there is no such file.
    """
    if "." not in part and os.sep not in part:
        return part
    from indexer.images import is_photo_name  # late: plain words need no picture library

    looks_like_file = is_photo_name(part) or (os.sep in part and " " not in part.strip())
    if looks_like_file and (is_object(part) or os.path.isfile(part)):  # unlike Path.is_file, it accepts long texts
        return file_path(part)
    if is_photo_name(part) and " " not in part.strip():
        raise QueryError(f"there is no file {part}; to search for these words, leave out the ending")
    return part
