"""Adapters: small low-rank transforms of an encoder's output near the identity, learnt from judgements."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.base import Encoder, to_unit_length
from indexer.encoders.full_encoder import FullEncoder
from indexer.errors import EncoderError, EncoderMismatchError
from indexer.types import Pixels, Preprocess, Vectors, require_list, require_pixels

MAX_RANK = 256


@dataclass(frozen=True, slots=True, eq=False)
class LowRankAdapter:
    """The transform x -> (x + x D U) / |x + x D U| of row vectors x.

    Attributes:
        down: D, shape (d, r), float32.
        up: U, shape (r, d), float32; zeros make the transform the identity.
    """

    down: Vectors
    up: Vectors

    def __call__(self, rows: Vectors) -> Vectors:
        """Return the transformed rows, shape (n, d), unit length."""
        # no matrix product, which may round a row differently by its position, so that equal photos would change order
        low_rank = np.einsum("nd,dr->nr", rows, self.down, dtype=np.float32)
        change = np.einsum("nr,rd->nd", low_rank, self.up, dtype=np.float32)
        return to_unit_length(rows + change)


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """A transform for text vectors and one for photo vectors.

    Without a transform for photos the index is unchanged, and only queries are adapted.

    Attributes:
        text: Transform of text vectors; None leaves them unchanged.
        photo: Transform of photo vectors, in the index too; None leaves them unchanged.
    """

    text: LowRankAdapter | None
    photo: LowRankAdapter | None = None

    def __post_init__(self) -> None:
        """Check that the transforms can be applied.

        Raises:
            EncoderError: There is no transform, or the shapes of its matrices do not match.
        """
        parts = [part for part in (self.text, self.photo) if part is not None]
        shapes = {part.down.shape + part.up.shape for part in parts}
        if not parts or not all(_fits(part) for part in parts) or len({shape[0] for shape in shapes}) > 1:
            raise EncoderError(f"an adapter has matrices of shapes {sorted(shapes)}; expected (d, r) and (r, d)")

    @property
    def dim(self) -> int:
        """Length of the vectors that it transforms."""
        part = self.text or self.photo
        return 0 if part is None else len(part.down)

    @property
    def changes_index(self) -> bool:
        """Whether photos are transformed, so that the index must hold transformed vectors."""
        return self.photo is not None

    def adapt_texts(self, vectors: Vectors) -> Vectors:
        """Return transformed text vectors, shape (n, d), unit length."""
        return vectors if self.text is None else self.text(vectors)

    def adapt_photos(self, vectors: Vectors) -> Vectors:
        """Return transformed photo vectors, shape (n, d), unit length."""
        return vectors if self.photo is None else self.photo(vectors)

    def adapt(self, vectors: Vectors, are_photos: NDArray[np.bool_]) -> Vectors:
        """Return transformed vectors of photos and texts, shape (n, d), unit length.

        Args:
            vectors: Unit vectors, shape (n, d).
            are_photos: Whether each vector is a photo's, not a text's, shape (n,).
        """
        adapted = vectors.copy()
        adapted[are_photos] = self.adapt_photos(vectors[are_photos])
        adapted[~are_photos] = self.adapt_texts(vectors[~are_photos])
        return adapted

    def interpolate(self, alpha: float) -> Adapter:
        """Return the adapter at a fraction of the way from the identity (0) to this adapter (1).

        WiSE-FT (Wortsman et al. 2022) interpolates between old and new weights; here the old ones are the identity.
        """
        return Adapter(*(None if part is None else LowRankAdapter(part.down, part.up * np.float32(alpha)) for part in
                         (self.text, self.photo)))  # fmt: skip

    def to_bytes(self) -> bytes:
        """Return the adapter as bytes: a line of JSON with the shapes, then the matrices as little-endian float32."""
        parts = {name: part for name, part in (("text", self.text), ("photo", self.photo)) if part is not None}
        header = json.dumps({name: list(part.down.shape) for name, part in parts.items()})
        matrices = (matrix for part in parts.values() for matrix in (part.down, part.up))
        return header.encode() + b"\n" + b"".join(matrix.astype("<f4").tobytes() for matrix in matrices)

    @classmethod
    def from_bytes(cls, raw: bytes) -> Adapter:
        """Return the adapter that `to_bytes` wrote.

        Raises:
            EncoderError: The bytes are damaged.
        """
        header, _, body = raw.partition(b"\n")
        parts: dict[str, LowRankAdapter] = {}
        try:
            values = np.frombuffer(body, dtype="<f4").astype(np.float32)
            for name, (dim, rank) in json.loads(header).items():
                down, up, values = values[: dim * rank], values[dim * rank : 2 * dim * rank], values[2 * dim * rank :]
                parts[name] = LowRankAdapter(down.reshape(dim, rank), up.reshape(rank, dim))
        except (ValueError, TypeError, AttributeError) as error:
            raise EncoderError(f"the adapter is damaged ({error}); run: recall rollback") from error
        if len(values) or not parts.keys() <= {"text", "photo"}:
            raise EncoderError("the adapter is damaged (it holds more than its matrices); run: recall rollback")
        return cls(parts.get("text"), parts.get("photo"))

    @property
    def digest(self) -> str:
        """Hex digest over the matrices."""
        digest = hashlib.sha256()
        for part in (self.text, self.photo):
            digest.update(b"-" if part is None else part.down.tobytes() + part.up.tobytes())
        return digest.hexdigest()[:40]


def adapted_fingerprint(fingerprint: str, adapter: Adapter) -> str:
    """Return the fingerprint of an encoder with an adapter."""
    return hashlib.sha256(f"{fingerprint} {adapter.digest}".encode()).hexdigest()[:40]


class AdaptedEncoder(FullEncoder):
    """An `Encoder` whose output an adapter transforms; it has a fingerprint of its own.

    An adapter that leaves photos unchanged also leaves pictures in queries unchanged.
    """

    def __init__(self, encoder: Encoder, adapter: Adapter) -> None:
        """Combine an encoder with an adapter.

        Raises:
            EncoderMismatchError: The adapter is for vectors of another length.
        """
        if encoder.dim != adapter.dim:
            raise EncoderMismatchError(
                f"the adapter is for vectors of {adapter.dim} dimensions, but encoder {encoder.name!r} returns "
                f"{encoder.dim}; run: recall rollback"
            )
        self.base_encoder = encoder
        self.adapter = adapter
        self._fingerprint = adapted_fingerprint(encoder.fingerprint, adapter)

    @property
    def name(self) -> str:
        """Name of the encoder without the adapter."""
        return self.base_encoder.name

    @property
    def fingerprint(self) -> str:
        """Hex digest over the encoder and the adapter."""
        return self._fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self.base_encoder.dim

    @property
    def device(self) -> str:
        """Device that it runs on."""
        return self.base_encoder.device

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self.base_encoder.batch_size

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures."""
        return self.base_encoder.preprocess

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim)."""
        require_pixels(pixels)
        return self.adapter.adapt_photos(self.base_encoder.encode_images(pixels))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim)."""
        require_list(texts, "texts")
        return self.adapter.adapt_texts(self.base_encoder.encode_texts(texts))

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation."""
        require_list(texts, "texts")
        return self.base_encoder.fits(texts)


def _fits(part: LowRankAdapter) -> bool:
    down, up = part.down, part.up
    if down.ndim != 2 or up.shape != down.shape[::-1] or not 0 < down.shape[1] <= MAX_RANK:
        return False
    return down.dtype == np.float32 == up.dtype and bool(np.isfinite(down).all() and np.isfinite(up).all())
