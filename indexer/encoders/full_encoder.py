"""FullEncoder: an encoder with `encode`, `encode_pictures` and `similarity`, which follow from the rest of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, cast

from numpy.typing import ArrayLike

from indexer.encoders.base import Encoder
from indexer.encoders.encode import encode, encode_pictures, similarity
from indexer.types import PictureInput, Pixels, Preprocess, Vectors

_NO_EFFECT = {"show_progress_bar": (True, False, None), "convert_to_numpy": (True,), "normalize_embeddings": (True,)}
"""Options of sentence-transformers' `encode`, and the values that describe what this one does anyway."""


class FullEncoder(Encoder, Protocol):
    """An `Encoder` with three more methods, as `load_encoder` and `Library.encoder` return it.

    A class that has the members of `Encoder` gets these methods by inheriting them. An encoder that lacks them gets
    them when it is read from `Library.encoder`.
    """

    def encode(
        self,
        inputs: str | PictureInput | Iterable[str | PictureInput],
        *,
        batch_size: int | None = None,
        **options: Any,
    ) -> Vectors:
        """Return the unit vectors of texts and pictures, in the shape of sentence-transformers' `encode`.

        Args:
            inputs: One text or picture, or any number of them, mixed as you like. A string is a text; the path of a
                picture is a `pathlib.Path`. Other pictures are as in `encode_pictures`.
            batch_size: Inputs per call of the encoder; None uses its own.
            **options: `show_progress_bar`, `convert_to_numpy=True` and `normalize_embeddings=True`, which code for
                sentence-transformers passes. They change nothing.

        Returns:
            Shape (n, dim), or (dim,) for one input that is not in a list; float32, unit length.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
            EncoderError: The encoder fails, or returns numbers that are not finite.
            TypeError: An input is neither a text nor a picture, or an option is unknown.
        """
        for name, value in options.items():
            if value not in _NO_EFFECT.get(name, ()):
                raise TypeError(
                    f"encode got {name}={value!r}; it returns unit vectors as a NumPy array, without options"
                )
        return encode(self, inputs, batch_size=batch_size)

    def encode_pictures(
        self, pictures: PictureInput | Iterable[PictureInput], *, batch_size: int | None = None
    ) -> Vectors:
        """Return the unit vectors of pictures, decoded as in indexing: upright, in RGB, within the default limits.

        Files and their bytes are decoded in processes of their own, so that a crash or a hang is a PictureError.

        Args:
            pictures: One picture or any number of them: paths, the bytes of files, PIL pictures, and arrays of gray,
                RGB or RGBA values, uint8, of shape (height, width), (height, width, 3) or (height, width, 4). An array
                of shape (n, height, width, 3) has n pictures.
            batch_size: Pictures per call of the encoder; None uses its own.

        Returns:
            Shape (n, dim), or (dim,) for one picture that is not in a list; float32, unit length.

        Raises:
            PictureError: A picture cannot be decoded; the message names it.
            EncoderError: The encoder fails, or returns numbers that are not finite.
            TypeError: An input is not a picture.
        """
        return encode_pictures(self, pictures, batch_size=batch_size)

    def similarity(self, a: ArrayLike, b: ArrayLike) -> Vectors:
        """Return the cosine of each vector of `a` with each vector of `b`.

        Args:
            a: Vectors of any length above 0, shape (n, d), or one, shape (d,).
            b: Vectors, shape (m, d), or one.

        Returns:
            Shape (n, m), float32, -1 to 1.

        Raises:
            ValueError: The shapes do not fit.
        """
        return similarity(a, b)


def full_encoder(encoder: Encoder) -> FullEncoder:
    """Return an encoder with the methods of `FullEncoder`: itself if its class inherits them, else a view of it."""
    return cast("FullEncoder", encoder) if FullEncoder in type(encoder).__mro__ else EncoderView(encoder)


class EncoderView(FullEncoder):
    """An encoder of another package with the methods of `FullEncoder`; it counts as an object of the encoder's class.

    Its other attributes are read from the encoder and set there.
    """

    _encoder: Encoder

    def __init__(self, encoder: Encoder) -> None:
        object.__setattr__(self, "_encoder", encoder)

    @property  # type: ignore[misc]  # isinstance asks for it where the type is not enough
    def __class__(self) -> type:
        return type(self._encoder)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._encoder, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return full_encoder, (self._encoder,)

    def __repr__(self) -> str:
        return repr(self._encoder)

    @property
    def name(self) -> str:
        """Name for `load_encoder`."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Hex digest over all that determines its vectors."""
        return self._encoder.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._encoder.dim

    @property
    def device(self) -> str:
        """Device that it runs on."""
        return self._encoder.device

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._encoder.batch_size

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures."""
        return self._encoder.preprocess

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim)."""
        return self._encoder.encode_images(pixels)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim)."""
        return self._encoder.encode_texts(texts)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation."""
        return self._encoder.fits(texts)
