"""The disk space of a library on a server, and what the server finds damaged."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

_SIZE = text("""
SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'm')
""")

_CHECKSUMS = text("SELECT coalesce(checksum_failures, 0) FROM pg_stat_database WHERE datname = current_database()")

_INVALID_INDEXES = text("""
SELECT c.relname, a.amname = 'hnsw' AS is_of_vectors
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE c.relnamespace = current_schema()::regnamespace AND NOT (i.indisvalid AND i.indisready) ORDER BY c.relname
""")

_FOREIGN_KEYS = text("""
SELECT k.conname, k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
    array_agg(quote_ident(a.attname) ORDER BY o.position) AS columns,
    array_agg(quote_ident(b.attname) ORDER BY o.position) AS referred
FROM pg_constraint k
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS o (own, other, position)
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = o.own
JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = o.other
WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace
GROUP BY k.oid, k.conname, k.conrelid, k.confrelid ORDER BY k.conname
""")


def size(connection: Connection) -> int:
    """Return the bytes of all tables of the schema, with their indexes and large values."""
    return int(connection.scalar(_SIZE) or 0)


def damages(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield what is damaged, each with what to do: bad pages, broken indexes, and rows that refer to missing rows."""
    failures = connection.scalar(_CHECKSUMS) or 0
    if failures:
        yield f"the server counted {failures} pages with a wrong checksum", "restore the database from a backup"
    for name, is_of_vectors in connection.execute(_INVALID_INDEXES).all():
        make_again = "run: recall optimize, with the same --memory"
        repair = make_again if is_of_vectors else f"in the database: REINDEX INDEX {name}"
        yield f"the index {name} of the catalog is not valid", repair
    for key in connection.execute(_FOREIGN_KEYS).all():
        pairs = " AND ".join(f"p.{to} = c.{own}" for own, to in zip(key.columns, key.referred, strict=True))
        given = " AND ".join(f"c.{own} IS NOT NULL" for own in key.columns)
        orphans = connection.scalar(
            text(
                f"SELECT count(*) FROM {key.child} c WHERE {given} "  # noqa: S608 - the server's own quoted names
                f"AND NOT EXISTS (SELECT 1 FROM {key.parent} p WHERE {pairs})"
            )
        )
        if orphans:
            yield f"{key.child} has {orphans} rows that refer to missing rows ({key.conname})", "restore a backup"
