"""Encoding with torch: the adapter module for open_clip models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch

from indexer.encoders.base import COMPACT_FOLDER, fingerprint_of, to_unit_length
from indexer.encoders.compact_encoder import check_compact_files
from indexer.encoders.download import download, pinned_folder
from indexer.encoders.foreign_code import (
    check_config_code,
    check_folder_code,
    tokenizer_options,
    without_foreign_code,
)
from indexer.encoders.full_encoder import FullEncoder
from indexer.encoders.openclip_config import check_folder, preprocess_of
from indexer.encoders.runtime import best_device
from indexer.encoders.torch_errors import encoding_errors, loading_errors
from indexer.encoders.torch_fingerprint import TOKENIZER_SAMPLE, raw_weights
from indexer.errors import EncoderError, EncoderNotFoundError
from indexer.types import Pixels, Preprocess, Vectors, require_list, require_pixels

BATCH_SIZES = {"cpu": 32, "mps": 64, "cuda": 256}
"""Pictures per call by type of device: larger batches do not help on a CPU, and smaller ones leave a GPU idle."""


class OpenClipEncoder(FullEncoder):
    """An `Encoder` with the two towers of an open_clip model, in evaluation mode."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        architecture: object,
        device: torch.device,
        batch_size: int | None = None,
    ) -> None:
        """Wrap a model whose weights are loaded; most callers want `load_encoder`."""
        self._name = name
        self._tokenizer = tokenizer
        self._architecture = architecture
        self._device = device
        self._batch_size = batch_size or BATCH_SIZES.get(device.type, 32)
        self._upload_stream: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]  # no types yet
        self._part_size = self._batch_size if self._upload_stream is None else max(1, self._batch_size // 2)
        self._preprocess = preprocess_of(model.visual.preprocess_cfg, name)
        self._mean = torch.tensor(self._preprocess.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(self._preprocess.std, device=device).view(1, 3, 1, 1)
        self._fingerprint = fingerprint_of(
            architecture=architecture,
            preprocess=self._preprocess,
            tokenizer=[type(tokenizer).__name__, np.asarray(tokenizer(list(TOKENIZER_SAMPLE))).tolist()],
            weights=raw_weights(model),
        )
        self._model = model.eval().to(device, memory_format=torch.channels_last)
        with torch.inference_mode():
            self._dim = int(self._model.encode_text(self.tokens(["x"])).shape[-1])

    @classmethod
    def load(cls, name: str, *, device: str = "auto", batch_size: int | None = None) -> OpenClipEncoder:
        """Return the encoder of that name; see `indexer.encoders.load_encoder`."""
        torch_device = _check_device(device)
        schema = f"local-dir:{COMPACT_FOLDER}" if name == "compact" else name
        model_name, weights = schema, None
        if name == "compact":
            check_compact_files()
        if schema.startswith("local-dir:"):
            folder = Path(schema.removeprefix("local-dir:"))
            check_folder(folder, name)
            check_folder_code(folder, name)
        elif not schema.startswith("hf-hub:"):
            model_name, weights = _split_weights(name)
        download(name)
        if schema.startswith("hf-hub:") and "@" in schema:
            folder = pinned_folder(name, *schema.removeprefix("hf-hub:").rsplit("@", 1))
            check_folder(folder, name)
            check_folder_code(folder, name)
            model_name = f"local-dir:{folder}"
        with loading_errors(name):
            config = open_clip.get_model_config(model_name)
            check_config_code(config, name, where="its configuration")
            with without_foreign_code(name, config):
                model = open_clip.create_model(model_name, weights, require_pretrained=True, weights_only=True)
                tokenizer = open_clip.get_tokenizer(model_name, **tokenizer_options(config))
            return cls(model, tokenizer, name=name, architecture=config, device=torch_device, batch_size=batch_size)

    @property
    def name(self) -> str:
        """Name for `load_encoder`."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hex digest over architecture, weights, preprocessing and tokenizer."""
        return self._fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._dim

    @property
    def device(self) -> str:
        """Device that it runs on."""
        return str(self._device)

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._batch_size

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures."""
        return self._preprocess

    @property
    def model(self) -> Any:
        """open_clip's model."""
        return self._model

    @property
    def tokenizer(self) -> Any:
        """open_clip's tokenizer."""
        return self._tokenizer

    @property
    def architecture(self) -> object:
        """open_clip's `model_cfg` of the model."""
        return self._architecture

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the texts' token ids on the model's device, shape (n, context), int64."""
        tokens: torch.Tensor = self._tokenizer(list(texts))
        return tokens.to(self._device)

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim); see `Encoder.encode_images`.

        While one part is computed on a GPU, the next part is uploaded.
        """
        require_pixels(pixels)
        outputs = [np.empty((0, self.dim), dtype=np.float32)]
        starts = range(0, len(pixels), self._part_size)
        with encoding_errors(self._batch_size), torch.inference_mode():
            parts = (self._upload(pixels[start : start + self._part_size]) for start in starts)
            part = next(parts, None)
            while part is not None:
                vectors = self._encode_part(part)  # on a GPU this returns before the result is there
                part = next(parts, None)
                outputs.append(vectors.float().cpu().numpy())
            rows = np.concatenate(outputs)
            for row in _overflowed(rows):
                rows[row] = self._encode_part(self._upload(pixels[row : row + 1]), half=False)[0].cpu().numpy()
        return to_unit_length(rows)

    def _upload(self, pixels: Pixels) -> torch.Tensor:
        """Return pictures on the model's device, (b, s, s, 3) uint8; an upload to a GPU continues after the return.

        Only from pinned memory can a GPU fetch by itself. torch reuses that memory after it was fetched.
        """
        if self._upload_stream is None:
            rows = np.require(pixels, requirements=["C", "W"])  # for torch
            return torch.from_numpy(rows).to(self._device)
        pinned = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)
        pinned.numpy()[:] = pixels
        with torch.cuda.stream(self._upload_stream):
            return pinned.to(self._device, non_blocking=True)

    def _encode_part(self, batch: torch.Tensor, *, half: bool = True) -> torch.Tensor:
        """Return the vectors of uploaded pictures, (b, dim); on a GPU they may not be computed yet."""
        if self._upload_stream is not None:
            compute_stream = torch.cuda.current_stream(self._device)
            compute_stream.wait_stream(self._upload_stream)
            batch.record_stream(compute_stream)  # else the next upload could get its memory too early
        with self._autocast() if half else nullcontext():
            values = batch.permute(0, 3, 1, 2).float().div(255)  # (b, 3, s, s), channels last in memory
            vectors: torch.Tensor = self._model.encode_image((values - self._mean) / self._std)
        return vectors

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        require_list(texts, "texts")
        outputs = [np.empty((0, self.dim), dtype=np.float32)]
        with encoding_errors(self._batch_size), torch.inference_mode():
            for start in range(0, len(texts), self._batch_size):
                with self._autocast():
                    vectors = self._model.encode_text(self.tokens(texts[start : start + self._batch_size]))
                outputs.append(vectors.float().cpu().numpy())
            rows = np.concatenate(outputs)
            for row in _overflowed(rows):
                rows[row] = self._model.encode_text(self.tokens(texts[row : row + 1]))[0].float().cpu().numpy()
        return to_unit_length(rows)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation; see `Encoder.fits`.

        open_clip's tokenizers do not report truncation. A text fits if a context longer by one place leaves that place
        empty and the others unchanged. The row of an empty text shows which id an empty place has.
        """
        require_list(texts, "texts")
        if not texts:
            return []
        rows = self.tokens(texts).cpu().numpy()  # (n, t)
        longer = np.asarray(self._tokenizer(["", *texts], rows.shape[1] + 1))  # (1 + n, t + 1)
        empty, longer = longer[0], longer[1:]
        padded_right = (longer[:, -1] == empty[-1]) & (longer[:, :-1] == rows).all(axis=1)
        padded_left = (longer[:, 0] == empty[0]) & (longer[:, 1:] == rows).all(axis=1)
        return [bool(fits) for fits in padded_right | padded_left]

    def _autocast(self) -> AbstractContextManager[object]:
        if self._device.type == "cpu":
            return nullcontext()  # float32: bfloat16 is half as fast on processors without units for it
        # not bfloat16: against float32 its vectors of photos have a cosine of .992 at worst, float16's .9999 (compact,
        # 96 photos of Flickr8k); where float16 overflows, the row is computed again, see `_overflowed`
        return torch.autocast(self._device.type, dtype=torch.float16)


def pretrained_names() -> list[str]:
    """Return the MODEL/WEIGHTS names that open_clip can download, sorted."""
    return sorted(f"{model}/{weights}" for model, weights in open_clip.list_pretrained())


def _check_device(name: str) -> torch.device:
    """Return the torch device of that name, after a first computation on it."""
    if name == "auto":
        name = best_device()
    try:
        device = torch.device(name)
        torch.ones(1, device=device).add(1)  # a GPU that this build of torch does not support fails only here
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise EncoderError(
            f"device {name!r} cannot be used here ({reason}); expected auto, cpu, cuda or mps"
        ) from error
    return device


def _split_weights(name: str) -> tuple[str, str]:
    """Return model and weights of a MODEL/WEIGHTS name that open_clip has."""
    model, slash, weights = name.partition("/")
    if not slash:
        raise EncoderNotFoundError(
            f"open_clip has no encoder {name!r}; expected MODEL/WEIGHTS, hf-hub:ORG/REPO or local-dir:PATH"
        )
    available = open_clip.list_pretrained_tags_by_model(model)
    if not available:
        raise EncoderNotFoundError(f"open_clip has no model {model!r}; run: recall encoder available --all")
    if weights not in available:
        raise EncoderNotFoundError(f"open_clip has no weights {weights!r} for {model}; expected {', '.join(available)}")
    return model, weights


def _overflowed(rows: Vectors) -> list[int]:
    """Return the rows of (n, d) that are not finite, because a number on the way was too large for float16."""
    return [int(row) for row in np.flatnonzero(~np.isfinite(rows).all(axis=1))]
