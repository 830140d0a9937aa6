"""Settings and where they come from: argument > option > environment > file > default."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from indexer.errors import ConfigError

DEFAULT_ENCODER = "compact"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a user may set; `Settings.load` fills it.

    Attributes:
        library: Folder of the library, `NAME.recall`.
        encoder: Name of the encoder of a new library; None takes the library's own, or "compact".
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per call of the encoder; None lets the encoder choose for its device.
        workers: Decoder processes; None takes one per processor.
        max_pixels: Pictures with more pixels are refused.
        max_bytes: Files with more bytes are refused.
        timeout: Seconds after which decoding one picture is given up.
    """

    library: Path
    encoder: str | None = None
    device: str = "auto"
    batch_size: int | None = None
    workers: int | None = None
    max_pixels: int = 200_000_000
    max_bytes: int = 512 * 1024 * 1024
    timeout: float = 60.0

    @classmethod
    def load(cls, *, environ: Mapping[str, str] | None = None, **arguments: object) -> Settings:
        """Return settings: the arguments that are not None, else RECALL_… variables, else the file, else defaults.

        Args:
            environ: Environment to read; None reads the process's own.
            **arguments: Fields of Settings.

        Raises:
            ConfigError: The file cannot be read, or a value is not of its kind.
        """
        environ = os.environ if environ is None else environ
        names = [field.name for field in fields(cls)]
        unknown = sorted(set(arguments) - set(names))
        if unknown:
            raise TypeError(f"Settings has no {', '.join(unknown)}; it has {', '.join(names)}")
        origin = _config_file(environ)
        values = {name: (value, f"{name} in {origin}") for name, value in _read_file(origin, names).items()}
        for name in names:
            variable = f"RECALL_{name.upper()}"
            if environ.get(variable):
                values[name] = (environ[variable], variable)
            if arguments.get(name) is not None:
                values[name] = (arguments[name], name)
        settings = {name: _converted(name, value, where) for name, (value, where) in values.items()}
        settings.setdefault("library", _default_library())
        return cls(**settings)  # type: ignore[arg-type]  # _converted gives each field its type


def _default_library() -> Path:
    from platformdirs import user_data_path  # late: most calls name their library

    return user_data_path("recall", appauthor=False) / "photos.recall"


def _config_file(environ: Mapping[str, str]) -> Path:
    if environ.get("RECALL_CONFIG"):
        return Path(environ["RECALL_CONFIG"])
    from platformdirs import user_config_path  # late, see above

    return user_config_path("recall", appauthor=False) / "config.toml"


def _read_file(path: Path, names: list[str]) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"the settings file {path} cannot be read ({error}); correct it or delete it") from error
    unknown = sorted(set(content) - set(names))
    if unknown:
        raise ConfigError(f"{path} sets {', '.join(unknown)}, which Recall does not know; it knows {', '.join(names)}")
    return content


def _converted(name: str, value: object, where: str) -> object:
    """Return `value` as the type of field `name`; `where` names its origin in errors."""
    if name == "library":
        return Path(str(value)).expanduser()
    if name in ("encoder", "device"):
        return str(value)
    kind = float if name == "timeout" else int
    try:
        number = kind(str(value))
    except ValueError:
        raise ConfigError(f"{where} is {value!r}; expected a {'number' if kind is float else 'whole number'}") from None
    if not 0 < number < float("inf"):
        raise ConfigError(f"{where} is {value}; expected a number above 0")
    return number


def cpu_count() -> int:
    """Return how many processors this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows; taskset and containers narrow it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
