"""Export of an open_clip encoder's two towers as ONNX graphs; an export with other vectors is refused."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip import tokenizer as open_clip_tokenizer
from torch.export import Dim

from indexer.encoders.onnx_encoder import DESCRIPTION_FILE, FORMAT, OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.encoders.parity import (
    SAMPLE_TEXTS,
    ExportRefusedError,
    image_agreement,
    min_cosine,
    require_agreement,
    text_agreement,
)
from indexer.encoders.tokenizer import load_tokenizer
from indexer.encoders.torch_errors import LOADING_ERRORS
from indexer.encoders.torch_fingerprint import TOKENIZER_SAMPLE
from indexer.errors import EncoderError

_MIN_COSINE = 0.99999
"""Smallest cosine to torch: sums in another order give .9999995 or better for every architecture that was tried."""

_OPSET = 20
"""The first version with Gelu as one operator."""

_MAX_ROWS = 1 << 20
"""Rows per call; the exporter needs a bound."""

_EXPORT_ERRORS = (*LOADING_ERRORS, IndexError, ArithmeticError)
"""What the exporter raises for a tower that it cannot translate; its own errors are RuntimeErrors."""

_CLEANERS = ("lower", "whitespace", "canonicalize")
"""open_clip's names for the cleaning of texts that `indexer.encoders.text_cleaning` implements."""


def export(encoder: OpenClipEncoder, folder: Path) -> None:
    """Write an encoder as a folder that `OnnxEncoder` opens; this takes tens of seconds.

    Args:
        encoder: The encoder, on the CPU.
        folder: An existing empty folder. After an error its content is unusable.

    Raises:
        ExportRefusedError: A tower cannot be exported, or gives other vectors than torch.
        OSError: The folder cannot be written.
    """
    tokenizer = _describe_tokenizer(encoder.tokenizer, folder)
    _check_tokens(encoder, tokenizer, folder)
    with _quiet():
        size = encoder.preprocess.size
        pixels = torch.zeros((2, size, size, 3), dtype=torch.uint8)
        _write(_ImageTower(encoder), pixels, folder / "image.onnx", {0: Dim("n", max=_MAX_ROWS)})
        _export_text_tower(encoder, tokenizer, folder)
        cosine = image_agreement(encoder, _load(folder))
        require_agreement(cosine, _MIN_COSINE, problem="image vectors differ from torch's")


def _export_text_tower(encoder: OpenClipEncoder, tokenizer: dict[str, Any], folder: Path) -> None:
    """Write the text tower, if possible for texts of any length, which makes short texts faster.

    A tower that attends to the padding, or counts from the end, gives other vectors without padding and needs texts of
    a fixed length. The towers' names do not tell which type they are, so both are tried.
    """
    tokens = encoder.tokens(SAMPLE_TEXTS)  # (n, context)
    for cut_padding in (True, False):
        _write_description(encoder, tokenizer, folder, cut_padding=cut_padding)
        try:
            if cut_padding:
                _check_cut_padding(encoder, tokens, tokenizer.get("pad_id", 0))
                any_length = {0: Dim("n", max=_MAX_ROWS), 1: Dim("t", max=tokens.shape[1])}
                _write(_AnyLengthTextTower(encoder.model), tokens[:2, :-1], folder / "text.onnx", any_length)
            else:
                _write(_TextTower(encoder.model), tokens[:2], folder / "text.onnx", {0: Dim("n", max=_MAX_ROWS)})
            cosine = text_agreement(encoder, _load(folder))
            require_agreement(cosine, _MIN_COSINE, problem="text vectors differ from torch's")
        except ExportRefusedError:
            if not cut_padding:
                raise
        else:
            return


class _ImageTower(torch.nn.Module):
    """Maps pixels, (n, size, size, 3), uint8, to vectors, (n, dim)."""

    def __init__(self, encoder: OpenClipEncoder) -> None:
        super().__init__()
        preprocess = encoder.preprocess
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocess.mean, preprocess.std))
        self.model = encoder.model
        self.scale, self.shift = 1 / (255 * std), -mean / std

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.model.encode_image(pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift)


class _TextTower(torch.nn.Module):
    """Maps token ids, (n, context), to vectors, (n, dim)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> Any:
        return self.model.encode_text(tokens)


class _AnyLengthTextTower(torch.nn.Module):
    """Maps token ids of any length up to the context; positions and causal mask are cut to the same length."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.tower = _TextTower(model)

    def forward(self, tokens: torch.Tensor) -> Any:
        length = tokens.shape[1]
        cut = {}
        for name, tensor in (*self.tower.named_parameters(), *self.tower.named_buffers()):
            if name in ("model.positional_embedding", "model.text.positional_embedding"):
                cut[name] = tensor[:length]
            elif name in ("model.attn_mask", "model.text.attn_mask"):
                cut[name] = tensor[:length, :length]
        return torch.func.functional_call(self.tower, cut, (tokens,))


def _check_cut_padding(encoder: OpenClipEncoder, tokens: torch.Tensor, pad_id: int) -> None:
    """Refuse a tower whose vectors change without padding, which takes less time than a wasted export."""
    tower, outputs = _AnyLengthTextTower(encoder.model), []
    try:
        for row in tokens:
            length = int((row != pad_id).nonzero().max()) + 1
            with torch.inference_mode():
                outputs.append(tower(row[None, :length]).numpy())
    except _EXPORT_ERRORS as error:
        raise _refusal("text", error) from error
    cosine = min_cosine(encoder.encode_texts(SAMPLE_TEXTS), np.concatenate(outputs))
    require_agreement(cosine, _MIN_COSINE, problem="text vectors change without padding")


def _write(tower: torch.nn.Module, example: torch.Tensor, file: Path, dynamic: dict[int, Any]) -> None:
    """Write a tower as a graph, with its weights in a file beside it, because one file is limited to 2 GB.

    Raises:
        ExportRefusedError: The exporter cannot translate it.
    """
    try:
        with torch.no_grad():
            program = torch.onnx.export(
                tower.eval(),
                (example,),
                dynamo=True,
                dynamic_shapes=(dynamic,),
                input_names=["pixels" if example.dtype == torch.uint8 else "tokens"],
                output_names=["vectors"],
                opset_version=_OPSET,
                verbose=False,
            )
    except _EXPORT_ERRORS as error:
        raise _refusal(file.stem, error) from error
    if program is None:
        raise ExportRefusedError(f"its {file.stem} tower cannot be exported")
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # source lines and stack traces: 20 times the size of the graph
    program.save(file, external_data=True)


def _refusal(tower: str, error: Exception) -> ExportRefusedError:
    """Return the refusal of a tower; of the exporter's long messages it contains the original cause."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = (str(cause) or repr(cause)).strip().splitlines()[0]
    return ExportRefusedError(f"its {tower} tower cannot be exported: {reason[:200]}")


def _write_description(encoder: OpenClipEncoder, tokenizer: dict[str, Any], folder: Path, *, cut_padding: bool) -> None:
    """Write `encoder.json`; see `ExportDescription`."""
    content = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "precision": "float32",
        "preprocess": asdict(encoder.preprocess),
        "tokenizer": tokenizer,
        "cut_padding": cut_padding,
    }
    (folder / DESCRIPTION_FILE).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _describe_tokenizer(tokenizer: Any, folder: Path) -> dict[str, Any]:
    """Return the description for `load_tokenizer`, and write the tokenizer's file if it is not open_clip's own.

    Raises:
        ExportRefusedError: This kind of tokenizer works only with open_clip and transformers.
    """
    kind = type(tokenizer).__name__
    if isinstance(tokenizer, open_clip_tokenizer.SimpleTokenizer):
        return {"kind": "clip", "context_length": tokenizer.context_length}
    backend = getattr(getattr(tokenizer, "tokenizer", None), "backend_tokenizer", None)
    clean = getattr(getattr(tokenizer, "clean_fn", None), "__name__", "").removeprefix("_clean_")
    if backend is None or clean not in _CLEANERS or tokenizer.tokenizer_mode:
        raise ExportRefusedError(f"its tokenizer, a {kind}, works only with open_clip")
    (folder / "tokenizer.json").write_text(backend.to_str(), encoding="utf-8")
    description = {
        "kind": "file",
        "file": "tokenizer.json",
        "context_length": tokenizer.context_length,
        "pad_id": tokenizer.tokenizer.pad_token_id,
        "clean": clean,
        "padding_side": tokenizer.tokenizer.padding_side,
        "truncation_side": tokenizer.tokenizer.truncation_side,
    }
    if tokenizer.strip_sep_token:
        description["strip_id"] = tokenizer.tokenizer.sep_token_id
    return description


def _check_tokens(encoder: OpenClipEncoder, description: dict[str, Any], folder: Path) -> None:
    """Check that the tokenizer gives the same ids without open_clip.

    Raises:
        ExportRefusedError: It gives other ids.
    """
    texts = [*SAMPLE_TEXTS, *TOKENIZER_SAMPLE]
    try:
        expected, tokens = encoder.tokens(texts).numpy(), load_tokenizer(description, folder)(texts)
    except EncoderError as error:
        raise ExportRefusedError(f"its tokenizer cannot be exported: {error}") from error
    if expected.shape != tokens.shape or (expected != tokens).any():
        raise ExportRefusedError("its tokenizer gives other tokens without open_clip")


def _load(folder: Path) -> OnnxEncoder:
    return OnnxEncoder(folder, name="export")


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what the exporter logs for developers."""
    names = ("torch", "torch.onnx", "torch.export", "onnxscript", "onnx_ir")
    levels = {logging.getLogger(name): logging.getLogger(name).level for name in names}
    for logger in levels:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
