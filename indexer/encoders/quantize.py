"""Conversion of an export from float32 to int8, which takes a quarter of the size and half of the time or less."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from indexer.encoders.onnx_encoder import DESCRIPTION_FILE, OnnxEncoder
from indexer.encoders.parity import image_agreement, require_agreement, text_agreement

_OPERATORS = ["MatMul", "Gemm", "Gather"]
"""Operators that are quantized, including the token table (Gather).

Not convolutions: with ranges that are only known at run time, ONNX Runtime computes them ten times slower.
"""

MIN_COSINE = 0.98
"""Smallest cosine to float32 that is accepted."""


def quantize(source: Path, folder: Path, *, fingerprint: str) -> None:
    """Write an export in int8.

    Args:
        source: The export in float32; its weights may be stored in float16 with a Cast.
        folder: An existing empty folder. After an error its content is unusable.
        fingerprint: Fingerprint of the result.

    Raises:
        ExportRefusedError: Its vectors differ too much from those in float32.
        OSError: The folder cannot be written.
    """
    description = json.loads((source / DESCRIPTION_FILE).read_text(encoding="utf-8"))
    description |= {"precision": "int8", "fingerprint": fingerprint}
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
    if description["tokenizer"]["kind"] == "file":
        shutil.copyfile(source / description["tokenizer"]["file"], folder / description["tokenizer"]["file"])
    with _quiet():
        for tower in ("image", "text"):
            _quantize_graph(source / f"{tower}.onnx", folder / f"{tower}.onnx")
    float32, int8 = (OnnxEncoder(path, name="export") for path in (source, folder))
    problem = "vectors differ from those in float32"
    require_agreement(image_agreement(float32, int8), MIN_COSINE, problem=f"image {problem}")
    require_agreement(text_agreement(float32, int8), MIN_COSINE, problem=f"text {problem}")


def _quantize_graph(source: Path, target: Path) -> None:
    """Write a graph in int8, with its weights in a file beside it."""
    folded = target.with_suffix(".folded.onnx")
    options = onnxruntime.SessionOptions()
    # basic: turns float16 weights with a Cast into constants, and adds nothing specific to this processor
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", f"{folded.name}.data")
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quantize_dynamic(
        folded,
        target,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=_OPERATORS,
        per_channel=True,
        reduce_range=True,  # weights of 7 bits: with 8, sums overflow on processors without VNNI (cosines of .94)
        use_external_data_format=True,
    )
    for file in (folded, folded.with_name(f"{folded.name}.data")):
        file.unlink()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide the advice to developers that ONNX Runtime logs on the root logger."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
