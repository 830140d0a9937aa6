"""The background: prompts about everyday things, and their vectors under an encoder."""

from __future__ import annotations

import hashlib
import io
import logging
from functools import cache
from pathlib import Path

import numpy as np

from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.encoders.export_store import cache_folder
from indexer.private_files import install_part, part_file
from indexer.types import Vectors

logger = logging.getLogger(__name__)

PACKAGE_FOLDER = Path(__file__).parent

SHIPPED_SHA256 = "d1da8b60daa4ae81edd8842f8813aaf222ecc7e9246db6d5fb07f3d2da21a6a6"
"""Checksum of the file of vectors that ships; a damaged one is not used, and the prompts are encoded instead."""


@cache
def prompts() -> tuple[str, ...]:
    """Return the background prompts in the order of their file."""
    return tuple((PACKAGE_FOLDER / "background.txt").read_text(encoding="utf-8").split("\n")[:-1])


def background_vectors(encoder: Encoder) -> Vectors:
    """Return the vectors of the prompts, shape (b, d), unit length.

    For `compact` they ship with the package. For other encoders they are encoded once and stored in the cache folder;
    if that cannot be written, each open library encodes them again.
    """
    if isinstance(encoder, AdaptedEncoder):
        return encoder.adapter.adapt_texts(background_vectors(encoder.base_encoder))
    name = vectors_file_name(encoder.fingerprint)
    for folder in (PACKAGE_FOLDER, cache_folder()):
        stored = _read_vectors(folder / name, encoder.dim)
        if stored is not None:
            return stored
    vectors = encoder.encode_texts(list(prompts()))
    try:
        write_vectors(cache_folder() / name, vectors)
    except OSError as error:
        logger.info("the vectors of the background prompts cannot be cached and are encoded each time: %s", error)
    return vectors


def vectors_file_name(fingerprint: str) -> str:
    """Return the name of the file with an encoder's vectors; it depends on the encoder and on the prompts."""
    prompts_hash = hashlib.sha256("\n".join(prompts()).encode()).hexdigest()
    return f"background-{fingerprint[:16]}-{prompts_hash[:16]}.npy"


def write_vectors(file: Path, vectors: Vectors) -> None:
    """Write vectors to a file as float16, completely or not at all.

    Raises:
        OSError: The folder cannot be made or written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with part_file(file) as part:
        with part.open("wb") as stream:
            np.save(stream, vectors.astype(np.float16))
        install_part(part, file)


def _read_vectors(file: Path, dim: int) -> Vectors | None:
    """Return the vectors in a file; None if it is missing or damaged."""
    try:
        content = file.read_bytes()
        if file.parent == PACKAGE_FOLDER and hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
            return None
        vectors = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if vectors.shape != (len(prompts()), dim) or vectors.dtype != np.float16 or not np.isfinite(vectors).all():
        return None
    return to_unit_length(vectors)
