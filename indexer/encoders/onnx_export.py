"""Writes an open_clip encoder's two towers as ONNX graphs, and lets none pass that gives other vectors."""

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

from indexer.encoders.onnx_encoder import DESCRIPTION, FORMAT, OnnxEncoder
from indexer.encoders.openclip_encoder import LOADING_ERRORS, TOKENIZER_SAMPLE, OpenClipEncoder
from indexer.encoders.parity import (
    SAMPLE_TEXTS,
    ExportRefusedError,
    image_agreement,
    min_cosine,
    require_agreement,
    text_agreement,
)
from indexer.encoders.tokenizer import load_tokenizer
from indexer.errors import EncoderError

AGREEMENT = 0.99999
"""Smallest cosine to torch: sums in another order give .9999995 and better on every architecture tried."""

OPSET = 20
"""The first with Gelu as one operator."""

MOST = 1 << 20
"""Rows that one call may have; the exporter wants a bound."""

FAILURES = (*LOADING_ERRORS, IndexError, ArithmeticError)
"""What the exporter raises over a tower that it cannot translate; its own errors are RuntimeErrors."""

CLEANERS = ("lower", "whitespace", "canonicalize")
"""How open_clip's tokenizers may clean a text before it is cut into tokens; the names are open_clip's."""


def export(encoder: OpenClipEncoder, folder: Path) -> None:
    """Write an encoder as a folder that `OnnxEncoder` opens; takes tens of seconds.

    Args:
        encoder: On the CPU.
        folder: An empty folder that exists. After an error what it holds is of no use.

    Raises:
        ExportRefusedError: A tower cannot be exported, or gives other vectors than torch.
        OSError: The folder cannot be written.
    """
    tokenizer = _describe_tokenizer(encoder.tokenizer, folder)
    _check_tokens(encoder, tokenizer, folder)
    with _quiet():
        size = encoder.preprocess.size
        pixels = torch.zeros((2, size, size, 3), dtype=torch.uint8)
        _write(_ImageTower(encoder), pixels, folder / "image.onnx", {0: Dim("n", max=MOST)})
        _export_text(encoder, tokenizer, folder)
        require_agreement(
            image_agreement(encoder, _opened(folder)), AGREEMENT, what="image vectors differ from torch's"
        )


def _export_text(encoder: OpenClipEncoder, tokenizer: dict[str, Any], folder: Path) -> None:
    """Write the text tower, at first for texts of any length, which makes short ones faster.

    A tower that looks at the padding, or counts from the end, gives other vectors without it: it gets texts of one
    length. The towers' names do not say which kind they are, so that both are tried.
    """
    tokens = encoder.tokens(SAMPLE_TEXTS)  # (n, context)
    for cut_padding in (True, False):
        _describe(encoder, tokenizer, folder, cut_padding=cut_padding)
        try:
            if cut_padding:
                _check_cutting(encoder, tokens, tokenizer.get("pad_id", 0))
                shorter = {0: Dim("n", max=MOST), 1: Dim("t", max=tokens.shape[1])}
                _write(_CuttableTextTower(encoder.model), tokens[:2, :-1], folder / "text.onnx", shorter)
            else:
                _write(_TextTower(encoder.model), tokens[:2], folder / "text.onnx", {0: Dim("n", max=MOST)})
            require_agreement(
                text_agreement(encoder, _opened(folder)), AGREEMENT, what="text vectors differ from torch's"
            )
        except ExportRefusedError:
            if not cut_padding:
                raise
        else:
            return


class _ImageTower(torch.nn.Module):
    """From pixels, (n, size, size, 3), uint8, to vectors, (n, dim)."""

    def __init__(self, encoder: OpenClipEncoder) -> None:
        super().__init__()
        prepared = encoder.preprocess
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (prepared.mean, prepared.std))
        self.model = encoder.model
        self.scale, self.shift = 1 / (255 * std), -mean / std

    def forward(self, pixels: torch.Tensor) -> Any:
        return self.model.encode_image(pixels.permute(0, 3, 1, 2).float() * self.scale + self.shift)


class _TextTower(torch.nn.Module):
    """From token ids, (n, context), to vectors, (n, dim)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> Any:
        return self.model.encode_text(tokens)


class _CuttableTextTower(torch.nn.Module):
    """The same for token ids of any length up to the context: positions and causal mask are cut to it too."""

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


def _check_cutting(encoder: OpenClipEncoder, tokens: torch.Tensor, pad: int) -> None:
    """Refuse a tower whose vectors change without padding; cheaper than to find it out after the export."""
    tower, found = _CuttableTextTower(encoder.model), []
    try:
        for row in tokens:
            used = int((row != pad).nonzero().max()) + 1
            with torch.inference_mode():
                found.append(tower(row[None, :used]).numpy())
    except FAILURES as error:
        raise _refusal("text", error) from error
    require_agreement(
        min_cosine(encoder.encode_texts(SAMPLE_TEXTS), np.concatenate(found)),
        AGREEMENT,
        what="text vectors change without padding",
    )


def _write(tower: torch.nn.Module, example: torch.Tensor, file: Path, dynamic: dict[int, Any]) -> None:
    """Write a tower as a graph, its weights beside it: in one file a graph is limited to 2 GB.

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
                opset_version=OPSET,
                verbose=False,
            )
    except FAILURES as error:
        raise _refusal(file.stem, error) from error
    if program is None:
        raise ExportRefusedError(f"its {file.stem} tower cannot be exported")
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()  # the lines of Python that it came from: 20 times the graph itself
    program.save(file, external_data=True)


def _refusal(tower: str, error: Exception) -> ExportRefusedError:
    """Return the refusal of a tower; of the exporter's long stories the last cause is worth telling."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    reason = (str(cause) or repr(cause)).strip().splitlines()[0]
    return ExportRefusedError(f"its {tower} tower cannot be exported: {reason[:200]}")


def _describe(encoder: OpenClipEncoder, tokenizer: dict[str, Any], folder: Path, *, cut_padding: bool) -> None:
    """Write what the folder says about itself."""
    content = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "precision": "float32",
        "preprocess": asdict(encoder.preprocess),
        "tokenizer": tokenizer,
        "cut_padding": cut_padding,
    }
    (folder / DESCRIPTION).write_text(json.dumps(content, indent=2), encoding="utf-8")


def _describe_tokenizer(tokenizer: Any, folder: Path) -> dict[str, Any]:
    """Return what `load_tokenizer` needs, and write its file where it is not open_clip's own.

    Raises:
        ExportRefusedError: It is of a kind that only open_clip and transformers know.
    """
    kind = type(tokenizer).__name__
    if isinstance(tokenizer, open_clip_tokenizer.SimpleTokenizer):
        return {"kind": "clip", "context_length": tokenizer.context_length}
    backend = getattr(getattr(tokenizer, "tokenizer", None), "backend_tokenizer", None)
    clean = getattr(getattr(tokenizer, "clean_fn", None), "__name__", "").removeprefix("_clean_")
    if backend is None or clean not in CLEANERS or tokenizer.tokenizer_mode:
        raise ExportRefusedError(f"its tokenizer, a {kind}, works with open_clip only")
    (folder / "tokenizer.json").write_text(backend.to_str(), encoding="utf-8")
    described = {
        "kind": "file",
        "file": "tokenizer.json",
        "context_length": tokenizer.context_length,
        "pad_id": tokenizer.tokenizer.pad_token_id,
        "clean": clean,
        "padding_side": tokenizer.tokenizer.padding_side,
        "truncation_side": tokenizer.tokenizer.truncation_side,
    }
    if tokenizer.strip_sep_token:
        described["strip_id"] = tokenizer.tokenizer.sep_token_id
    return described


def _check_tokens(encoder: OpenClipEncoder, described: dict[str, Any], folder: Path) -> None:
    """Check that the tokenizer gives the same ids without open_clip.

    Raises:
        ExportRefusedError: It does not.
    """
    texts = [*SAMPLE_TEXTS, *TOKENIZER_SAMPLE]
    try:
        theirs, ours = encoder.tokens(texts).numpy(), load_tokenizer(described, folder)(texts)
    except EncoderError as error:
        raise ExportRefusedError(f"its tokenizer cannot be kept: {error}") from error
    if theirs.shape != ours.shape or (theirs != ours).any():
        raise ExportRefusedError("its tokenizer gives other tokens without open_clip")


def _opened(folder: Path) -> OnnxEncoder:
    return OnnxEncoder(folder, name="export")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter has to say to developers from a user's screen."""
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
