"""Hits and items as HTML for notebooks: a bounded number of small thumbnails as data URIs, and nothing from elsewhere.

Pictures are untrusted: they are read in processes of their own within a few seconds, and all text is escaped.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.catalog.statements.item import Item, PictureSource
from indexer.errors import LibraryError, RecallError
from indexer.types import Modality, collection_of

if TYPE_CHECKING:
    pass

MOST_CARDS = 24
"""Hits and items that are shown; the others are counted."""

_SIDE = 160
"""Pixels of the longer side of a thumbnail, at most."""

_MAX_BYTES = 600_000
"""Size of all thumbnails together; one of 160 pixels has 5 to 15 kB."""

_PICTURE_SECONDS = 5.0
"""Time limit of one picture: a photo of a camera takes a tenth of a second."""

_SECONDS = 10.0
"""Time limit of all pictures together."""

_THREADS = 4
"""Pictures that are read at once: as many as `PictureReader` has processes."""

_LETTERS = 200
"""Letters of a text that are shown."""

_GRID = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start"
_CARD = f"margin:0;width:{_SIDE}px;font-size:12px;overflow-wrap:anywhere"
_BOX = (
    f"box-sizing:border-box;width:{_SIDE}px;height:110px;padding:8px;border:1px solid rgba(128,128,128,.5);"
    "overflow:hidden"
)


@dataclass(frozen=True, slots=True)
class _Card:
    """One hit or item.

    Attributes:
        item_id: Its id in the catalog.
        path: Its file.
        pictures: What opens stored pictures.
        is_photo: Whether it has a picture.
        name: Its name, for people.
        place: Its path or id, shown when the mouse is over it.
        lines: What is known about it, a line each.
        text: Its text.
    """

    item_id: int
    path: Path
    pictures: PictureSource | None
    is_photo: bool
    name: str
    place: str
    lines: tuple[str, ...]
    text: str


def hits_html(hits: Sequence[Any], *, offset: int) -> str:
    """Return hits, objects of `Hit`, with their ranks and match probabilities."""
    cards = []
    for rank, hit in enumerate(hits[:MOST_CARDS], start=offset + 1):
        chance = f"score {hit.score:.3f}" if hit.probability is None else f"{hit.probability:.0%}"
        lines = (f"{rank}. {chance}{f' ({hit.count} photos)' if hit.count > 1 else ''}", _day(hit.taken_at))
        cards.append(_card(hit, lines, hit.text or ""))
    return _gallery(cards, "hit", len(hits))


def items_html(items: Sequence[Item], *, has_more: bool = False) -> str:
    """Return items with their dates; `has_more` says that a page is not the last one."""
    cards = [_card(item, (_day(item.taken_at),), item.text or "") for item in items[:MOST_CARDS]]
    return _gallery(cards, "item", len(items), more=" of more" * has_more)


def library_html(name: str, facts: Iterable[str], newest: Sequence[Item]) -> str:
    """Return what a library holds, with its newest items; `name` is its folder or URL."""
    cards = [_card(item, (_day(item.taken_at),), item.text or "") for item in newest[:MOST_CARDS]]
    head = f"<b>{_escaped(os.path.basename(name))}</b> {_escaped(', '.join(facts))}"
    return f'<div><p title="{_escaped(name)}">{head}</p>{_grid(cards)}</div>'


def _card(record: Any, lines: tuple[str, ...], text: str) -> _Card:
    is_photo = record.kind == Modality.PHOTO
    name = record.path.name if record.collection is None else record.id
    if record.row is not None and record.collection is None:
        name = f"{name}: {record.row}"
    return _Card(
        record.item_id,
        record.path,
        record._pictures,  # noqa: SLF001  items and hits keep it for the rooms of Recall
        is_photo,
        name,
        record.id or str(record.path),
        tuple(line for line in lines if line),
        "" if is_photo else text[:_LETTERS] or "text",
    )


def _gallery(cards: Sequence[_Card], noun: str, count: int, *, more: str = "") -> str:
    """Return cards below a line with their number."""
    shown = f", the first {len(cards)} are shown" * (count > len(cards))
    heading = f"{count:,} {noun}{'' if count == 1 else 's'}{more}{shown}" if count else f"No {noun}s"
    return f"<div><p>{heading}</p>{_grid(cards)}</div>"


def _grid(cards: Sequence[_Card]) -> str:
    figures = "".join(_figure(card, picture) for card, picture in zip(cards, _thumbnails(cards), strict=True))
    return f'<div style="{_GRID}">{figures}</div>'


def _figure(card: _Card, picture: bytes | str) -> str:
    """Return a card with its thumbnail, its text, or the reason why it has neither."""
    place = _escaped(card.place)
    if isinstance(picture, bytes):
        data = base64.b64encode(picture).decode()
        box = f'<img src="data:image/jpeg;base64,{data}" alt="{_escaped(card.name)}" style="max-width:100%">'
    else:
        box = f'<div style="{_BOX}">{_escaped(picture)}</div>'
    caption = "<br>".join(_escaped(line) for line in (card.name, *card.lines))
    return f'<figure title="{place}" style="{_CARD}">{box}<figcaption>{caption}</figcaption></figure>'


def _thumbnails(cards: Sequence[_Card]) -> list[bytes | str]:
    """Return for each card its thumbnail, or what is shown instead of one."""
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="recall-gallery")
    try:
        futures = [pool.submit(_thumbnail, card) if card.is_photo else None for card in cards]
        wait([future for future in futures if future is not None], timeout=_SECONDS)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    shown: list[bytes | str] = []
    size = 0
    for card, future in zip(cards, futures, strict=True):
        picture = card.text if future is None else _result(future)
        size += len(picture) if isinstance(picture, bytes) else 0
        shown.append("not shown: the pictures together are too large" if size > _MAX_BYTES else picture)
    return shown


def _result(future: Future[bytes | str]) -> bytes | str:
    if future.done() and not future.cancelled():
        return future.result()
    return f"not shown: reading the pictures took longer than {_SECONDS:g} seconds"


def _thumbnail(card: _Card) -> bytes | str:
    """Return the thumbnail of a card, or why there is none."""
    try:
        return _read(_content(card))
    except RecallError as error:
        return f"not shown: {error}"
    except Exception as error:  # noqa: BLE001  a notebook shows the others
        return f"not shown: {type(error).__name__}"


def _content(card: _Card) -> Path | bytes:
    """Return the stored picture of a card, or else its file, also when the library is closed."""
    if card.pictures is not None:
        try:
            return card.pictures.content(card.item_id, card.path)
        except LibraryError:
            if collection_of(str(card.path)) is not None:
                raise
    return card.path


def _read(source: Path | bytes) -> bytes:
    """Return a thumbnail, made as a library decodes single pictures."""
    from indexer.images.workers.reader import shared_reader  # late: only notebooks need it here

    return shared_reader(_PICTURE_SECONDS).small_thumbnail(source, side=_SIDE)


def _day(taken_at: datetime | None) -> str:
    return f"{taken_at:%Y-%m-%d}" if taken_at else ""


def _escaped(text: str) -> str:
    """Return text as HTML, without letters that cannot be printed: they could reverse or hide what is around them."""
    shown = text.encode(errors="surrogateescape").decode(errors="replace")
    return escape("".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in shown))
