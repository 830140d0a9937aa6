"""What the last search of a library showed, for `recall judge`."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.errors import FeedbackError
from indexer.object_path import file_path
from indexer.private_files import PRIVATE_FILE, part_file

if TYPE_CHECKING:
    from retrieval.query.query import Query
    from retrieval.search.hits import Hit, Hits

_FILE = "last-search.json"

_MAX_BYTES = 64 * 2**20
"""Largest file that is read: about 200,000 hits."""


def write_last(library: Path, query: Query, shown: Hits) -> None:
    """Store a search, and the hits that it shows, in their order; nothing happens if the library cannot be written."""
    record = {
        "parts": _parts(query),
        "offset": shown.offset,
        "fingerprint": shown.fingerprint,
        "hits": [
            {"item_id": hit.item_id, "unit_id": hit.unit_id, "path": str(hit.path), "row": hit.row,
             "kind": str(hit.kind), "score": hit.score, "probability": hit.probability,
             "id": hit.id, "collection": hit.collection}
            for hit in shown
        ],
    }  # fmt: skip
    with suppress(OSError), part_file(library / _FILE) as part:
        part.chmod(PRIVATE_FILE)  # also in a library that others may read
        part.write_text(json.dumps(record), encoding="ascii")  # a file name may be no valid text
        part.replace(library / _FILE)


def read_last(library: Path) -> tuple[Query, Hits]:
    """Return the last search and the hits that it showed.

    Raises:
        FeedbackError: There was none, or a picture of its query is not a file.
    """
    from retrieval.feedback.stored_query import query_from_parts  # late: --help needs no database library

    try:
        with (library / _FILE).open("rb") as stream:
            record = json.loads(stream.read(_MAX_BYTES))
        hits = _hits(record)
        query = None if record["parts"] is None else query_from_parts(record["parts"])
        for text in query.texts if query else ():
            text.encode()  # raises if the catalog cannot store it
    except (OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError, FeedbackError):
        message = 'there is no last search to judge; give a query: recall judge "a dog on the beach"'
        raise FeedbackError(message) from None
    if query is None:
        raise FeedbackError(
            "the last search had a picture that is not a file, so its hits cannot be judged; save the picture, and "
            "search with its path"
        )
    return query, hits


def _parts(query: Query) -> dict[str, Any] | None:
    """Return the parts of a query, None if a picture of it is not a file."""
    from retrieval.feedback.stored_query import query_parts  # late: --help needs no database library

    try:
        return query_parts(query)
    except FeedbackError:
        return None


def _hits(record: dict[str, Any]) -> Hits:
    """Return the hits of a search that was stored.

    Raises:
        ValueError, TypeError, KeyError, OverflowError: It is damaged.
    """
    from retrieval.search.hits import Hits  # late: --help needs no database library

    return Hits(map(_hit, record["hits"]), offset=_count(record["offset"]), fingerprint=str(record["fingerprint"]))


def _count(value: Any) -> int:
    """Return a number that the catalog can store."""
    if not 0 <= int(value) < 2**62:
        raise ValueError(value)
    return int(value)


def _hit(record: dict[str, Any]) -> Hit:
    from indexer.types import Modality
    from retrieval.search.hits import Hit  # late: --help needs no database library

    return Hit(
        item_id=_count(record["item_id"]),
        unit_id=_count(record["unit_id"]),
        path=file_path(os.fsdecode(os.fsencode(record["path"]))),
        row=None if record["row"] is None else str(record["row"]),
        kind=Modality(record["kind"]),
        score=float(record["score"]),
        part_scores=(),
        probability=None if record["probability"] is None else float(record["probability"]),
        id=str(record.get("id", "")),
        collection=None if record.get("collection") is None else str(record["collection"]),
    )
