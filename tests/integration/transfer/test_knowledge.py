"""Words, judgements, versions and the requirements for the index travel with an export, and are validated."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.catalog.statements import index_settings, versions
from indexer.catalog.statements.index_settings import IndexSettings
from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import TransferError
from retrieval import Library, Query
from retrieval.tuning.report import TuningReport
from tests.integration.transfer.test_hostile_exports import forge, rewrite
from tests.support.color_photos import paint
from tests.support.contents import Place, count, rows
from tests.support.encoders import FakeEncoder

Import = Callable[..., tuple[Place, Any]]
OtherPlace = Callable[[str], Place]

TO_BLUE = LowRankAdapter(np.array([[1], [0], [0]], dtype=np.float32), np.array([[-1, 0, 1]], dtype=np.float32))
"""Turns red into blue, and leaves other colors as they are."""

REPORT = TuningReport("adapter", True, "", 6, 0.5, 0.6, 0.01, 0.2, 0.04, 0.5, 0.6, "words", 90.0, 90.0)

TABLES = ("private_words", "word_examples", "queries", "showings", "shown", "judgements", "versions")


def teach(library: Library, folder: Path) -> None:
    """Teach a filled library a word, judgements of two queries, two adapters and requirements for its index."""
    library.learn("Biscuit's", [paint(folder.parent / "dog.png", "yellow"), folder / "red.png"])
    hits = library.search("red", k=3)
    library.judge("red", good=hits[:1], bad=hits[2:], shown=hits)
    library.judge(Query(["blue"], [folder / "red.png"], [1, -0.5]), good=[folder / "blue.png"])
    encoder = library._store.encoder
    assert encoder is not None
    with library._store.transaction() as connection:
        for adapter in (Adapter(TO_BLUE), Adapter(TO_BLUE, TO_BLUE)):
            number = versions.add_version(
                connection, kind="adapter", encoder_id=encoder.id, report=REPORT.to_dict(), weights=adapter.to_bytes()
            )
            versions.activate_version(connection, number)
        index_settings.save_index_settings(connection, IndexSettings(0.95, memory=10**9))


@pytest.fixture
def taught(filled: Library, folder: Path) -> Library:
    """Return a library that knows something."""
    teach(filled, folder)
    return filled


@pytest.fixture
def backup(taught: Library, tmp_path: Path) -> Path:
    """Return its export."""
    return taught.export(tmp_path / "backup").folder


def knowledge(library: Place | Library) -> dict[str, list[tuple[Any, ...]]]:
    """Return what was taught, without ids."""
    statements = {
        "words": "SELECT word, w.added_at, path, content_hash, picture, e.added_at FROM private_words w "
        "JOIN word_examples e ON word_id = w.id ORDER BY e.id",
        "impressions": "SELECT key, fingerprint, shown_at, position, path, score FROM showings s "
        "JOIN queries q ON q.id = query_id JOIN shown ON showing_id = s.id ORDER BY s.id, position",
        "judgements": "SELECT key, parts, asked_at, path, content_hash, is_good, judged_at, showing_id IS NULL "
        "FROM judgements JOIN queries q ON q.id = query_id ORDER BY judgements.id",
        "versions": "SELECT v.id, kind, fingerprint, parent_id, weights, receipt, made_at FROM versions v "
        "JOIN encoders e ON e.id = encoder_id ORDER BY v.id",
        "settings": "SELECT key, value FROM meta WHERE key IN ('index', 'active_version') ORDER BY key",
    }
    return {name: rows(library, statement) for name, statement in statements.items()}


def test_an_imported_library_knows_what_the_exported_one_knew(
    taught: Library, backup: Path, import_into: Import
) -> None:
    new, report = import_into(backup)
    assert (report.words, report.judgements, report.versions) == (1, 3, 2)
    before = knowledge(taught)
    assert knowledge(new) == before
    assert {name: len(content) for name, content in before.items()} == {
        "words": 2, "impressions": 3, "judgements": 3, "versions": 2, "settings": 2,
    }  # fmt: skip
    with Library.open(new, encoder=FakeEncoder()) as library:
        for query in ("red", "Biscuit's", "blue"):
            here, there = (lib.search(query, k=3) for lib in (library, taught))
            assert [hit.path for hit in here] == [hit.path for hit in there]
            assert [hit.score for hit in here] == pytest.approx([hit.score for hit in there])
        assert library.search("red", k=1).fingerprint == taught.search("red", k=1).fingerprint


def test_the_report_of_an_export_counts_what_was_taught(taught: Library, tmp_path: Path) -> None:
    report = taught.export(tmp_path / "counted")
    assert (report.words, report.judgements, report.versions) == (1, 3, 2)
    assert report.left_out == {"fine-tuned encoders": 0}


def test_a_second_import_adds_nothing(backup: Path, import_into: Import) -> None:
    new, _ = import_into(backup)
    before = knowledge(new), [count(new, table) for table in TABLES]
    _, report = import_into(backup)
    assert (report.words, report.judgements, report.versions) == (0, 0, 0)
    assert (knowledge(new), [count(new, table) for table in TABLES]) == before


def test_what_the_library_knows_already_stays(backup: Path, folder: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "own.recall", encoder=FakeEncoder()) as library:
        library.sync(folder)
        library.learn("BISCUIT'S", [folder / "blue.png"])
        library.judge("red", bad=[folder / "red.png"])
        encoder = library._store.encoder
        assert encoder is not None
        with library._store.transaction() as connection:
            versions.add_version(connection, kind="adapter", encoder_id=encoder.id, report=REPORT.to_dict())
            index_settings.save_index_settings(connection, IndexSettings(0.5))
        report = library.import_(backup)
        assert (report.words, report.judgements, report.versions) == (0, 3, 2)
        (word,) = library.words()
        assert (word.word, len(word.examples)) == ("BISCUIT'S", 3)
        assert [judgement.is_good for judgement in library.judgements()] == [False, True, False, True]
        assert [version.is_active for version in library.versions()] == [False, False, False]
        assert rows(library, "SELECT value FROM meta WHERE key = 'index'")[0][0].startswith('{"recall": 0.5')


def test_paths_are_those_of_the_machine_of_the_import(backup: Path, folder: Path, import_into: Import) -> None:
    new, _ = import_into(backup, roots={str(folder): "/mnt/photos"})
    with Library.open(new) as library:
        assert {os.path.dirname(judgement.path) for judgement in library.judgements()} <= {
            "/mnt/photos", "/mnt/photos/inner",
        }  # fmt: skip
        assert library.judgements()[2].parts["images"] == ["/mnt/photos/red.png"]
        assert library.words()[0].examples[1] == Path("/mnt/photos/red.png")
        assert library.forget_judgements(query=Query(["blue"], [Path("/mnt/photos/red.png")], [1, -0.5])) == 1


def test_a_version_whose_parent_is_a_fine_tuned_encoder_comes_without_it(
    taught: Library, tmp_path: Path, import_into: Import
) -> None:
    rows(taught, "UPDATE versions SET kind = 'lora', weights = NULL, name = 'local-dir:/x' WHERE id = 1")
    report = taught.export(tmp_path / "out")
    assert (report.versions, report.left_out) == (1, {"fine-tuned encoders": 1})
    new, _ = import_into(tmp_path / "out")
    assert rows(new, "SELECT kind, parent_id FROM versions") == [("adapter", None)]


def test_other_formats_say_how_much_they_leave_out(taught: Library, tmp_path: Path) -> None:
    report = taught.export(tmp_path / "clip", format="clip-retrieval")
    assert report.left_out == {"private words": 1, "judgements": 3, "learned versions": 2}


def test_an_export_of_a_library_that_knows_nothing_has_no_files_for_it(filled: Library, tmp_path: Path) -> None:
    folder = filled.export(tmp_path / "plain").folder
    assert sorted(file.name for file in folder.iterdir()) == ["items.parquet", "manifest.json", "units.parquet"]


def test_an_export_of_a_version_without_knowledge_is_imported(backup: Path, import_into: Import) -> None:
    def downgrade(content: dict[str, Any]) -> None:
        del content["settings"]
        for name in set(content["files"]) - {"items.parquet", "units.parquet"}:
            del content["files"][name]
            (backup / name).unlink()

    rewrite(backup, downgrade)
    new, report = import_into(backup)
    assert (report.added, report.words) == (3, 0)
    assert [count(new, table) for table in TABLES] == [0] * len(TABLES)


def forge_value(folder: Path, name: str, column: str, value: object) -> None:
    """Change a column of the last row of a file, with a manifest that matches it."""
    table = pq.read_table(folder / name)
    values = [*table[column].to_pylist()[:-1], value]
    field = table.schema.field(column)
    forge(folder, name, table.set_column(table.schema.names.index(column), field, pa.array(values, field.type)))


def weights(value: float, dim: int = 3) -> bytes:
    """Return an adapter's weights."""
    matrix = np.full((dim, 1), value, np.float32)
    return json.dumps({"text": [dim, 1]}).encode() + b"\n" + 2 * matrix.astype("<f4").tobytes()


@pytest.mark.parametrize(
    ("name", "column", "value", "message"),
    [
        ("words", "word", "", "the word to learn is blank"),
        ("words", "word", "two\x1b[2J", "invisible characters"),
        ("words", "word", "x" * 1000, "has 1000 characters"),
        ("word_examples", "word_id", 99, "refers to a missing row of words.parquet"),
        ("word_examples", "picture", b"GIF89a", "an example is not a JPEG"),
        ("word_examples", "picture", b"\xff\xd8\xff" + bytes(5 << 20), "at most 4 MiB"),
        ("word_examples", "path", b"../../etc/passwd", "is not an absolute path"),
        ("word_examples", "id", 1, "has two rows with the key"),
        ("queries", "parts", "[]", "row that cannot be used"),
        ("queries", "parts", '{"texts": ["\\ud800"], "images": [], "weights": [1]}', "surrogates not allowed"),
        ("queries", "parts", '{"texts": ["a"], "images": ["x/../y"], "weights": [1, 1]}', "not an absolute path"),
        ("queries", "parts", '{"texts": ["a"], "images": [], "weights": [NaN]}', "is not a query"),
        ("impressions", "query_id", 99, "refers to a missing row of queries.parquet"),
        ("impression_hits", "position", 2**40, "the position is"),
        ("impression_hits", "showing_id", 99, "refers to a missing row of impressions.parquet"),
        ("judgements", "query_id", 99, "refers to a missing row of queries.parquet"),
        ("judgements", "path", b"/photos/../x", "is not normalized"),
        ("versions", "kind", "lora", "is not an adapter of an encoder"),
        ("versions", "encoder_id", 99, "is not an adapter of an encoder"),
        ("versions", "weights", b"{}", "an adapter has matrices of shapes"),
        ("versions", "weights", weights(float("nan")), "an adapter has matrices"),
        ("versions", "weights", weights(1.0, dim=4), "has 4 dimensions"),
        ("versions", "receipt", "{}", "a tuning report in the catalog is damaged"),
        ("versions", "receipt", json.dumps(REPORT.to_dict() | {"ndcg_after": "high"}), "row that cannot be used"),
    ],
)
def test_an_export_with_a_row_that_cannot_be_used_is_refused_and_leaves_nothing(
    backup: Path, other_place: OtherPlace, import_into: Import, name: str, column: str, value: object, message: str
) -> None:
    forge_value(backup, f"{name}.parquet", column, value)
    with pytest.raises(TransferError, match=message):
        import_into(backup)
    assert [count(other_place("new"), table) for table in ("sources", "items", *TABLES)] == [0] * 9


@pytest.mark.parametrize(
    "settings",
    [
        5,
        {"active_version": "1"},
        {"index": {"recall": 7}},
        {"index": {"recall": 0.9, "memory": "1"}},
        {"index": {"a": 1}},
    ],
)
def test_settings_that_cannot_be_used_are_refused(backup: Path, import_into: Import, settings: object) -> None:
    rewrite(backup, lambda content: content.update(settings=settings))
    with pytest.raises(TransferError, match=r"is not a manifest of Recall"):
        import_into(backup)


def test_a_file_that_changed_since_the_export_is_refused(backup: Path, import_into: Import) -> None:
    with (backup / "judgements.parquet").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(TransferError, match=r"judgements\.parquet has changed since the export"):
        import_into(backup)
