"""Encoders of installed packages: the entry points of the group `recall.encoders`.

A package declares `NAME = "module:factory"`. The encoder is then called NAME, or NAME:MODEL if the factory takes a
model. The factory is called as `factory(model, device=…, batch_size=…)`, with `model` empty for NAME alone; it returns
an `Encoder` whose `name` is the name that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from indexer.errors import EncoderError, RecallError
from indexer.plugins import ENCODERS, load_function, origin, plugins, reason

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from indexer.encoders.full_encoder import FullEncoder


def plugin_of(name: str) -> EntryPoint | None:
    """Return the entry point that provides an encoder; None if no installed package does.

    Args:
        name: The encoder without its precision: the entry point's name, or that and a model after a colon.
    """
    entries = plugins(ENCODERS)
    return entries.get(name) or entries.get(name.partition(":")[0])


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

    factory = load_function(entry, EncoderError)
    model = "" if name == entry.name else name.removeprefix(f"{entry.name}:")
    try:
        encoder = factory(model, device=device, batch_size=batch_size)
    except RecallError:
        raise
    except Exception as error:  # so may calling it
        raise EncoderError(f"encoder {name!r}: {origin(entry)} failed ({reason(error)})") from error
    if not isinstance(encoder, Encoder):
        raise EncoderError(f"{origin(entry)} returned a {type(encoder).__name__}; expected an Encoder")
    if encoder.name != name:
        raise EncoderError(f"{origin(entry)} returned an encoder called {encoder.name!r}; expected {name!r}")
    return full_encoder(encoder)
