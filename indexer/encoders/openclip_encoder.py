"""The torch door: any open_clip model as an Encoder."""

from __future__ import annotations

import logging
import pickle
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
from safetensors import SafetensorError

from indexer.encoders.base import COMPACT_FOLDER, fingerprint_of, to_unit_length
from indexer.encoders.download import announce_download
from indexer.encoders.openclip_config import check_folder, preprocess_of
from indexer.encoders.runtime import best_device
from indexer.errors import EncoderError, EncoderNotFoundError
from indexer.types import Pixels, Preprocess, Vectors

logger = logging.getLogger(__name__)

BATCH = {"cpu": 32, "mps": 64, "cuda": 256}
"""Pictures per call by kind of device: on a CPU more brings nothing, on a card less leaves it idle."""

TOKENIZER_SAMPLE = (
    "a dog on the beach",
    "Ünïcödé ß œ",
    "日本語の写真",
    "كلب",
    "собака",
    "😀 🚀",
    "don't, 3.14!",
    "x" * 300,
)
"""Texts whose token ids stand for the tokenizer in the fingerprint."""

FULL = re.compile(r"out of memory|ALLOC_FAILED")
"""How CUDA and cuBLAS say so themselves, without torch's `OutOfMemoryError`."""

FAULT: Any = getattr(torch, "AcceleratorError", ())
"""What torch raises over a fault of a card, from 2.8 on; before, it is a RuntimeError like others."""

LOADING_ERRORS = (RuntimeError, ValueError, TypeError, KeyError, AttributeError, AssertionError, EOFError, OSError)
"""What open_clip, timm and torch raise over a folder or checkpoint that they cannot use."""


class OpenClipEncoder:
    """Two towers of an open_clip model, in eval mode."""

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
        self._batch_size = batch_size or BATCH.get(device.type, 32)
        self._copying: Any = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]  # no types yet
        self._part = self._batch_size if self._copying is None else max(1, self._batch_size // 2)  # of a call, at once
        self._preprocess = preprocess_of(model.visual.preprocess_cfg, name)
        self._mean = torch.tensor(self._preprocess.mean, device=device).view(1, 3, 1, 1)
        self._std = torch.tensor(self._preprocess.std, device=device).view(1, 3, 1, 1)
        self._fingerprint = fingerprint_of(
            architecture=architecture,
            preprocess=self._preprocess,
            tokenizer=[type(tokenizer).__name__, np.asarray(tokenizer(list(TOKENIZER_SAMPLE))).tolist()],
            weights=_raw_weights(model),
        )
        self._model = model.eval().to(device, memory_format=torch.channels_last)
        with torch.inference_mode():
            self._dim = int(self._model.encode_text(self.tokens(["x"])).shape[-1])

    @classmethod
    def load(cls, name: str, *, device: str = "auto", batch_size: int | None = None) -> OpenClipEncoder:
        """Return the encoder of that name; see `indexer.encoders.load_encoder`."""
        chosen = _device(device)
        schema = f"local-dir:{COMPACT_FOLDER}" if name == "compact" else name
        model_name, weights = schema, None
        if schema.startswith("local-dir:"):
            check_folder(Path(schema.removeprefix("local-dir:")), name)
        elif not schema.startswith("hf-hub:"):
            model_name, weights = _known_weights(name)
        announce_download(name, model_name, weights)
        with _refusals(name):
            model = open_clip.create_model(model_name, weights, require_pretrained=True, weights_only=True)
            tokenizer = open_clip.get_tokenizer(model_name)
            architecture = open_clip.get_model_config(model_name)
            return cls(model, tokenizer, name=name, architecture=architecture, device=chosen, batch_size=batch_size)

    @property
    def name(self) -> str:
        """The name that `load_encoder` knows it by."""
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
        """Where it runs."""
        return str(self._device)

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._batch_size

    @property
    def preprocess(self) -> Preprocess:
        """How pictures are prepared."""
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
        """open_clip's `model_cfg` of it."""
        return self._architecture

    def tokens(self, texts: Sequence[str]) -> torch.Tensor:
        """Return the texts' token ids, shape (n, context), int64, where the model is."""
        tokens: torch.Tensor = self._tokenizer(list(texts))
        return tokens.to(self._device)

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim); see `Encoder.encode_images`.

        A part is on its way to a card while the part before it is computed there.
        """
        found = [np.empty((0, self.dim), dtype=np.float32)]
        starts = range(0, len(pixels), self._part)
        with _failures(self._batch_size), torch.inference_mode():
            parts = (self._moved(pixels[start : start + self._part]) for start in starts)
            following = next(parts, None)
            while following is not None:
                vectors = self._computed(following)  # on a card: begun, not waited for
                following = next(parts, None)
                found.append(vectors.float().cpu().numpy())
            rows = np.concatenate(found)
            for row in _too_large(rows):
                rows[row] = self._computed(self._moved(pixels[row : row + 1]), half=False)[0].cpu().numpy()
        return to_unit_length(rows)

    def _moved(self, pixels: Pixels) -> torch.Tensor:
        """Return pictures where the model is, (b, s, s, 3) uint8; a copy to a card goes on after the return.

        A card fetches from pinned memory by itself. torch gives that out again only when it was fetched.
        """
        if self._copying is None:
            rows = np.require(pixels, requirements=["C", "W"])  # for torch
            return torch.from_numpy(rows).to(self._device)
        pinned = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True)
        pinned.numpy()[:] = pixels
        with torch.cuda.stream(self._copying):
            return pinned.to(self._device, non_blocking=True)

    def _computed(self, batch: torch.Tensor, *, half: bool = True) -> torch.Tensor:
        """Return the vectors of pictures that `_moved` gave, (b, dim); those of a card may be still in work."""
        if self._copying is not None:
            computing = torch.cuda.current_stream(self._device)
            computing.wait_stream(self._copying)
            batch.record_stream(computing)  # else its memory could be given to the next copy too early
        with self._autocast() if half else nullcontext():
            values = batch.permute(0, 3, 1, 2).float().div(255)  # (b, 3, s, s), channels last in memory
            vectors: torch.Tensor = self._model.encode_image((values - self._mean) / self._std)
        return vectors

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        found = [np.empty((0, self.dim), dtype=np.float32)]
        with _failures(self._batch_size), torch.inference_mode():
            for start in range(0, len(texts), self._batch_size):
                with self._autocast():
                    vectors = self._model.encode_text(self.tokens(texts[start : start + self._batch_size]))
                found.append(vectors.float().cpu().numpy())
            rows = np.concatenate(found)
            for row in _too_large(rows):
                rows[row] = self._model.encode_text(self.tokens(texts[row : row + 1]))[0].float().cpu().numpy()
        return to_unit_length(rows)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is read to its end; see `Encoder.fits`.

        open_clip's tokenizers only cut: a text fits where a place more in its row stays empty, and changes nothing
        before it. What an empty place holds the row of an empty text shows.
        """
        if not texts:
            return []
        rows = self.tokens(texts).cpu().numpy()  # (n, t)
        longer = np.asarray(self._tokenizer(["", *texts], rows.shape[1] + 1))  # (1 + n, t + 1)
        empty, longer = longer[0], longer[1:]
        right = (longer[:, -1] == empty[-1]) & (longer[:, :-1] == rows).all(axis=1)
        left = (longer[:, 0] == empty[0]) & (longer[:, 1:] == rows).all(axis=1)  # padded in front
        return [bool(each) for each in right | left]

    def _autocast(self) -> AbstractContextManager[object]:
        if self._device.type == "cpu":
            return nullcontext()  # float32: bfloat16 is half as fast on processors without its own units
        # not bfloat16: its vectors of photos have a cosine of .992 at worst with those of float32 (compact, 96 of
        # Flickr8k's), those of float16 .9999; where float16 overflows it is computed once more, see `_too_large`
        return torch.autocast(self._device.type, dtype=torch.float16)


def pretrained_names() -> list[str]:
    """Return the MODEL/WEIGHTS names that open_clip can download, sorted."""
    return sorted(f"{model}/{weights}" for model, weights in open_clip.list_pretrained())


def _device(wanted: str) -> torch.device:
    """Return the torch device of that name, after a look whether it is there."""
    if wanted == "auto":
        wanted = best_device()
    try:
        device = torch.device(wanted)
        torch.ones(1, device=device).add(1)  # a card that this torch is not built for has memory, but does no sums
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise EncoderError(
            f"device {wanted!r} cannot be used here ({reason}); expected auto, cpu, cuda or mps"
        ) from error
    return device


def _known_weights(name: str) -> tuple[str, str]:
    """Return model and weights of a MODEL/WEIGHTS name that open_clip knows."""
    model, slash, weights = name.partition("/")
    if not slash:
        raise EncoderNotFoundError(
            f"open_clip has no encoder {name!r}; expected MODEL/WEIGHTS, hf-hub:ORG/REPO or local-dir:PATH"
        )
    tags = open_clip.list_pretrained_tags_by_model(model)
    if not tags:
        raise EncoderNotFoundError(f"open_clip knows no model {model!r}; run: recall encoder available --all")
    if weights not in tags:
        raise EncoderNotFoundError(f"open_clip knows no weights {weights!r} of {model}; it knows {', '.join(tags)}")
    return model, weights


@contextmanager
def _failures(batch_size: int) -> Iterator[None]:
    """Say what to do where a card has too little memory, or fails."""
    try:
        yield
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        if is_out_of_memory(error):
            raise EncoderError(
                f"the device has too little memory for {batch_size} pictures or texts at once ({reason}); set a "
                "smaller --batch-size, or see what else is on it"
            ) from error
        if isinstance(error, FAULT):  # this process cannot use the card any more
            raise EncoderError(f"the GPU failed ({reason}); run it again, or with --device cpu") from error
        raise


def is_out_of_memory(error: RuntimeError) -> bool:
    """Return whether an error of torch says that a device has too little memory."""
    return isinstance(error, torch.OutOfMemoryError) or FULL.search(str(error)) is not None


def _too_large(rows: Vectors) -> list[int]:
    """Return which of some rows, (n, d), are not finite: numbers on the way were too large for float16."""
    return [int(row) for row in np.flatnonzero(~np.isfinite(rows).all(axis=1))]


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn what open_clip raises, or only warns of, into EncoderError."""
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="QuickGELU mismatch")
            yield
    except UserWarning as warning:
        advice = "use the model's -quickgelu name"
        raise EncoderError(f"encoder {name!r} would give wrong vectors ({warning}); {advice}") from warning
    except (*LOADING_ERRORS, SafetensorError, pickle.UnpicklingError) as error:
        reason = (str(error) or repr(error)).splitlines()[0]
        raise EncoderError(f"encoder {name!r} cannot be loaded: {reason}") from error


def _raw_weights(model: Any) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of every tensor, by name."""
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        yield f"{name} {tensor.dtype} {tuple(tensor.shape)}", flat.view(torch.uint8).numpy().tobytes()
