"""Filter criteria that match text: file names and formats, cameras, lenses, keywords, people and places.

In a pattern, * matches any text and ? one character; case and Unicode spelling are ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from sqlalchemy import CTE, Column, ColumnElement, exists, func, select

from indexer.catalog.constructs import matches_pattern
from indexer.catalog.schema import ITEMS, LABELS
from indexer.catalog.text_key import text_key
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
"""Photo formats by their common names. The file's content decides its format, not its extension."""

_RAW_EXTENSIONS = frozenset(
    (
        *("3fr", "arw", "cr2", "cr3", "crw", "dcr", "dng", "erf", "fff", "iiq", "kdc", "mef", "mos", "mrw", "nef"),
        *("nrw", "orf", "pef", "raf", "rw2", "rwl", "sr2", "srf", "srw", "x3f"),
    )
)
_TEXT_EXTENSIONS = frozenset(("txt", "md", "markdown", "csv", "tsv", "jsonl", "ndjson", "parquet"))
_EXTENSIONS = _RAW_EXTENSIONS | _TEXT_EXTENSIONS
"""Formats that only the extension tells: RAW files of each maker, texts and tables."""

_MAX_PATTERN_LENGTH = 1000
"""Longest pattern in characters: no name is longer, and SQLite refuses patterns of more than 50,000 bytes."""


@dataclass(frozen=True, slots=True)
class TextPattern:
    """The file name, the camera or the lens matches a pattern; see `_matches`."""

    field: Literal["name", "camera", "lens"]
    pattern: str

    def __post_init__(self) -> None:
        _check_pattern(self.field, self.pattern)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if self.field == "name":
            return _matches(ITEMS.c.name, self.pattern)
        column = ITEMS.c[self.field]
        pattern = self.pattern if _is_glob(self.pattern) else f"*{self.pattern}*"
        values = distinct_values(column)
        is_value = values.c.value.is_not(None)  # a column without values has the value None
        return column.in_(select(values.c.value).where(is_value, _matches(func.text_key(values.c.value), pattern)))

    def __repr__(self) -> str:
        return f"{self.field}({self.pattern!r})"


@dataclass(frozen=True, slots=True)
class Format:
    """The file has a format, named as in `FORMAT_ALIASES` or `_EXTENSIONS`."""

    name: str

    def __post_init__(self) -> None:
        if self.name not in FORMAT_ALIASES and self.name not in _EXTENSIONS:
            names = ", ".join(sorted({value.lower() for value in FORMAT_ALIASES.values()}))
            raise QueryError(f"there is no format {self.name!r}; expected {names}, or an extension such as nef or md")

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        if self.name in FORMAT_ALIASES:
            return ITEMS.c.format == FORMAT_ALIASES[self.name]
        return matches_pattern(ITEMS.c.name, f"*.{self.name}")

    def __repr__(self) -> str:
        return f"format({self.name!r})"


@dataclass(frozen=True, slots=True)
class Label:
    """The item has a keyword, a person or a place that matches a pattern.

    Attributes:
        field: Which of them.
        pattern: Its text; see `_matches`.
        as_subquery: Whether to list all items with the label first instead of testing each item: faster to find all of
            them, slower to test a few.
        limit: Largest number of items that the subquery lists.
    """

    field: Literal["tag", "person", "place"]
    pattern: str
    as_subquery: bool = False
    limit: int | None = None

    def __post_init__(self) -> None:
        _check_pattern(self.field, self.pattern)

    def condition(self) -> ColumnElement[bool]:
        """Return the condition."""
        labels = next(column.table for column in LABELS.values() if column.name == self.field)
        matches = _matches(labels.c.key, self.pattern)
        if self.as_subquery:
            return ITEMS.c.id.in_(select(labels.c.item_id).distinct().where(matches).limit(self.limit))
        return exists().where(labels.c.item_id == ITEMS.c.id, matches)

    def __repr__(self) -> str:
        return f"{self.field}({self.pattern!r})"


def _is_glob(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


@cache  # one object per column: a statement may use it twice under the same name
def distinct_values(column: Column[str]) -> CTE:
    """Return the distinct values of an indexed column, of which there are few, by skipping through the index.

    SELECT DISTINCT would read every row; sqlite.org/lang_with.html describes such recursive queries.
    """
    rows = column.table.alias("rows")
    values = select(func.min(rows.c[column.key]).label("value")).cte(f"distinct_{column.key}", recursive=True)
    following = select(func.min(rows.c[column.key])).where(rows.c[column.key] > values.c.value).scalar_subquery()
    return values.union_all(select(following).where(values.c.value.is_not(None)))


def _matches(column: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Return the condition that a column of text keys matches a pattern, which finds text before a wildcard fast."""
    key = text_key(pattern)
    return matches_pattern(column, key) if _is_glob(key) else column == key


def _check_pattern(field: str, pattern: str) -> None:
    if not pattern.strip():
        raise QueryError(f"the {field} to filter by is blank; expected text, in which * matches anything")
    if len(pattern) > _MAX_PATTERN_LENGTH:
        raise QueryError(
            f"the {field} to filter by has {len(pattern):,} characters; expected {_MAX_PATTERN_LENGTH:,} at most"
        )
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise QueryError(
            f"the {field} to filter by is not valid Unicode ({pattern!r}); write ? for each bad character"
        ) from None
