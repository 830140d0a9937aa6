"""Brings an export from float32 to int8: a quarter of its size, and half of its work or less."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

from indexer.encoders.onnx_encoder import DESCRIPTION, OnnxEncoder
from indexer.encoders.parity import image_agreement, require_agreement, text_agreement

OPERATORS = ["MatMul", "Gemm", "Gather"]
"""What is brought to int8, the table of tokens (Gather) included. Convolutions stay: ONNX Runtime computes theirs ten
times slower when their ranges are only known at run time."""

AGREEMENT = 0.98
"""Smallest cosine to float32."""


def quantize(source: Path, folder: Path, *, fingerprint: str) -> None:
    """Write the int8 form of an export.

    Args:
        source: The export in float32, also with weights in float16 behind a Cast.
        folder: An empty folder that exists. After an error what it holds is of no use.
        fingerprint: That of the result.

    Raises:
        ExportRefusedError: Its vectors are too far from those in float32.
        OSError: The folder cannot be written.
    """
    described = json.loads((source / DESCRIPTION).read_text(encoding="utf-8"))
    described |= {"precision": "int8", "fingerprint": fingerprint}
    (folder / DESCRIPTION).write_text(json.dumps(described, indent=2), encoding="utf-8")
    if described["tokenizer"]["kind"] == "file":
        shutil.copyfile(source / described["tokenizer"]["file"], folder / described["tokenizer"]["file"])
    with _quiet():
        for tower in ("image", "text"):
            _quantize(source / f"{tower}.onnx", folder / f"{tower}.onnx")
    full, small = (OnnxEncoder(place, name="export") for place in (source, folder))
    require_agreement(image_agreement(full, small), AGREEMENT, what="image vectors differ from those in float32")
    require_agreement(text_agreement(full, small), AGREEMENT, what="text vectors differ from those in float32")


def _quantize(source: Path, target: Path) -> None:
    """Write the int8 form of one graph, its weights beside it."""
    folded = target.with_suffix(".folded.onnx")
    options = onnxruntime.SessionOptions()
    # basic: turns float16 weights with their Cast into constants, and adds nothing that only one processor knows
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(folded)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", f"{folded.name}.data")
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    quantize_dynamic(
        folded,
        target,
        weight_type=QuantType.QInt8,
        op_types_to_quantize=OPERATORS,
        per_channel=True,
        use_external_data_format=True,
    )
    for file in (folded, folded.with_name(f"{folded.name}.data")):
        file.unlink()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime's advice to developers, on the root logger, from a user's screen."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        root.setLevel(level)
