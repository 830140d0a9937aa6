"""Encoders that only a library names: they are not loaded before the user asks for it, once."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from indexer.errors import EncoderError
from retrieval import Library
from tests.support.models import save_model
from tests.support.program import Program


@pytest.fixture(autouse=True)
def _another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def library_of_another(folder: Path, encoder: str) -> Path:
    """Make a library whose catalog names an encoder that this user has never named."""
    with Library.open(folder) as library:
        (folder.parent / "note.txt").write_text("a cat on a wall")
        library.sync(folder.parent / "note.txt")
    connection = sqlite3.connect(folder / "catalog.db")
    connection.execute("UPDATE encoders SET name = ?", [encoder])
    connection.commit()
    connection.close()
    return folder


@pytest.mark.parametrize("name", ["local-dir:shared.recall/encoders/lora-1", "local-dir:/x", "hf-hub:some/body+int8"])
def test_a_folder_or_repository_that_a_catalog_names_is_not_loaded(tmp_path: Path, name: str) -> None:
    with (
        Library.open(library_of_another(tmp_path / "l.recall", name)) as library,
        pytest.raises(EncoderError, match=r"names the encoder .* add --trust-encoder"),
    ):
        library.search("a cat")


def test_trusting_once_is_enough_and_what_loads_is_still_compared(tmp_path: Path) -> None:
    name = save_model(tmp_path / "model")
    folder = library_of_another(tmp_path / "l.recall", name)
    with Library.open(folder, trust_encoder=True) as library, pytest.raises(EncoderError, match="has changed since"):
        library.search("a cat")  # loaded, and its fingerprint is not that of the catalog
    with Library.open(folder) as library, pytest.raises(EncoderError, match="has changed since"):
        library.search("a cat")


def test_an_encoder_that_you_chose_is_used_without_being_asked_for_again(tmp_path: Path) -> None:
    name = save_model(tmp_path / "model")
    (tmp_path / "note.txt").write_text("a cat on a wall")
    with Library.open(tmp_path / "l.recall", encoder=name) as library:
        library.sync(tmp_path / "note.txt")
    with Library.open(tmp_path / "l.recall") as library:
        assert len(library.search("a cat", threshold=0)) == 1
    shutil.rmtree(tmp_path / "data")
    with Library.open(tmp_path / "l.recall") as library, pytest.raises(EncoderError, match="trust-encoder"):
        library.search("a cat")


def test_the_file_of_trusted_encoders_is_for_the_owner_and_damage_means_no_trust(tmp_path: Path) -> None:
    name = save_model(tmp_path / "model")
    folder = library_of_another(tmp_path / "l.recall", name)
    with Library.open(folder, trust_encoder=True) as library, pytest.raises(EncoderError, match="has changed since"):
        library.search("a cat")
    file = tmp_path / "data" / "recall" / "trusted-encoders.json"
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("[" * 100_000)
    with Library.open(folder) as library, pytest.raises(EncoderError, match="trust-encoder"):
        library.search("a cat")


def test_the_command_line_asks_and_the_option_answers(tmp_path: Path, recall_program: Program) -> None:
    folder = library_of_another(tmp_path / "l.recall", save_model(tmp_path / "model"))
    refused = recall_program("search", "a cat", "--library", folder)
    assert refused.returncode == 2
    assert "add --trust-encoder" in refused.stderr
    loaded = recall_program("search", "a cat", "--library", folder, "--trust-encoder")
    assert "has changed since" in loaded.stderr
