"""The query plans of statements: no table is scanned, and no page is sorted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from indexer.catalog.filters.expression import Filter, Term
from indexer.catalog.filters.matching import filter_ids, matching_ids
from indexer.catalog.filters.metadata import Metadata
from indexer.catalog.statements import counts, items, sync_state
from indexer.catalog.statements.encoders import EncoderRecord
from indexer.catalog.statements.sources import Source
from tests.support.catalog import NOON, save_embedded, save_items

ALLOWED_SCANS = {
    "SCAN embeddings USING COVERING INDEX ix_embeddings_encoder_id_id",  # count_up_to adds up the index's pages
    "SCAN anon_1 VIRTUAL TABLE INDEX 1:",  # the given list
    "SCAN 2 CONSTANT ROWS",  # the given list
    "SCAN keys_1",  # the given list
    "SCAN CONSTANT ROW",
    "SCAN sources USING COVERING INDEX sqlite_autoindex_sources_1",  # there are few, and they are read once per batch
    "SCAN outdated_metadata",  # whether there is a row: it reads one
}

PAGED = {"file_records", "stat_pages", "embedding_ids", "embeddings_after"}
"""Statements that read in pages: sorting the remaining rows for each page would take n² time."""


@pytest.fixture
def engine(folder_engine: Engine) -> Engine:
    """Return the engine of a catalog in a file: a server chooses its plans by the number of rows."""
    return folder_engine


def read_plans(engine: Engine, connection: Connection, run: Callable[[], object]) -> list[str]:
    """Return the steps of the query plans of every SELECT that `run` executes."""
    statements: list[tuple[str, Any]] = []

    def record(_: Any, __: Any, statement: str, parameters: Any, *rest: Any) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", record)
    try:
        run()
    finally:
        event.remove(engine, "before_cursor_execute", record)
    return [
        step[3]
        for statement, parameters in statements
        if statement.startswith(("SELECT", "WITH"))
        for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    ]


@pytest.mark.parametrize(
    "name",
    [
        "file_records",
        "stat_pages",
        "files_by_content",
        "existing_sizes",
        "count_items",
        "embedding_ids",
        "embeddings_after",
        "item_details",
        "count_up_to",
        "embedding_of_path",
        "save_items",
    ],
)
def test_no_statement_scans_a_whole_table(
    engine: Engine, connection: Connection, source: Source, encoder: EncoderRecord, name: str
) -> None:
    saved = save_embedded(connection, source, encoder, 20, content_hash=b"h")
    statements: dict[str, Callable[[], object]] = {
        "file_records": lambda: list(sync_state.file_records(connection, "/photos")),
        "stat_pages": lambda: list(sync_state.stat_pages(connection, "/photos", source.id)),
        "files_by_content": lambda: sync_state.files_by_content(connection, [(1, b"h"), (2, b"h")]),
        "existing_sizes": lambda: sync_state.existing_sizes(connection, [1, 2]),
        "count_items": lambda: counts.count_items(connection, "/photos/0"),
        "embedding_ids": lambda: items.embedding_ids(connection, encoder.id),
        "embeddings_after": lambda: list(items.embeddings_after(connection, encoder.id, 4, 0)),
        "item_details": lambda: items.item_details(connection, saved[:2]),
        "count_up_to": lambda: items.count_up_to(connection, encoder.id, 5),
        "embedding_of_path": lambda: items.embedding_of_path(connection, "/photos/01", encoder.id),
        "save_items": lambda: save_items(connection, source, "/photos/01"),
    }
    steps = read_plans(engine, connection, statements[name])
    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and step not in ALLOWED_SCANS]
    if name in PAGED:
        assert not [step for step in steps if "TEMP B-TREE" in step or "MULTI-INDEX OR" in step]


@pytest.mark.parametrize(
    "where",
    [
        Filter.folder("/photos/a"),
        Filter.taken(after=NOON),
        Filter.taken(before=NOON),
        Filter.name("a.jpg"),
        Filter.camera("Canon"),
        Filter.lens("50mm"),
        Filter.near(50, 8, km=5),
        Filter.rating(5),
        Filter.tag("dog"),
        Filter.person("Ada"),
        Filter.place("Lisbon"),
        Filter.collection("default"),
        Filter.meta("shop") == "Berlin",
        Filter.meta("shop") > "Berlin",
        Filter.meta("price").between(1, 10),
        Filter.meta("price").one_of(1, 10),
        Term(Metadata("price", "known", (), "number")),
        (Filter.meta("price") > 1) & (Filter.meta("shop") == "Berlin"),
    ],
    ids=repr,
)
def test_a_filter_starts_with_the_items_that_pass_it(
    connection: Connection, encoder: EncoderRecord, where: Filter
) -> None:
    steps = read_plans(connection.engine, connection, lambda: matching_ids(connection, encoder.id, where))
    assert any(step.startswith("SEARCH items") for step in steps)
    assert not any("encoder_id_id" in step for step in steps)  # that index would read all embeddings
    assert not any(step.startswith("SCAN") and "metadata_values" in step for step in steps)


@pytest.mark.parametrize(
    ("where", "range_"),
    [
        (Filter.meta("shop") == "Berlin", "(key=? AND text=?)"),
        (Filter.meta("shop").one_of("Berlin", "Bonn"), "(key=? AND text=?)"),
        (Filter.meta("shop") > "Berlin", "(key=? AND text>?)"),
        (Filter.meta("shop").between("A", "B"), "(key=? AND text>? AND text<?)"),
        (Filter.name("IMG_1*"), "(name>? AND name<?)"),
        (Filter.tag("do*"), "(key>? AND key<?)"),
    ],
    ids=repr,
)
def test_a_filter_finds_texts_by_their_index(
    connection: Connection, encoder: EncoderRecord, where: Filter, range_: str
) -> None:
    steps = read_plans(connection.engine, connection, lambda: matching_ids(connection, encoder.id, where))
    assert any(step.endswith(range_) for step in steps)


@pytest.mark.parametrize(
    "where",
    [Filter.meta("shop") == "Berlin", Filter.meta("price") > 1, Term(Metadata("price", "known", (), "number"))],
    ids=repr,
)
def test_testing_an_item_for_its_metadata_reads_only_its_own_values(
    connection: Connection, source: Source, encoder: EncoderRecord, where: Filter
) -> None:
    ids = save_embedded(connection, source, encoder, 20)
    steps = read_plans(connection.engine, connection, lambda: filter_ids(connection, ids, where))
    assert [step for step in steps if "metadata_values" in step] == [
        "SEARCH metadata_values USING PRIMARY KEY (item_id=? AND key=?)"
    ]
