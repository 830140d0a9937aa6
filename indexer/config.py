"""Settings, in order of precedence: argument or command-line option, environment variable, settings file, default.

What is far below the library, such as the cache of exported encoders, reads the settings of the call in progress.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from pathlib import Path

from indexer.database_url import DatabaseUrl, is_database_url
from indexer.errors import ConfigError

DEFAULT_ENCODER = "compact"

DEFAULT_WAIT = 30.0
"""Seconds that a write waits for another writer."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a user can set; made by `Settings.load`.

    Attributes:
        library: The library: its folder `NAME.recall`, or the URL of a database server that keeps it.
        encoder: Name of the encoder for a new library; None means "compact". An existing library keeps its own.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per encoder call; None uses what suits the device.
        workers: Decoder processes; 0 decodes in threads of the program itself. None uses one process per processor, and
            threads in a frozen app.
        threads: Threads of an encoder on the CPU; None uses one per processor.
        max_pixels: Pictures with more pixels are refused.
        max_bytes: Files with more bytes are refused.
        timeout: Seconds after which decoding of one picture is aborted.
        wait: Seconds that a write waits for another writer, 0 for none.
        trust_encoder: Whether an encoder that only the library names, and the user never did, may be loaded.
        cache: Folder of exported encoders, and of what this machine keeps of libraries on servers; None uses `recall`
            in the user's cache folder.
        config: Whether the settings file, environment variables and the list of encoders that the user trusts are
            read. Only an argument can set it.
    """

    library: Path | DatabaseUrl
    encoder: str | None = None
    device: str = "auto"
    batch_size: int | None = None
    workers: int | None = None
    threads: int | None = None
    max_pixels: int = 200_000_000
    max_bytes: int = 512 * 1024 * 1024
    timeout: float = 60.0
    wait: float = DEFAULT_WAIT
    trust_encoder: bool = False
    cache: Path | None = None
    config: bool = field(default=True, metadata={"is_argument": True})

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
        """Return the settings; for each, the first of these that has it: argument, variable, settings file, default.

        Args:
            environ: Environment with the RECALL_… variables; None reads that of the process. Empty variables count as
                not set.
            **arguments: Fields of Settings; None counts as not set. `config=False` reads no variable and no file.

        Raises:
            ConfigError: The settings file cannot be read, or a value has the wrong type.
        """
        config = bool(arguments.pop("config", True))
        environ = (os.environ if environ is None else environ) if config else {}
        names = [entry.name for entry in fields(cls) if not entry.metadata]
        unknown = sorted(set(arguments) - set(names))
        if unknown:
            raise TypeError(f"Settings has no {', '.join(unknown)}; it has {', '.join(names)}")
        values: dict[str, tuple[object, str]] = {}
        if config:
            file = _settings_file(environ)
            values = {name: (value, f"{name} in {file}") for name, value in _read_file(file, names).items()}
        for name in names:
            variable = f"RECALL_{name.upper()}"
            if environ.get(variable):
                values[name] = (environ[variable], variable)
            if arguments.get(name) is not None:
                values[name] = (arguments[name], name)
        settings = {name: _convert(name, value, origin) for name, (value, origin) in values.items()}
        settings.setdefault("library", _default_library())
        _check_frozen(settings.get("workers"))
        return cls(config=config, **settings)  # type: ignore[arg-type]  # _convert gives each field its type

    @property
    def decoders(self) -> int:
        """Number of decoder processes; 0 decodes in threads of this process."""
        if self.workers is None:
            return 0 if is_frozen() else cpu_count()
        return self.workers

    @contextmanager
    def active(self) -> Iterator[None]:
        """Make these the settings that `active_settings` returns within the block, in this thread."""
        token = _ACTIVE.set(self)
        try:
            yield
        finally:
            _ACTIVE.reset(token)


_ACTIVE: ContextVar[Settings | None] = ContextVar("settings", default=None)


def active_settings() -> Settings | None:
    """Return the settings of the library whose call is in progress in this thread; None outside of one."""
    return _ACTIVE.get()


def is_frozen() -> bool:
    """Return whether this program is an executable of its own, by PyInstaller or the like: it starts no interpreter."""
    return bool(getattr(sys, "frozen", False))


def _check_frozen(workers: object) -> None:
    if workers and is_frozen():
        raise ConfigError(
            f"workers is {workers}, but a frozen app has no Python interpreter to start processes with; use workers=0, "
            "which decodes in threads"
        )


def _default_library() -> Path:
    from platformdirs import user_data_path  # late: needed only if no library is named

    return user_data_path("recall", appauthor=False) / "photos.recall"


def _settings_file(environ: Mapping[str, str]) -> Path:
    if environ.get("RECALL_CONFIG"):
        return Path(environ["RECALL_CONFIG"])
    from platformdirs import user_config_path  # late, as above

    return user_config_path("recall", appauthor=False) / "config.toml"


def _read_file(path: Path, names: list[str]) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"the settings file {path} cannot be read ({reason}); correct it or delete it") from error
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise ConfigError(f"{path} has unknown settings: {', '.join(unknown)}; expected {', '.join(names)}")
    return content


def _convert(name: str, value: object, origin: str) -> object:
    """Return `value` as the type of field `name`; `origin` says in messages where the value is from."""
    if name == "library":
        return library_place(value)
    if name == "cache":
        return Path(os.fspath(value) if isinstance(value, os.PathLike) else str(value)).expanduser()
    if name in ("encoder", "device"):
        return str(value)
    if name == "trust_encoder":
        return _convert_switch(str(value), origin)
    number_type = float if name in ("timeout", "wait") else int
    try:
        number = number_type(str(value))
    except ValueError:
        expected = "number" if number_type is float else "whole number"
        raise ConfigError(f"{origin} is {value!r}; expected a {expected}") from None
    if name in ("wait", "workers") and number == 0:
        return number
    if not 0 < number < float("inf"):
        least = "from 0" if name in ("wait", "workers") else "above 0"
        raise ConfigError(f"{origin} is {value}; expected a number {least}")
    return number


def library_place(value: object) -> Path | DatabaseUrl:
    """Return the library that a text, a path or a URL names.

    Raises:
        ConfigError: It is a URL that names no library, has a password, or was made a `Path`.
    """
    if isinstance(value, DatabaseUrl):
        return value
    text = os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    if is_database_url(text):
        return DatabaseUrl.parse(text)
    if text.startswith("postgresql:"):  # a Path has one slash of the two
        raise ConfigError("the library's URL was given as a Path, or lacks a slash; give postgresql://… as text")
    return Path(text).expanduser()


def _convert_switch(value: str, origin: str) -> bool:
    if value.lower() in ("1", "true", "yes", "on"):
        return True
    if value.lower() in ("0", "false", "no", "off"):
        return False
    raise ConfigError(f"{origin} is {value!r}; expected true or false")


def cache_base() -> Path:
    """Return the folder of caches: that of the settings, else RECALL_CACHE or the user's folder for caches."""
    settings = active_settings()
    base = str(settings.cache) if settings and settings.cache else ""
    if not base and (settings is None or settings.config):
        base = os.environ.get("RECALL_CACHE", "")
    if not base:
        from platformdirs import user_cache_path  # late: tests and services set the variable

        base = str(user_cache_path("recall", appauthor=False))
    return Path(base).absolute()


def cpu_count() -> int:
    """Return the number of processors that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows; respects taskset and the CPU sets of containers
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
