"""Create large libraries in seconds, with filters that match known shares of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements.item_words import write_item_words
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Vectors
from tests.support.catalog import add_source

FIRST_TIME = datetime(2000, 1, 1)  # noqa: DTZ001 - cameras record local time
"""Time of the first photo; the others follow one per minute, in scattered order."""

SHARES = {"50 %": 0.5, "10 %": 0.1, "1 %": 0.01, "0.1 %": 0.001}
"""Shares of a library that the filters of `filters_matching` match, by name."""

_ITEMS = """
WITH RECURSIVE numbers(n, h) AS (
    SELECT 0, 0 UNION ALL SELECT n + 1, ((n + 1) * 48271) % :count FROM numbers WHERE n + 1 < :count
), parts AS (
    SELECT n, h, CASE WHEN h < :count * .5 THEN '50 %' WHEN h < :count * .6 THEN '10 %' WHEN h < :count * .61 THEN '1 %'
        WHEN h < :count * .611 THEN '0.1 %' ELSE 'rest' END AS part FROM numbers
)
INSERT INTO items (id, source_id, path, name, modality, size, mtime_ns, format, width, height, taken_at, taken_from,
    latitude, longitude, camera, lens, rating, indexed_at)
SELECT n + 1, :source, CAST(:root || '/' || part || printf('/IMG_%06d.jpg', n) AS BLOB), printf('img_%06d.jpg', n),
    'photo', 3000000, n, 'JPEG', 4000, 3000, strftime('%Y-%m-%d %H:%M:%S.000000', '2000-01-01', (h * 60) || ' seconds'),
    'exif', -60 + 120.0 * h / :count, -180 + (h * 7919) % 360, 'Maker ' || part, 'Lens ' || part, h % 6,
    '2024-01-01 00:00:00'
FROM parts
"""

_TAGS = (
    "INSERT INTO tags SELECT id, substr(camera, 7), lower(substr(camera, 7)) FROM items "
    "UNION ALL SELECT id, 'photo', 'photo' FROM items"
)
_UNITS = "INSERT INTO units (id, item_id, position) SELECT id, id, 0 FROM items"


_EMBEDDINGS = "INSERT INTO embeddings (id, unit_id, encoder_id, vector) VALUES (?, ?, ?, ?)"


def fill_library(path: Path, encoder: Encoder, vectors: Vectors) -> None:
    """Create a library of photos whose files do not exist, with its index file; item n has embedding n.

    Args:
        path: The library's folder.
        encoder: The encoder that the vectors are stored for.
        vectors: Shape (n, dim), unit length up to float16 rounding; n is coprime to 48271.
    """
    fill_library_in_parts(path, encoder, len(vectors), [vectors])


def fill_library_in_parts(
    path: Path, encoder: Encoder, count: int, parts: Iterable[Vectors], *, root: str = "/photos"
) -> None:
    """Create the same library of `count` photos from parts of the vectors, to bound memory; `root` is its source."""
    with Store(path, create=True) as store, store.writing("creating a library"):
        encoder_id = store.bind_encoder(encoder).id
        with store.transaction() as connection:
            source = add_source(connection, root).id
            connection.exec_driver_sql(_ITEMS, {"count": count, "source": source, "root": root})
            for statement in (_TAGS, _UNITS):
                connection.exec_driver_sql(statement)
            write_item_words(connection, range(1, count + 1))
        start = 1
        for vectors in parts:
            rows = [(n, n, encoder_id, row.tobytes()) for n, row in enumerate(vectors.astype("<f2"), start)]
            with store.transaction() as connection:
                connection.exec_driver_sql(_EMBEDDINGS, rows)
            start += len(rows)
        store.index(save=True)


def filters_matching(share: str, count: int) -> dict[str, Filter]:
    """Return filters of several kinds that each match about this share of a library of `count` photos."""
    fraction = SHARES[share]
    first = FIRST_TIME + timedelta(minutes=round(count * 0.2))
    name = {"50 %": "*5*", "10 %": "*7.jpg", "1 %": "*17.jpg", "0.1 %": "*317.jpg"}[share]
    return {
        "date": Filter.taken(after=first, before=first + timedelta(minutes=count * fraction)),
        "folder": Filter.folder(f"/photos/{share}"),
        "camera": Filter.camera(f"Maker {share}"),
        "near": Filter.near(0, 0, km={"50 %": 9500, "10 %": 4200, "1 %": 1300, "0.1 %": 420}[share]),
        "name": Filter.name(name),
        "tag": Filter.tag(share),
    }
