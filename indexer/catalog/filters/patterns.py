"""What a filter can ask about names: of files and their formats, of cameras and lenses, and of keywords.

In a pattern * stands for anything and ? for one character; the case of letters is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from sqlalchemy import CTE, Column, ColumnElement, exists, func, select

from indexer.catalog.schema import ITEMS, TAGS
from indexer.errors import QueryError

FORMAT_ALIASES = {
    **dict.fromkeys(("jpeg", "jpg", "jpe", "jfif"), "JPEG"),
    **dict.fromkeys(("heif", "heic", "hif"), "HEIF"),
    **dict.fromkeys(("tiff", "tif"), "TIFF"),
    **dict.fromkeys(("jxl", "jpegxl", "jpeg xl"), "JPEG XL"),
    "png": "PNG",
    "webp": "WebP",
    "gif": "GIF",
    "bmp": "BMP",
    "avif": "AVIF",
    "raw": "RAW",
}
"""Formats of photos by the names that people give them; the content decides, not how the file's name ends."""

RAW_EXTENSIONS = frozenset(
    (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef"),
        *("nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
TEXT_EXTENSIONS = frozenset(("txt", "md", "markdown", "csv", "tsv", "jsonl", "ndjson", "parquet"))
EXTENSIONS = RAW_EXTENSIONS | TEXT_EXTENSIONS
"""Formats that only the ending of a name tells: makes of RAW files, kinds of texts and tables."""

MAX_PATTERN_LENGTH = 1000
"""Characters of a pattern: no name has more, and SQLite refuses patterns of more than 50,000 bytes."""


@dataclass(frozen=True, slots=True)
class TextPattern:
    """The file's name, the camera, or the lens is as a pattern says; see `to_glob`."""

    of: Literal["name", "camera", "lens"]
    pattern: str

    def __post_init__(self) -> None:
        _check_words(self.of, self.pattern)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if self.of == "name":  # in lower case already
            pattern = self.pattern.lower()
            return ITEMS.c.name.bool_op("GLOB")(to_glob(pattern)) if _is_glob(pattern) else ITEMS.c.name == pattern
        column = ITEMS.c[self.of]
        pattern = self.pattern if _is_glob(self.pattern) else f"*{self.pattern}*"
        names = _each(column)
        return column.in_(select(names.c.value).where(_matches(names.c.value, pattern)))

    def __repr__(self) -> str:
        return f"{self.of}({self.pattern!r})"


@dataclass(frozen=True, slots=True)
class Format:
    """The file's format, by one of the names in `FORMAT_ALIASES` and `EXTENSIONS`."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in FORMAT_ALIASES and self.name not in EXTENSIONS:
            known = ", ".join(sorted({value.lower() for value in FORMAT_ALIASES.values()}))
            raise QueryError(f"there is no format {self.name!r}; expected {known}, or an ending such as nef or md")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if self.name in FORMAT_ALIASES:
            return ITEMS.c.format == FORMAT_ALIASES[self.name]
        return ITEMS.c.name.bool_op("GLOB")(f"*.{self.name}")

    def __repr__(self) -> str:
        return f"format({self.name!r})"


@dataclass(frozen=True, slots=True)
class Tag:
    """Has a keyword that is as a pattern says.

    Attributes:
        pattern: The keyword; see `to_glob`.
        listed: Whether SQLite is to list all that have the keyword first, instead of looking at each item that it
            comes to: faster for finding all of them, slower for asking about some.
        limit: List no more than these.
    """

    pattern: str
    listed: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_words("tag", self.pattern)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if _is_glob(self.pattern):
            chosen = _matches(TAGS.c.tag, self.pattern)
        else:  # SQLite ignores the case of English letters only: others are asked for as people write them
            text = self.pattern
            chosen = TAGS.c.tag.in_(sorted({text, text.lower(), text.upper(), text.title(), text.capitalize()}))
        if self.listed:
            return ITEMS.c.id.in_(select(TAGS.c.item_id).where(chosen).limit(self.limit))
        return exists().where(TAGS.c.item_id == ITEMS.c.id, chosen)

    def __repr__(self) -> str:
        return f"tag({self.pattern!r})"


def to_glob(pattern: str) -> str:
    """Return a pattern as SQLite's GLOB reads it: * is anything, ? one character, and nothing else has a meaning."""
    return pattern.replace("[", "[[]")


def _is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


@cache  # one object for each column: a statement may need it twice, under one name
def _each(column: Column[str]) -> CTE:
    """Return the different values of an indexed column: cameras are few, so SQLite hops from one to the next.

    It has no such plan of its own and would look at every row (sqlite.org/lang_with.html shows the recursion).
    """
    rows = column.table.alias("others")
    other = rows.c[column.key]
    values = select(func.min(other).label("value")).cte(f"each_{column.key}", recursive=True)
    following = select(func.min(other)).where(other > values.c.value).scalar_subquery()
    return values.union_all(select(following).where(values.c.value.is_not(None)))


def _matches(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Return whether a column is as a pattern says, the case of English letters ignored, as SQLite's lower() does."""
    return func.lower(column).bool_op("GLOB")(func.lower(to_glob(pattern)))


def _check_words(of: str, pattern: str) -> None:
    if not pattern.strip():
        raise QueryError(f"the {of} to filter by is blank; expected words, in which * stands for anything")
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise QueryError(
            f"the {of} to filter by has {len(pattern):,} characters; expected {MAX_PATTERN_LENGTH:,} at most"
        )
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise QueryError(f"the {of} to filter by is no valid text ({pattern!r}); put ? for what is no letter") from None
