"""Control sets as embeddings: the one that ships, one of a library's photos, and one of captioned photos."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.encoders.adapter import AdaptedEncoder, Adapter
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import EvaluationError, PictureError, TuningError
from indexer.images import read_photo
from indexer.types import Ids, Vectors
from retrieval.calibration.background import background_vectors
from retrieval.evaluation.caption_retrieval import rank_both_ways
from retrieval.evaluation.datasets import read_captions

HERE = Path(__file__).parent

SHIPPED_SHA256 = "18bc0f163a3d88c13d6e8c80e81566b8acd4be2df1d096178958571a4c6c044c"
"""Checksum of the file of class means that ships."""

MIN_PHOTOS = 50
"""Photos in a control set, at least: among fewer, the right one is among the first five too often."""

NOISE = 2.0
"""Length of the noise that is added to the mean of each class, which has length 1.

On the means themselves `compact` finds every class, and an adapter that cost Flickr8k 4.3 points of R@5 cost them none.
Of 2, 3 and 4, tried with six random adapters, 2 is nearest to Flickr8k when it loses a point; for larger losses it
loses more than Flickr8k.
"""

_BATCH = 256  # texts per call of the encoder


@dataclass(frozen=True, slots=True, eq=False)
class ControlSet:
    """Texts, and photos with the photo that each text describes, embedded without an adapter.

    Attributes:
        texts: Shape (t, d), unit length.
        photos: Shape (n, d), unit length.
        owners: The photo that each text describes, shape (t,).
        name: Its name, for people.
    """

    texts: Vectors
    photos: Vectors
    owners: Ids
    name: str

    def recall_at_5(self, adapter: Adapter | None = None, /) -> float:
        """Return the percentage of texts whose photo is among the first five, with an adapter or without."""
        texts, photos = self.texts, self.photos
        if adapter is not None:
            texts, photos = adapter.adapt_texts(texts), adapter.adapt_photos(photos)
        order = np.argsort(self.owners, kind="stable")
        forward, _ = rank_both_ways(texts[order], photos, self.owners[order])
        return float(100 * np.mean(forward.ranks < 5))


def shipped_control_set(encoder: Encoder) -> ControlSet | None:
    """Return the control set that ships for an encoder, or None if none does: classes of photos and their names.

    Each photo is the mean of its class's photo embeddings, with noise added (see `NOISE`).

    Raises:
        TuningError: Its file is damaged.
    """
    plain = _without_adapter(encoder)
    names, file = HERE / "classes.txt", HERE / file_name(plain.fingerprint)
    if not file.exists():
        return None
    captions = names.read_text(encoding="utf-8").split("\n")[:-1]
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != SHIPPED_SHA256:
        raise TuningError(f"the control set that came with Recall is damaged: {file}; install Recall again")
    means = to_unit_length(np.load(io.BytesIO(content), allow_pickle=False))
    noise = np.random.default_rng(0).standard_normal(means.shape) / np.sqrt(encoder.dim)
    photos = to_unit_length((means + NOISE * noise).astype(np.float32))
    return ControlSet(
        _encode_texts(captions, plain), photos, np.arange(len(photos)), f"{len(photos)} classes of photos"
    )


def library_control_set(encoder: Encoder, photos: Vectors) -> ControlSet:
    """Return a control set of a library: fixed prompts, each with its nearest photo under the plain encoder.

    It measures change, not quality: without an adapter its R@5 is 100.

    Args:
        encoder: The encoder of the photos.
        photos: Photos that nobody judged, shape (n, d), unit length.

    Raises:
        TuningError: There are fewer than `MIN_PHOTOS` photos.
    """
    if len(photos) < MIN_PHOTOS:
        raise TuningError(
            f"{len(photos)} photos of the library have no judgement; the control set needs {MIN_PHOTOS}: index more "
            "photos, or name a table of captioned photos with --control-set"
        )
    texts = background_vectors(_without_adapter(encoder))
    owners: Ids = np.argmax(texts @ photos.T, axis=1).astype(np.int64)
    return ControlSet(texts, photos, owners, f"{len(texts)} prompts on {len(photos)} photos of the library")


def caption_control_set(path: Path, encoder: Encoder, split: str | None = None) -> ControlSet:
    """Return a control set of a table of captioned photos; photos that cannot be read are left out.

    Args:
        path: The table, as for `read_captions`.
        encoder: The encoder; its adapter, if it has one, is not applied.
        split: A part of the table; None reads all of it.

    Raises:
        EvaluationError: The table cannot be used, or none of its photos can be read.
    """
    plain = _without_adapter(encoder)
    vectors: list[Vectors] = []
    captions: list[str] = []
    owners: list[int] = []
    for picture in read_captions(path, split):
        try:
            pixels = read_photo(picture.path, preprocess=plain.preprocess).pixels
        except PictureError:
            continue
        owners += [len(vectors)] * len(picture.captions)
        captions += picture.captions
        vectors.append(plain.encode_images(pixels[None]))
    if not vectors:
        raise EvaluationError(
            f"none of the photos of {path} can be read; expected them in the folder images/ next to the table"
        )
    texts = _encode_texts(captions, plain)
    return ControlSet(texts, np.concatenate(vectors), np.array(owners, dtype=np.int64), path.name)


def file_name(fingerprint: str) -> str:
    """Return the name of the file with the class means of an encoder."""
    return f"classes-{fingerprint[:16]}.npy"


def _without_adapter(encoder: Encoder) -> Encoder:
    return encoder.base_encoder if isinstance(encoder, AdaptedEncoder) else encoder


def _encode_texts(texts: list[str], encoder: Encoder) -> Vectors:
    """Return one vector per text, shape (t, d)."""
    starts = range(0, len(texts), _BATCH)
    return np.concatenate([encoder.encode_texts(texts[start : start + _BATCH]) for start in starts])
