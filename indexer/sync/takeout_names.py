"""The names of Google Takeout's JSON files: IMG_1.jpg.supplemental-metadata.json, and its many shorter forms."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

TAKEOUT_SUFFIX = ".json"

_MARK = "supplemental-metadata"
MAX_LENGTH = 46
"""Characters of a name before ".json", at most: the rest is cut off, of the mark first, then of the photo's name."""

_NUMBER = re.compile(r"(.*)\((\d{1,6})\)")
"""Of two photos with one name, the second is IMG_1(1).jpg and its file IMG_1.jpg.supplemental-metadata(1).json."""

_EDITED = re.compile(
    r"(.+)-(?:edited|bearbeitet|modifié|editada|editado|modificato|modificata|bewerkt|edytowane|redigerad|redigeret"
    r"|redigert|muokattu|upraveno|отредактировано|изменено|編集済み|已编辑|已編輯|수정됨)"
)
"""A photo that was edited in Google Photos, in the languages of its users; it has no file of its own."""

_EDITED_SUFFIXES = (".jpg", ".heic", ".png")
"""Suffixes that an edited photo's original may have if they are not the same."""


def photo_name(base: str) -> tuple[str, str]:
    """Return the name of the photo that a file describes, perhaps cut off, and the number among those of that name.

    Args:
        base: The file's name without ".json".
    """
    numbered = _NUMBER.fullmatch(base) if base.endswith(")") else None
    name, number = (numbered[1], numbered[2]) if numbered else (base, "")
    photo, dot, mark = name.rpartition(".")
    is_mark = dot and photo and _MARK.startswith(mark.lower())
    return (photo if is_mark else name), number


def photo_keys(name: str) -> Iterator[tuple[str, str]]:
    """Yield the results that `photo_name` may have for a photo's file, the most likely first."""
    yield from _cut_names(name, "")
    stem, suffix = os.path.splitext(name)
    numbered = _NUMBER.fullmatch(stem)
    plain_stem, number = (numbered[1], numbered[2]) if numbered else (stem, "")
    if number:
        yield from _cut_names(plain_stem + suffix, number)
    if edited := _EDITED.fullmatch(plain_stem):
        for original_suffix in (suffix, *_EDITED_SUFFIXES):
            yield from _cut_names(edited[1] + original_suffix, number)
    yield plain_stem, number


def _cut_names(name: str, number: str) -> Iterator[tuple[str, str]]:
    """Yield a photo's name and what is left of it where it is too long."""
    yield name, number
    for length in range(len(name) - 1, MAX_LENGTH - 1, -1):
        yield name[:length], number
