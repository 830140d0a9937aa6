"""`Library.open(config=False)`: an app behaves alike whatever the user and the environment have set."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from indexer.config import Settings, active_settings
from indexer.encoders.export_store import cache_folder
from indexer.encoders.trust import check_trust, trust
from indexer.errors import EncoderError
from retrieval import ConfigError, Library
from tests.support.color_photos import paint
from tests.support.encoders import FakeEncoder

HOSTILE = {
    "RECALL_ENCODER": "nonsense/weights",
    "RECALL_DEVICE": "cuda:7",
    "RECALL_BATCH_SIZE": "many",
    "RECALL_WORKERS": "-3",
    "RECALL_THREADS": "0",
    "RECALL_MAX_PIXELS": "1",
    "RECALL_MAX_BYTES": "1",
    "RECALL_TIMEOUT": "soon",
    "RECALL_WAIT": "never",
    "RECALL_TRUST_ENCODER": "yes",
    "RECALL_CACHE": "/nowhere/at/all",
    "RECALL_LIBRARY": "/nowhere/else.recall",
}

PROGRAM = """
import json, sys
from retrieval import Library
with Library.open("app.recall", config=False) as library:
    report = library.sync("pictures")
    hits = library.search("a cat", k=1)
    settings = library._settings
    values = {name: getattr(settings, name) for name in settings.__slots__ if name != "library"}
    print(json.dumps([report.added, hits[0].path.name, library.encoder.name, values]))
"""


def test_without_config_neither_variables_nor_a_settings_file_count(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for name in ("chelsea.png", "coffee.png"):
        (photos / name).rename(tmp_path / "pictures" / name)
    file = tmp_path / "xdg" / "recall" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("this is no = settings file [")
    environment = {**os.environ, **HOSTILE, "XDG_CONFIG_HOME": str(file.parents[1]), "RECALL_CONFIG": str(file)}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.stderr == ""
    added, best, encoder, values = json.loads(run.stdout)
    assert (added, best, encoder) == (2, "chelsea.png", "compact")
    defaults = {field.name: field.default for field in fields(Settings) if field.name != "library"}
    assert values == {**defaults, "config": False}


def test_with_config_the_same_variables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in HOSTILE.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="RECALL_BATCH_SIZE is 'many'; expected a whole number"):
        Library.open(tmp_path / "app.recall")


def test_every_setting_is_an_argument_of_open() -> None:
    parameters = set(inspect.signature(Library.open).parameters)
    settings = {field.name for field in fields(Settings)} - {"library"}  # which is the path
    assert settings <= parameters


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": -1}, "workers is -1; expected a number from 0"),
        ({"workers": 1.5}, "workers is 1.5; expected a whole number"),
        ({"threads": 0}, "threads is 0; expected a number above 0"),
        ({"batch_size": 0}, "batch_size is 0; expected a number above 0"),
        ({"max_pixels": "many"}, "max_pixels is 'many'; expected a whole number"),
        ({"max_bytes": -5}, "max_bytes is -5; expected a number above 0"),
        ({"timeout": 0}, "timeout is 0; expected a number above 0"),
        ({"wait": -1}, "wait is -1; expected a number from 0"),
        ({"trust_encoder": "perhaps"}, "trust_encoder is 'perhaps'; expected true or false"),
    ],
)
def test_an_argument_that_cannot_be_used_is_refused_before_a_library_is_made(
    tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    for config in (True, False):
        with pytest.raises(ConfigError) as caught:
            Library.open(tmp_path / "app.recall", config=config, **arguments)
        assert str(caught.value) == message
    assert not (tmp_path / "app.recall").exists()


def test_the_limits_given_to_open_decide_which_pictures_are_read(tmp_path: Path, folder: Path) -> None:
    paint(folder / "red.png", "red")
    with Library.open(tmp_path / "app.recall", encoder=FakeEncoder(), config=False, max_pixels=10) as library:
        with pytest.raises(Exception, match="are over the limit of 1e-05 million"):
            library.sync(folder)
        assert [failure.kind for failure in library.failures()] == ["too-large"]
    with Library.open(tmp_path / "app.recall", encoder=FakeEncoder(), config=False, max_bytes=10) as library:
        with pytest.raises(Exception, match="no picture"):
            library.sync(folder)
        assert [failure.kind for failure in library.failures()] == ["too-large"]


def test_the_cache_is_the_arguments_and_without_config_not_that_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "variable"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "system"))
    with Settings.load(config=False, library=tmp_path).active():
        assert cache_folder().parent == tmp_path / "system" / "recall"
    with Settings.load(config=False, library=tmp_path, cache=tmp_path / "argument").active():
        assert cache_folder().parent == tmp_path / "argument"
    with Settings.load(library=tmp_path).active():
        assert cache_folder().parent == tmp_path / "variable"
    assert cache_folder().parent == tmp_path / "variable"
    assert active_settings() is None


def test_an_exported_encoder_is_stored_in_the_cache_of_the_argument(
    small_model: str, tmp_path: Path, folder: Path
) -> None:
    paint(folder / "red.png", "red")
    cache = tmp_path / "own cache"
    with Library.open(tmp_path / "app.recall", encoder=small_model, config=False, cache=cache, workers=0) as library:
        library.sync(folder)
        assert len(library.search("red", k=1)) == 1
    assert list(cache.glob("encoders-*/*.json"))


def test_without_config_the_encoders_that_the_user_trusts_are_neither_read_nor_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    trust("local-dir:/models/mine")
    file = tmp_path / "recall" / "trusted-encoders.json"
    before = file.read_text()
    check_trust("local-dir:/models/mine", is_trusted=False)
    with Settings.load(config=False, library=tmp_path).active():
        with pytest.raises(EncoderError, match="never used by you on this machine"):
            check_trust("local-dir:/models/mine", is_trusted=False)
        check_trust("local-dir:/models/another", is_trusted=True)
    assert file.read_text() == before


def test_the_encoder_computes_in_as_many_threads_as_open_says(tmp_path: Path, photos: Path) -> None:
    with Library.open(tmp_path / "app.recall", config=False, threads=1) as library:
        library.sync(photos / "chelsea.png")
        assert library.encoder._threads == 1  # type: ignore[attr-defined]
