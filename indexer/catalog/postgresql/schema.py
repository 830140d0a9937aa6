"""The tables, functions and indexes of a new library on a server."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection

from indexer.catalog.constructs import INDEXED_LETTERS
from indexer.catalog.filters.geo import EARTH_KM
from indexer.catalog.postgresql.fulltext import WORDS_INDEX
from indexer.catalog.postgresql.text_key import text_key_function
from indexer.catalog.schema import LABELS, METADATA

_FUNCTIONS = (
    f"""
    CREATE FUNCTION distance_km(latitude float8, longitude float8, other_latitude float8, other_longitude float8)
    RETURNS float8 LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT 2 * {EARTH_KM} * asin(least(1, sqrt(
            power(sin(radians(other_latitude - latitude) / 2), 2) + cos(radians(latitude))
            * cos(radians(other_latitude)) * power(sin(radians(other_longitude - longitude) / 2), 2)
        )))
    $$
    """,
    """
    CREATE FUNCTION hash_of(value text) RETURNS bytea LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT sha256(convert_to(value, 'UTF8'))
    $$
    """,
    """
    CREATE FUNCTION numbers_of_json(list text) RETURNS TABLE (value bigint) LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CAST(number AS bigint) FROM json_array_elements_text(CAST(list AS json)) AS number
    $$
    """,
)
"""What SQLite calls in Python or has itself."""

_WORDS = (
    """
    CREATE TABLE unit_words (
        rowid bigint PRIMARY KEY REFERENCES units (id) ON DELETE CASCADE,
        words text COLLATE "C" NOT NULL,
        length integer NOT NULL
    )
    """,
    """
    CREATE TABLE item_words (
        rowid bigint PRIMARY KEY REFERENCES items (id) ON DELETE CASCADE, words text COLLATE "C" NOT NULL
    )
    """,
    *(
        f"CREATE INDEX ix_{table}_words ON {table} USING gin ({WORDS_INDEX.format(words='words')})"
        for table in ("unit_words", "item_words")
    ),
    "CREATE TABLE word_totals (units bigint NOT NULL, words bigint NOT NULL)",
    *(
        f"""
        CREATE FUNCTION {event}_unit_words() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
        BEGIN
            INSERT INTO word_totals SELECT count(*) * {sign}, sum(length) * {sign} FROM changed HAVING count(*) > 0;
            RETURN NULL;
        END $$
        """  # noqa: S608 - of two constants
        for event, sign in (("insert", 1), ("delete", -1))
    ),
    *(
        f"""
        CREATE TRIGGER unit_words_{event} AFTER {event} ON unit_words REFERENCING {rows} TABLE AS changed
        FOR EACH STATEMENT EXECUTE FUNCTION {event}_unit_words()
        """
        for event, rows in (("insert", "NEW"), ("delete", "OLD"))
    ),
)
"""The full-text tables, see `fulltext`. BM25 needs how many units and words there are; counting them would read all.
Each change adds a row to `word_totals`, which `fulltext.finish_deletion` adds up. Rows of `unit_words` are not updated.
"""


def create(connection: Connection) -> None:
    """Make all tables in the schema of a connection, with what they need."""
    connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS vector")
    for statement in (*_FUNCTIONS, text_key_function()):
        connection.exec_driver_sql(statement)
    METADATA.create_all(connection, checkfirst=False)
    for statement in (*_unique_labels(), *_long_texts(), *_WORDS):
        connection.exec_driver_sql(statement)


def _unique_labels() -> Iterator[str]:
    """Yield the statements that make labels and private words unique without the case of ASCII letters.

    SQLite has a collation for that.
    """
    for name, label in LABELS.items():
        yield f"ALTER TABLE {name} DROP CONSTRAINT pk_{name}"
        yield f"CREATE UNIQUE INDEX uq_{name}_item_id_{label.name} ON {name} (item_id, lower({label.name}))"
    yield "ALTER TABLE private_words DROP CONSTRAINT uq_private_words_word"
    yield "CREATE UNIQUE INDEX uq_private_words_word ON private_words (lower(word))"


def _long_texts() -> Iterator[str]:
    """Yield the statements that replace indexes of texts of any length: an entry has at most 2,704 bytes."""
    yield "DROP INDEX ix_metadata_values_key_text_item_id"
    yield (
        "CREATE INDEX ix_metadata_values_key_text_item_id ON metadata_values "
        f'(key, "left"(text, {INDEXED_LETTERS}), item_id) WHERE text IS NOT NULL'
    )
    yield "ALTER TABLE queries DROP CONSTRAINT uq_queries_key"
    yield "CREATE UNIQUE INDEX uq_queries_key ON queries (hash_of(key))"
