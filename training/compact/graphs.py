"""Writes both towers of a trained folder as ONNX graphs, whose weights stay in its safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import onnx
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.export import Dim
from torch.func import functional_call

from indexer.encoders.onnx_encoder import DESCRIPTION_FILE, FORMAT
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.types import Preprocess
from training.compact.open_clip_folder import WEIGHTS_NAME

TABLE = "token_embedding.weight"
OPSET = 20  # the first with Gelu


class ImageTower(nn.Module):
    """Pixels (n, size, size, 3), uint8, and the stored weights to vectors (n, dim).

    The weights are arguments, in float16 as stored, so that the exporter neither copies nor changes them and the graph
    contains their conversion to float32. ONNX Runtime converts them once, when it opens the graph, and folds BatchNorm.
    """

    def __init__(self, model: Any, names: list[str], preprocess: Preprocess) -> None:
        super().__init__()
        self.model = model
        self.names = names
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocess.mean, preprocess.std))
        self._scale: Tensor = 1 / (255 * std)
        self._shift: Tensor = -mean / std

    def forward(self, pixels: Tensor, weights: list[Tensor]) -> Tensor:
        """Return the vectors, which are not of unit length."""
        state = {name: weight.float() for name, weight in zip(self.names, weights, strict=True)}
        values = pixels.permute(0, 3, 1, 2).float() * self._scale + self._shift  # (n, 3, size, size)
        return _encode(self.model, "encode_image", state, values)


class TextTower(nn.Module):
    """Token ids (n, t), t up to the context length, and the stored weights to vectors (n, dim).

    A shorter t gives the same vectors as the padded text, because the tower is causal and read at the end token. The
    token table is converted after the look-up, because it is nine tenths of the weights.
    """

    def __init__(self, model: Any, names: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names

    def forward(self, tokens: Tensor, weights: list[Tensor]) -> Tensor:
        """Return the vectors, which are not of unit length."""
        length = tokens.shape[1]
        named = zip(self.names, weights, strict=True)
        state = {name: weight if name == TABLE else weight.float() for name, weight in named}
        state["positional_embedding"] = state["positional_embedding"][:length]
        state["attn_mask"] = self.model.attn_mask[:length, :length]
        return _encode(self.model, "encode_text", state, tokens)


class _Method(nn.Module):
    """A method of the model as a module, for `functional_call`."""

    def __init__(self, model: Any, name: str) -> None:
        super().__init__()
        self.model = model
        self._name = name

    def forward(self, rows: Tensor) -> Any:
        return getattr(self.model, self._name)(rows)


def _encode(model: Any, method: str, state: Mapping[str, Tensor], rows: Tensor) -> Tensor:
    """Return the output of a method of the model with these tensors in place of its own."""
    parameters = {f"model.{name}": value for name, value in state.items()}
    vectors: Tensor = functional_call(_Method(model, method), parameters, (rows,))
    return vectors


def write_graphs(folder: Path) -> None:
    """Write image.onnx, text.onnx and encoder.json next to a CLIP model's config and float16 weights.

    `indexer.encoders.onnx_encoder` reads them. The graphs are small, because their tensors point into the weights.
    """
    encoder = OpenClipEncoder.load(f"local-dir:{folder}", device="cpu")
    size, context = encoder.preprocess.size, int(encoder.model.context_length)
    image, text = _weights(folder / WEIGHTS_NAME)
    offsets, count = _tensor_offsets(folder / WEIGHTS_NAME), Dim("n", min=1, max=2**16)
    pixels = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    tower: nn.Module = ImageTower(encoder.model, list(image), encoder.preprocess)
    _write(tower, {"pixels": pixels} | image, shape={0: count}, offsets=offsets, file=folder / "image.onnx")
    tokens = torch.ones((2, context // 2), dtype=torch.int64)
    shorter = {0: count, 1: Dim("t", min=2, max=context)}  # an empty text has two tokens, start and end
    tower = TextTower(encoder.model, list(text))
    _write(tower, {"tokens": tokens} | text, shape=shorter, offsets=offsets, file=folder / "text.onnx")
    description = {
        "format": FORMAT,
        "fingerprint": encoder.fingerprint,
        "dim": encoder.dim,
        "precision": "float32",
        "preprocess": asdict(encoder.preprocess),
        "tokenizer": {"kind": "clip", "context_length": context},
        "cut_padding": True,
    }
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def _weights(file: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the weights of the image tower and of the text tower by name."""
    weights = {
        name: value
        for name, value in load_file(file).items()
        if value.is_floating_point() and name != "logit_scale"  # the integers are BatchNorm's counts of batches
    }
    image = {name: value for name, value in weights.items() if name.startswith("visual.")}
    return image, {name: value for name, value in weights.items() if name not in image}


def _tensor_offsets(file: Path) -> dict[str, tuple[int, int]]:
    """Return offset and length in bytes of every tensor in a safetensors file.

    The file begins with the length of its header, in 8 bytes, and the header. The offsets in the header are relative to
    its end (safetensors' format, README).
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        header = json.loads(stream.read(length))
    spans = {name: entry["data_offsets"] for name, entry in header.items() if name != "__metadata__"}
    return {name: (8 + length + start, end - start) for name, (start, end) in spans.items()}


def _write(
    tower: nn.Module,
    inputs: dict[str, Tensor],
    *,
    shape: dict[int, Any],
    offsets: dict[str, tuple[int, int]],
    file: Path,
) -> None:
    """Write a tower's graph. All but the first of `inputs` are weights, which become references to their file."""
    rows, *weights = inputs.values()
    program: Any = torch.onnx.export(
        tower.eval(),
        (rows, weights),
        input_names=list(inputs),
        output_names=["vectors"],
        dynamic_shapes=(shape, [{}] * len(weights)),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    model = program.model_proto
    used = {name for node in model.graph.node for name in node.input}
    for weight in list(model.graph.input)[1:]:
        model.graph.input.remove(weight)
        if weight.name in used:
            model.graph.initializer.append(_external_tensor(weight, *offsets[weight.name]))
    _strip(model)
    file.write_bytes(model.SerializeToString(deterministic=True))


def _external_tensor(weight: onnx.ValueInfoProto, offset: int, length: int) -> onnx.TensorProto:
    """Return a graph's input as a tensor whose content is in the weights' file."""
    tensor_type = weight.type.tensor_type
    tensor = onnx.TensorProto(
        name=weight.name,
        data_type=tensor_type.elem_type,
        dims=[size.dim_value for size in tensor_type.shape.dim],
        data_location=onnx.TensorProto.EXTERNAL,
    )
    for key, value in (("location", WEIGHTS_NAME), ("offset", str(offset)), ("length", str(length))):
        tensor.external_data.add(key=key, value=value)
    return tensor


def _strip(model: onnx.ModelProto) -> None:
    """Remove the debugging information of the exporter, which is nine tenths of the graph's file."""
    del model.graph.value_info[:]
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.initializer):
        del part.metadata_props[:]
    for node in model.graph.node:
        node.ClearField("name")
        node.ClearField("doc_string")
