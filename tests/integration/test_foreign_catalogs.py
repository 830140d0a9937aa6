"""Catalogs from others, and damaged ones: a line says what is wrong, and no answer is another one."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from indexer.errors import LibraryError, StorageError
from retrieval import Library
from tests.support.color_photos import paint_many
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a library of twenty photos, which tests copy."""
    folder = tmp_path_factory.mktemp("original")
    (folder / "photos").mkdir()
    paint_many(folder / "photos", 20)
    with Library.open(folder / "l.recall", encoder=FakeEncoder()) as library:
        library.sync(folder / "photos")
        library.search("red")
    return folder / "l.recall"


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    """Return a copy of the library."""
    return Path(shutil.copytree(original, tmp_path / "l.recall"))


def change(library: Path, *statements: str) -> None:
    connection = sqlite3.connect(library / "catalog.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


ENDLESS = (
    "CREATE VIEW {} AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT n FROM r WHERE n < 0"
)


@pytest.mark.parametrize(
    ("statements", "kind"),
    [
        (["ALTER TABLE sources RENAME TO real", ENDLESS.format("sources")], "view 'sources'"),
        (["DROP TABLE alembic_version", ENDLESS.format("alembic_version")], "view 'alembic_version'"),
        (["CREATE TRIGGER t AFTER INSERT ON judgements BEGIN DELETE FROM items; END"], "trigger 't'"),
        (["CREATE VIRTUAL TABLE v USING fts5(a)"], "virtual table 'v'"),
    ],
)
def test_views_triggers_and_virtual_tables_of_others_are_refused(copy: Path, statements: list[str], kind: str) -> None:
    change(copy, "PRAGMA legacy_alter_table = ON", *statements)
    with pytest.raises(LibraryError, match=f"has a {kind}, which Recall did not make"):
        Library.open(copy, create=False)


def test_a_catalog_is_opened_without_trust_in_its_schema(copy: Path) -> None:
    with Library.open(copy) as library, library._store.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA trusted_schema").scalar() == 0
        assert connection.exec_driver_sql("PRAGMA cell_size_check").scalar() == 1


DAMAGE = [
    "UPDATE encoders SET dim = 2147483647",
    "UPDATE encoders SET dim = -5",
    "UPDATE encoders SET dim = 'x'",
    "UPDATE encoders SET preprocess = '[1'",
    "UPDATE encoders SET preprocess = '{}'",
    "UPDATE encoders SET preprocess = '5'",
    "DELETE FROM encoders",
    "UPDATE meta SET value = '99999999999999999999' WHERE key = 'active_encoder'",
    "UPDATE meta SET value = '77' WHERE key = 'active_encoder'",
    "UPDATE meta SET value = 'x' WHERE key = 'active_encoder'",
    "UPDATE items SET taken_at = 'not a date'",
    "UPDATE units SET kind = 'film'",
    "UPDATE embeddings SET vector = 1.5",
    "UPDATE embeddings SET vector = x'00' WHERE id = 7",
    "UPDATE embeddings SET vector = 'text' WHERE id = 7",
    "UPDATE embeddings SET vector = x'007e007e007e' WHERE id = 7",  # NaN in float16
]


@pytest.mark.parametrize("statement", DAMAGE)
def test_a_damaged_row_is_an_error_and_not_another_answer(copy: Path, statement: str) -> None:
    for file in copy.glob("index-*"):
        file.unlink()
    change(copy, "PRAGMA foreign_keys = OFF", statement)
    with pytest.raises(StorageError, match=r"damaged") as refusal, Library.open(copy, encoder=FakeEncoder()) as library:
        library.search("red", k=20, threshold=0)
    assert "\n" not in str(refusal.value)


def test_check_repairs_damaged_embeddings_and_search_works_again(copy: Path) -> None:
    (copy / next(copy.glob("index-*.faiss")).name).unlink()
    change(copy, "UPDATE embeddings SET vector = x'007e007e007e' WHERE id = 7")
    with Library.open(copy, encoder=FakeEncoder()) as library:
        with pytest.raises(StorageError, match="run: recall check --repair, then recall index"):
            library.search("red")
        library.check(repair=True)
        assert len(library.search("red", k=20, threshold=0)) == 19


@pytest.fixture
def searched(recall_program: Program, tmp_path: Path) -> Program:
    """Return the program, with a library of one text."""
    (tmp_path / "note.txt").write_text("a cat on a wall")
    assert recall_program("index", tmp_path / "note.txt").returncode == 0
    return recall_program


@pytest.mark.parametrize("command", ["search - <&-", "judge cat <&-", "search cat --all >/dev/full", "search cat >&-"])
def test_missing_streams_and_a_full_disk_give_no_traceback(searched: Program, command: str) -> None:
    done = searched.shell(f'"$RECALL_PROGRAM" {command}')
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode in (0, 1, 2)


def test_a_run_without_standard_error_does_its_work(searched: Program, tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("a dog")
    done = searched.shell(f'"$RECALL_PROGRAM" index "{tmp_path}/other.txt" 2>&- 0<&-')
    assert done.returncode == 0
    assert "1 added" in done.stdout


def test_a_long_path_and_deep_settings_are_errors_of_one_line(searched: Program, tmp_path: Path) -> None:
    done = searched("status", env={"RECALL_LIBRARY": "a/" * 3000})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    (tmp_path / "deep.toml").write_text("a=" + "[" * 100_000)
    done = searched("status", env={"RECALL_CONFIG": str(tmp_path / "deep.toml")})
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "deep.toml cannot be read" in done.stderr
