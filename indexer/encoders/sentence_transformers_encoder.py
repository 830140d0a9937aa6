"""Encoders of sentence-transformers: any of its models that takes pictures and texts.

Recall's own entry of the group `recall.encoders`, under the name `st`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import numpy as np

from indexer.encoders.base import Encoder, fingerprint_of, to_unit_length
from indexer.encoders.full_encoder import FullEncoder
from indexer.errors import EncoderError, EncoderNotFoundError, MissingPackageError
from indexer.types import Interpolation, Pixels, Preprocess, ResizeMode, Vectors, require_list, require_pixels

logger = logging.getLogger(__name__)

_BATCH_SIZE = 32

_FREE_SIZE = 448
"""Side of the pictures for models that take any size."""

_INTERPOLATIONS = {2: "bilinear", 3: "bicubic"}
"""By Pillow's number of the filter, which the configurations have."""


def load(model: str, *, device: str, batch_size: int | None = None) -> Encoder:
    """A sentence-transformers model for pictures and texts, on the Hugging Face Hub or in a folder

    Args:
        model: Its name on the hub, or the path of a folder.
        device: "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per call; None means 32.

    Raises:
        EncoderNotFoundError: There is no such model, or it cannot be downloaded.
        EncoderError: It does not take pictures and texts, or brings code of its own.
        MissingPackageError: sentence-transformers is not installed.
    """  # noqa: D415 - recall encoder available prints the first line
    name = f"st:{model}"
    if find_spec("sentence_transformers") is None:
        raise MissingPackageError(
            f"encoder {name!r} needs sentence-transformers; run: pip install 'recall-photos[sentence-transformers]'"
        )
    if not model:
        raise EncoderNotFoundError("encoder 'st' names no model; expected st:MODEL, for instance st:clip-ViT-B-32")
    from sentence_transformers import SentenceTransformer  # late, as the next four: they take seconds
    from transformers.utils.logging import disable_progress_bar

    from indexer.encoders.foreign_code import check_folder_code
    from indexer.encoders.hub import quiet_hub
    from indexer.encoders.torch_errors import loading_errors

    folder = Path(model).expanduser()
    if folder.is_dir():
        check_folder_code(folder, name)
    elif model.startswith(("/", ".", "~")) or model.count("/") > 1:
        raise EncoderNotFoundError(f"encoder {name!r} cannot be loaded: there is no folder {folder}")
    else:
        _announce_download(name, model)
    disable_progress_bar()  # type: ignore[no-untyped-call]  # no types yet
    with loading_errors(name), quiet_hub():
        loaded = SentenceTransformer(str(folder) if folder.is_dir() else model, device=device, trust_remote_code=False)
    missing = [kind for kind in ("image", "text") if kind not in loaded.modalities]
    if missing:
        raise EncoderError(f"encoder {name!r} takes no {' and no '.join(missing)}; Recall needs a model for both")
    with loading_errors(name):
        return SentenceTransformerEncoder(loaded, name=name, device=device, batch_size=batch_size or _BATCH_SIZE)


class SentenceTransformerEncoder(FullEncoder):
    """An `Encoder` with a model of sentence-transformers."""

    def __init__(self, model: Any, *, name: str, device: str, batch_size: int) -> None:
        from indexer.encoders.torch_fingerprint import TOKENIZER_SAMPLE, raw_weights  # late: not for the list of names

        self._model, self._name, self._device, self._batch_size = model.eval(), name, device, batch_size
        processor = getattr(model[0], "processor", None)
        self._preprocess = _preprocess(getattr(processor, "image_processor", processor))
        self._tokenizer = getattr(model, "tokenizer", None)
        sample = (
            [self._tokenizer(text, verbose=False)["input_ids"] for text in TOKENIZER_SAMPLE] if self._tokenizer else []
        )
        self._fingerprint = fingerprint_of(
            architecture=["sentence-transformers", *(type(module).__name__ for module in model)],
            preprocess=self._preprocess,
            tokenizer=sample,
            weights=raw_weights(model),
        )
        self._dim = int(self._encode(["x"]).shape[1])

    @property
    def name(self) -> str:
        """Name for `load_encoder`: "st:" and the model."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hex digest over the kinds of modules, weights, preprocessing and tokenizer."""
        return self._fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def device(self) -> str:
        """Device that it runs on."""
        return self._device

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._batch_size

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures; what remains to be done, the model's own processor does."""
        return self._preprocess

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim); see `Encoder.encode_images`."""
        from PIL import Image  # late: not for the list of names

        require_pixels(pixels)
        return self._encode([Image.fromarray(picture) for picture in pixels])

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        require_list(texts, "texts")
        return self._encode(list(texts))

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation; see `Encoder.fits`."""
        require_list(texts, "texts")
        limit = self._model.max_seq_length
        if self._tokenizer is None or limit is None:
            return [True] * len(texts)
        return [len(self._tokenizer(text, truncation=False, verbose=False)["input_ids"]) <= limit for text in texts]

    def _encode(self, inputs: list[Any]) -> Vectors:
        from indexer.encoders.torch_errors import encoding_errors  # late: it loads torch

        if not inputs:
            return np.empty((0, self._dim), dtype=np.float32)
        with encoding_errors(self._batch_size):
            rows = self._model.encode(inputs, batch_size=self._batch_size, show_progress_bar=False)
        return to_unit_length(np.asarray(rows, dtype=np.float32))


def _preprocess(processor: Any) -> Preprocess:
    """Return how photos are made squares for a model.

    The model's processor gets the squares and does the rest: they have the size that it scales to.
    """
    sizes = dict(getattr(processor, "size", None) or {})
    mode: ResizeMode = "longest"
    side = _FREE_SIZE
    if sizes.get("shortest_edge") and getattr(processor, "do_center_crop", False):
        mode, side = "shortest", int(sizes["shortest_edge"])
    elif sizes.get("height") and sizes.get("height") == sizes.get("width"):
        mode, side = "squash", int(sizes["height"])
    interpolation = _INTERPOLATIONS.get(int(getattr(processor, "resample", None) or 3), "bicubic")
    return Preprocess(size=side, resize_mode=mode, interpolation=cast("Interpolation", interpolation))


def _announce_download(name: str, model: str) -> None:
    """Log a download with the licence of the model; nothing if it is on this machine."""
    from indexer.encoders.hub import Repository, is_cached, licence_of  # late: slow to import

    repository = Repository(name, model if "/" in model else f"sentence-transformers/{model}")
    if not is_cached(repository, ("modules.json", "config.json")):
        licence = licence_of(repository)
        logger.info("downloading %s from the Hugging Face Hub: %s; licence: %s", name, repository.id, licence)
