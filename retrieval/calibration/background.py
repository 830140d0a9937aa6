"""The background: prompts that no query is about, and their vectors under an encoder."""

from __future__ import annotations

import hashlib
import logging
import os
from functools import cache
from pathlib import Path

import numpy as np

from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.encoders.export_store import cache_folder
from indexer.types import Vectors

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent


@cache
def prompts() -> tuple[str, ...]:
    """Return the background prompts, in the order of their file, one a line."""
    return tuple((HERE / "background.txt").read_text(encoding="utf-8").split("\n")[:-1])


def background(encoder: Encoder) -> Vectors:
    """Return the prompts' vectors, shape (b, d), unit length; encoded once for each encoder and then kept.

    For `compact` they come with the package, for others they are kept in the cache folder; one that cannot be written
    costs the encoding each time that a library is opened.
    """
    if isinstance(encoder, AdaptedEncoder):
        return encoder.adapter.adapt_texts(background(encoder.base_encoder))
    name = file_name(encoder.fingerprint)
    for folder in (HERE, cache_folder()):
        found = _read(folder / name, encoder.dim)
        if found is not None:
            return found
    vectors = encoder.encode_texts(list(prompts()))
    try:
        write(cache_folder() / name, vectors)
    except OSError as error:
        logger.info("the background prompts are encoded anew next time, their vectors cannot be kept: %s", error)
    return vectors


def file_name(fingerprint: str) -> str:
    """Return the name of the file with an encoder's vectors; other prompts or another encoder give another name."""
    written = hashlib.sha256("\n".join(prompts()).encode()).hexdigest()
    return f"background-{fingerprint[:16]}-{written[:16]}.npy"


def write(file: Path, vectors: Vectors) -> None:
    """Keep vectors in a file as float16, whole or not at all.

    Raises:
        OSError: The folder cannot be made or written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            np.save(stream, vectors.astype(np.float16))
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _read(file: Path, dim: int) -> Vectors | None:
    """Return the vectors of a file, None where it is missing or damaged."""
    try:
        held = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if held.shape != (len(prompts()), dim) or held.dtype != np.float16 or not np.isfinite(held).all():
        return None
    return to_unit_length(held)
