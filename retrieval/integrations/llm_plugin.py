"""The encoders of this machine as embedding models of the program `llm` (https://llm.datasette.io).

`llm` imports this module by its entry point at every start, and asks for the models when a command needs one. Encoders
are loaded when something is embedded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Protocol

import click
import llm
from llm.models import EmbeddingModel

if TYPE_CHECKING:
    from indexer.encoders.full_encoder import FullEncoder
    from indexer.types import Vectors


class Register(Protocol):
    """What `llm` gives to `register_embedding_models`."""

    def __call__(self, model: EmbeddingModel, aliases: Sequence[str] = ()) -> None:
        """Add a model."""


class EmbeddingError(click.ClickException):
    """Raised when something cannot be embedded; `llm` prints its message in one line."""


class RecallModel(EmbeddingModel):
    """An encoder for texts and for the bytes of pictures, which are vectors of one space."""

    supports_text = True
    supports_binary = True
    batch_size = 32

    def __init__(self, encoder: str) -> None:
        """Describe an encoder without loading it.

        Args:
            encoder: Its name for `load_encoder`.
        """
        self.model_id = f"recall/{encoder}"
        self._encoder = encoder

    def embed_batch(self, items: Iterable[str | bytes], *, key: str | None = None) -> Iterator[list[float]]:
        """Yield the unit vector of each text or picture.

        Raises:
            EmbeddingError: A picture cannot be decoded, or the encoder cannot be used.
        """
        from indexer.errors import RecallError  # late: this module is imported whenever llm starts

        batch = list(items)
        try:
            yield from _vectors(_load(self._encoder), batch).tolist()
        except RecallError as error:
            raise EmbeddingError(str(error)) from error


@llm.hookimpl
def register_embedding_models(register: Register) -> None:
    """Register the encoders that need no download: compact, those that were exported, and those of packages."""
    for name in _encoders():
        aliases = [f"recall-{alias}" for alias in _short_names(name)]
        register(RecallModel(name), aliases=aliases)


def _vectors(encoder: FullEncoder, batch: Sequence[str | bytes]) -> Vectors:
    """Return the vectors of texts and pictures, shape (n, d); an error tells the picture by its size."""
    from indexer.errors import PictureError  # late, as above

    try:
        return encoder.encode(batch)
    except PictureError as error:
        if len(batch) == 1:
            raise EmbeddingError(f"the picture cannot be embedded: {_reason(error)}") from error
        for item in batch:
            try:
                encoder.encode(item)
            except PictureError as cause:
                raise EmbeddingError(
                    f"a picture of {len(item):,} bytes cannot be embedded: {_reason(cause)}; leave its file out"
                ) from cause
        raise


def _reason(error: Exception) -> str:
    """Return why a picture cannot be decoded, without its name."""
    return str(error.__cause__ or error)


def _encoders() -> list[str]:
    """Return the names of the encoders of this machine, compact first."""
    from indexer.encoders.export_store import exported_names  # late, as above
    from indexer.plugins import ENCODERS, plugins

    packages = [name for name, entry in plugins(ENCODERS).items() if not entry.value.startswith("indexer.")]
    return list(dict.fromkeys(["compact", *exported_names(), *packages]))


def _short_names(name: str) -> list[str]:
    """Return the names for people that an encoder has besides its id."""
    from indexer.encoders.names import split_precision  # late, as above
    from indexer.encoders.recommended import RECOMMENDED

    plain, precision = split_precision(name)
    ending = "" if precision == "float32" else f"-{precision}"
    aliases = [encoder.alias for encoder in RECOMMENDED if encoder.name == plain]
    if not aliases and not {"/", ":"} & {*plain}:
        aliases = [plain]
    return [f"{alias}{ending}" for alias in aliases]


@cache
def _load(name: str) -> FullEncoder:
    """Return an encoder, loaded once per process."""
    from indexer.encoders import load_encoder  # late, as above

    return load_encoder(name)
