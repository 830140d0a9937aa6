"""Encoders of installed packages: the entry points of the group `recall.encoders`.

A package declares `NAME = "module:factory"`. The encoder is then called NAME, or NAME:MODEL if the factory takes a
model. The factory is called as `factory(model, device=…, batch_size=…)`, with `model` empty for NAME alone; it returns
an `Encoder` whose `name` is the name that was asked for. Installing a package is what makes its code trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from indexer.errors import EncoderError, RecallError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from indexer.encoders.full_encoder import FullEncoder

GROUP = "recall.encoders"


def plugins() -> Iterator[EntryPoint]:
    """Yield the entry points of installed packages, by name; of two with one name, the one that is used."""
    from importlib.metadata import entry_points  # late: it reads every installed package, and few names need it

    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry)
    yield from (found[name] for name in sorted(found))


def plugin_of(name: str) -> EntryPoint | None:
    """Return the entry point that provides an encoder; None if no installed package does.

    Args:
        name: The encoder without its precision: the entry point's name, or that and a model after a colon.
    """
    entries = {entry.name: entry for entry in plugins()}
    return entries.get(name) or entries.get(name.partition(":")[0])


def factory_of(entry: EntryPoint) -> Callable[..., Any]:
    """Return what an entry point refers to.

    Raises:
        EncoderError: It cannot be imported, or is no function or class.
    """
    try:
        factory = entry.load()
    except Exception as error:  # importing foreign code may raise anything
        raise EncoderError(f"{_origin(entry)} cannot be loaded ({_reason(error)}); reinstall or remove it") from error
    if not callable(factory):
        raise EncoderError(f"{_origin(entry)} is a {type(factory).__name__}; expected a function or class")
    result: Callable[..., Any] = factory
    return result


def load_plugin(entry: EntryPoint, name: str, *, device: str, batch_size: int | None) -> FullEncoder:
    """Return an encoder of an installed package.

    Args:
        entry: The entry point that provides it.
        name: The encoder.
        device: A device of `load_encoder` but "auto".
        batch_size: Pictures per call; None uses what suits the device.

    Raises:
        EncoderError: The package cannot be imported, or does not return this encoder.
    """
    from indexer.encoders.base import Encoder  # late, as the next: it loads numpy
    from indexer.encoders.full_encoder import full_encoder

    factory = factory_of(entry)
    model = "" if name == entry.name else name.removeprefix(f"{entry.name}:")
    try:
        encoder = factory(model, device=device, batch_size=batch_size)
    except RecallError:
        raise
    except Exception as error:  # so may calling it
        raise EncoderError(f"encoder {name!r}: {_origin(entry)} failed ({_reason(error)})") from error
    if not isinstance(encoder, Encoder):
        raise EncoderError(f"{_origin(entry)} returned a {type(encoder).__name__}; expected an Encoder")
    if encoder.name != name:
        raise EncoderError(f"{_origin(entry)} returned an encoder called {encoder.name!r}; expected {name!r}")
    return full_encoder(encoder)


def _origin(entry: EntryPoint) -> str:
    package = entry.dist.name if entry.dist else "an installed package"
    return f"the entry point {entry.name!r} of {package} ({entry.value})"


def _reason(error: Exception) -> str:
    lines = str(error).splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__
