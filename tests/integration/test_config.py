"""Settings: the order of precedence, and the messages for wrong values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from indexer.config import Settings
from indexer.errors import ConfigError

ENTRIES = "encoder = 'compact'\nworkers = 3\ntimeout = 2.5\nlibrary = '/photos/file.recall'\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def load(file: Path, environ: dict[str, str] | None = None, **arguments: object) -> Settings:
    return Settings.load(environ={"RECALL_CONFIG": str(file), **(environ or {})}, **arguments)


def test_settings_without_any_origin_are_the_defaults(file: Path) -> None:
    settings = load(file)
    assert settings == Settings(
        library=settings.library,
        encoder=None,
        device="auto",
        batch_size=None,
        workers=None,
        max_pixels=200_000_000,
        max_bytes=536_870_912,  # 512 MiB
        timeout=60.0,
    )
    assert isinstance(settings.library, Path)
    assert settings.library.name == "photos.recall"
    assert settings.library.is_absolute()  # in the user's data folder


def test_the_file_overrides_the_defaults(file: Path) -> None:
    file.write_text(ENTRIES)
    settings = load(file)
    assert (settings.encoder, settings.workers, settings.timeout) == ("compact", 3, 2.5)
    assert settings.library == Path("/photos/file.recall")
    assert settings.device == "auto"


def test_a_variable_overrides_the_file(file: Path) -> None:
    file.write_text(ENTRIES)
    settings = load(file, {"RECALL_WORKERS": "5", "RECALL_LIBRARY": "/photos/variable.recall"})
    assert (settings.workers, settings.library) == (5, Path("/photos/variable.recall"))
    assert settings.timeout == 2.5  # still from the file


def test_an_argument_overrides_a_variable(file: Path) -> None:
    file.write_text(ENTRIES)
    settings = load(file, {"RECALL_WORKERS": "5", "RECALL_TIMEOUT": "7"}, workers=6, library=Path("/a.recall"))
    assert (settings.workers, settings.timeout, settings.library) == (6, 7.0, Path("/a.recall"))


def test_an_empty_variable_and_a_none_argument_count_as_not_set(file: Path) -> None:
    file.write_text(ENTRIES)
    assert load(file, {"RECALL_WORKERS": ""}, workers=None).workers == 3


def test_the_process_environment_is_read_by_default(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECALL_CONFIG", str(file))
    monkeypatch.setenv("RECALL_DEVICE", "cpu")
    assert Settings.load().device == "cpu"


def test_the_file_is_in_the_users_configuration_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "recall").mkdir()
    (tmp_path / "recall" / "config.toml").write_text("workers = 4")
    assert Settings.load(environ={}).workers == 4


def test_a_tilde_in_the_library_path_is_the_home_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert load(file, {"RECALL_LIBRARY": "~/a.recall"}).library == Path("/home/somebody/a.recall")


def test_numbers_written_as_text_are_accepted_from_every_origin(file: Path) -> None:
    file.write_text("max_pixels = '1000'")
    settings = load(file, {"RECALL_MAX_BYTES": "2000"}, timeout="0.5")
    assert (settings.max_pixels, settings.max_bytes, settings.timeout) == (1000, 2000, 0.5)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("workers", "many", "is 'many'; expected a whole number"),
        ("workers", "2.5", "is '2.5'; expected a whole number"),
        ("workers", "-1", "is -1; expected a number from 0"),
        ("threads", "0", "is 0; expected a number above 0"),
        ("batch_size", "-1", "is -1; expected a number above 0"),
        ("max_pixels", "1e6", "is '1e6'; expected a whole number"),
        ("timeout", "soon", "is 'soon'; expected a number"),
        ("timeout", "inf", "is inf; expected a number above 0"),
        ("timeout", "nan", "is nan; expected a number above 0"),
    ],
)
def test_a_wrong_value_is_refused_with_its_origin(file: Path, name: str, value: str, expected: str) -> None:
    variable = f"RECALL_{name.upper()}"
    with pytest.raises(ConfigError, match=re.escape(f"{variable} {expected}")):
        load(file, {variable: value})
    with pytest.raises(ConfigError, match=re.escape(f"{name} {expected}")):
        Settings.load(environ={"RECALL_CONFIG": str(file)}, **{name: value})
    file.write_text(f'{name} = "{value}"')
    with pytest.raises(ConfigError, match=re.escape(f"{name} in {file} {expected}")):
        load(file)


def test_a_wrong_value_that_is_overridden_is_ignored(file: Path) -> None:
    file.write_text("workers = 'many'")
    assert load(file, workers=2).workers == 2


def test_an_unknown_key_is_refused_with_the_list_of_settings(file: Path) -> None:
    file.write_text("worker = 3\ncolour = 'red'")
    with pytest.raises(
        ConfigError,
        match=re.escape(
            f"{file} has unknown settings: colour, worker; expected library, encoder, device, batch_size, workers, "
            "threads, max_pixels, max_bytes, timeout"
        ),
    ):
        load(file)


@pytest.mark.parametrize("content", [b"workers = ", b"workers = 1\nworkers = 2", b"\xff\xfe", b"encoder: compact"])
def test_a_file_that_is_not_toml_is_refused_with_its_path(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=re.escape(f"the settings file {file} cannot be read (")):
        load(file)


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be read .*; correct it or delete it"):
        load(tmp_path)


def test_a_missing_file_is_not_an_error(file: Path) -> None:
    assert load(file).device == "auto"
