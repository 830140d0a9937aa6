"""A catalog of as many photos as wanted, of which filters keep known shares, in seconds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from indexer.catalog.filters.expression import Filter
from indexer.encoders.base import Encoder
from indexer.store import Store
from indexer.types import Vectors
from tests.support.catalog import add

START = datetime(2000, 1, 1)  # noqa: DTZ001 - cameras know no zone
"""When the first photo was taken; the others follow, one a minute, in a scattered order."""

SHARES = {"50 %": 0.5, "10 %": 0.1, "1 %": 0.01, "0.1 %": 0.001}
"""How much the filters of `filters_keeping` keep, by name."""

_ITEMS = """
WITH RECURSIVE numbers(n, h) AS (
    SELECT 0, 0 UNION ALL SELECT n + 1, ((n + 1) * 48271) % :count FROM numbers WHERE n + 1 < :count
), parts AS (
    SELECT n, h, CASE WHEN h < :count * .5 THEN '50 %' WHEN h < :count * .6 THEN '10 %' WHEN h < :count * .61 THEN '1 %'
        WHEN h < :count * .611 THEN '0.1 %' ELSE 'rest' END AS part FROM numbers
)
INSERT INTO items (id, source_id, path, name, modality, size, mtime_ns, format, width, height, taken_at, taken_from,
    latitude, longitude, camera, lens, rating, indexed_at)
SELECT n + 1, :source, CAST('/photos/' || part || printf('/IMG_%06d.jpg', n) AS BLOB), printf('img_%06d.jpg', n),
    'photo', 3000000, n, 'JPEG', 4000, 3000, strftime('%Y-%m-%d %H:%M:%S.000000', '2000-01-01', (h * 60) || ' seconds'),
    'exif', -60 + 120.0 * h / :count, -180 + (h * 7919) % 360, 'Maker ' || part, 'Lens ' || part, h % 6,
    '2024-01-01 00:00:00'
FROM parts
"""

_TAGS = "INSERT INTO tags SELECT id, substr(camera, 7) FROM items UNION ALL SELECT id, 'photo' FROM items"
_UNITS = "INSERT INTO units (id, item_id, position) SELECT id, id, 0 FROM items"


_EMBEDDINGS = "INSERT INTO embeddings (id, unit_id, encoder_id, vector) VALUES (?, ?, ?, ?)"


def fill(path: Path, encoder: Encoder, vectors: Vectors) -> None:
    """Make a library of photos that do not exist, one for each vector, index file included; item n has embedding n.

    Args:
        path: The library's folder.
        encoder: Whose embeddings they pretend to be.
        vectors: Shape (n, dim), of length 1 within what rounding to float16 does; n is prime to 48271.
    """
    fill_in_parts(path, encoder, len(vectors), [vectors])


def fill_in_parts(path: Path, encoder: Encoder, count: int, parts: Iterable[Vectors]) -> None:
    """Make the same library of `count` photos whose vectors come in parts, so that not all are held at once."""
    with Store(path, create=True) as store, store.writing("making up a library"):
        encoder_id = store.bind_encoder(encoder).id
        with store.transaction() as connection:
            source = add(connection, "/photos").id
            connection.exec_driver_sql(_ITEMS, {"count": count, "source": source})
            for statement in (_TAGS, _UNITS):
                connection.exec_driver_sql(statement)
        start = 1
        for vectors in parts:
            rows = [(n, n, encoder_id, row.tobytes()) for n, row in enumerate(vectors.astype("<f2"), start)]
            with store.transaction() as connection:
                connection.exec_driver_sql(_EMBEDDINGS, rows)
            start += len(rows)
        store.index(save=True)


def filters_keeping(share: str, count: int) -> dict[str, Filter]:
    """Return filters of several kinds that each keep about this share of such a library of `count` photos."""
    size = SHARES[share]
    first = START + timedelta(minutes=round(count * 0.2))
    name = {"50 %": "*5*", "10 %": "*7.jpg", "1 %": "*17.jpg", "0.1 %": "*317.jpg"}[share]
    return {
        "date": Filter.taken(after=first, before=first + timedelta(minutes=count * size)),
        "folder": Filter.folder(f"/photos/{share}"),
        "camera": Filter.camera(f"Maker {share}"),
        "near": Filter.near(0, 0, km={"50 %": 9500, "10 %": 4200, "1 %": 1300, "0.1 %": 420}[share]),
        "name": Filter.name(name),
        "tag": Filter.tag(share),
    }
