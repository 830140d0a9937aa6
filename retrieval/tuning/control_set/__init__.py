"""The control set: searches that nobody judged, whose answers are known, and which learning must leave alone."""

from __future__ import annotations

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

SMALLEST = 50
"""Photos in a control set: among fewer the right one is among the first five too often."""

BLUR = 2.0
"""Length of the noise that is put on each class, against a mean of length 1.

On the means themselves `compact` finds every class, and an adapter that cost Flickr8k 4.3 points of R@5 cost them none.
Of 2, 3 and 4, tried with six random adapters, 2 is nearest to Flickr8k where a point is lost; beyond it loses more.
"""

_BATCH = 256  # texts per call of the encoder


@dataclass(frozen=True, slots=True, eq=False)
class ControlSet:
    """Texts and the photos that they mean, under an encoder without an adapter.

    Attributes:
        texts: Shape (t, d), unit length.
        photos: Shape (n, d), unit length.
        owners: The photo that each text means, shape (t,).
        name: What it is, for people.
    """

    texts: Vectors
    photos: Vectors
    owners: Ids
    name: str

    def r5(self, adapter: Adapter | None = None, /) -> float:
        """Return for how many of 100 texts the right photo is among the first five, under an adapter or without."""
        texts, photos = self.texts, self.photos
        if adapter is not None:
            texts, photos = adapter.adapt_texts(texts), adapter.adapt_photos(photos)
        order = np.argsort(self.owners, kind="stable")
        forward, _ = rank_both_ways(texts[order], photos, self.owners[order])
        return float(100 * np.mean(forward.ranks < 5))


def shipped_control_set(encoder: Encoder) -> ControlSet | None:
    """Return the control set that comes with the package for an encoder: classes of photos and what they are called.

    Each class is the mean of its photos' embeddings, with noise on it (see `BLUR`).
    None where there is none for this encoder.
    """
    plain = _plain(encoder)
    names, file = HERE / "classes.txt", HERE / file_name(plain.fingerprint)
    if not file.exists():
        return None
    captions = names.read_text(encoding="utf-8").split("\n")[:-1]
    means = to_unit_length(np.load(file, allow_pickle=False))
    noise = np.random.default_rng(0).standard_normal(means.shape) / np.sqrt(encoder.dim)
    photos = to_unit_length((means + BLUR * noise).astype(np.float32))
    return ControlSet(_encoded(captions, plain), photos, np.arange(len(photos)), f"{len(photos)} classes of photos")


def library_control_set(encoder: Encoder, photos: Vectors) -> ControlSet:
    """Return a control set from a library: fixed prompts, each with its nearest photo under the plain encoder.

    It measures change, not quality: without an adapter it is 100.

    Args:
        encoder: That the photos were embedded with.
        photos: Those that nobody judged, shape (n, d), unit length.

    Raises:
        TuningError: There are fewer than `SMALLEST`.
    """
    if len(photos) < SMALLEST:
        raise TuningError(
            f"{len(photos)} photos of the library have no judgement; to see whether learning harms other searches "
            f"needs {SMALLEST}: index more, or name a table of captioned photos"
        )
    texts = background_vectors(_plain(encoder))
    owners: Ids = np.argmax(texts @ photos.T, axis=1).astype(np.int64)
    return ControlSet(texts, photos, owners, f"{len(texts)} prompts on {len(photos)} photos of the library")


def caption_control_set(path: Path, encoder: Encoder, split: str | None = None) -> ControlSet:
    """Return a control set from a table of captioned photos; those that cannot be read are left out.

    Args:
        path: As for `read_captions`.
        encoder: Which encodes them; an adapter is taken off.
        split: Part of the table.

    Raises:
        EvaluationError: The table cannot be used, or none of its photos can be read.
    """
    plain = _plain(encoder)
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
        raise EvaluationError(f"none of the photos of {path} can be read; expected them in images/ beside the table")
    return ControlSet(_encoded(captions, plain), np.concatenate(vectors), np.array(owners, dtype=np.int64), path.name)


def file_name(fingerprint: str) -> str:
    """Return the name of the file with an encoder's classes of photos."""
    return f"classes-{fingerprint[:16]}.npy"


def _plain(encoder: Encoder) -> Encoder:
    return encoder.base_encoder if isinstance(encoder, AdaptedEncoder) else encoder


def _encoded(texts: list[str], encoder: Encoder) -> Vectors:
    """Return one vector per text, shape (t, d)."""
    starts = range(0, len(texts), _BATCH)
    return np.concatenate([encoder.encode_texts(texts[start : start + _BATCH]) for start in starts])
