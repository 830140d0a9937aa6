"""rclip (github.com/yurijmikhalevich/rclip) as a neighbour in the same table: same weights, same photos, same machine.

It gets an environment of its own, and in place of the model it would download the same random weights as Recall, as the
files that it looks for: `visual.onnx` and `textual.onnx`, input `input`, output `output`, and open_clip's word pieces.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import venv
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import open_clip
import torch

from indexer.types import Vectors

VERSION = "3.3.0"

ARCHITECTURE = "ViT-B-32-256"

MODEL_FOLDER = "ViT-B-32-256-datacomp_s34b_b86k"
"""Where rclip 3.3.0 looks for its model below RCLIP_DATADIR (rclip/model_download.py)."""

FILL = """
import sys
import numpy
from rclip.db import DB, NewImage

vectors = numpy.load(sys.argv[1])
database = DB(sys.argv[2] + "/db.sqlite3")
for number, vector in enumerate(vectors):
    path = f"{sys.argv[3]}/IMG_{number:06}.jpg"
    row = NewImage(filepath=path, modified_at=1.0, size=1, vector=vector.tobytes(), hash=str(number))
    database.upsert_image(row, commit=False)
database.close()
"""
"""Fills rclip's own database through its own class; run by its Python."""


class NotInstallableError(Exception):
    """rclip cannot be installed here; the reason is its text."""


def install(folder: Path) -> Path:
    """Return the folder of programs of an environment with rclip, made where it is missing.

    Raises:
        NotInstallableError: pip cannot, for instance without a network.
    """
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    if shutil.which("rclip", path=programs):
        return programs
    try:
        venv.create(folder, with_pip=True, clear=True)
        command: list[str | Path] = [
            programs / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "-q",
            f"rclip=={VERSION}",
        ]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise NotInstallableError(f"rclip {VERSION} cannot be installed: {said.strip().splitlines()[-1]}") from error
    return programs


def export(model_folder: Path, data: Path) -> None:
    """Write the files that rclip looks for, from a folder that `local-dir:` loads.

    Args:
        model_folder: open_clip's configuration and weights.
        data: What RCLIP_DATADIR will name.
    """
    model = open_clip.create_model(f"local-dir:{model_folder}", require_pretrained=True).eval()
    size = model.visual.image_size[0]
    (data / MODEL_FOLDER).mkdir(parents=True)
    (data / "tokenizer").mkdir()
    words = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(words, data / "tokenizer")
    tokens = open_clip.get_tokenizer(f"local-dir:{model_folder}")(["a dog", "a cat"])
    _write(model.visual, torch.zeros(2, 3, size, size), data / MODEL_FOLDER / "visual.onnx")
    _write(_TextTower(model), tokens, data / MODEL_FOLDER / "textual.onnx")


class _TextTower(torch.nn.Module):
    """The text side of a model, as a model of its own."""

    def __init__(self, model: torch.nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        vectors: torch.Tensor = self.model.encode_text(tokens)  # type: ignore[operator]  # torch types it as a tensor
        return vectors


def _write(tower: torch.nn.Module, example: torch.Tensor, file: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        torch.onnx.export(
            tower.eval(),
            (example,),
            file,
            input_names=["input"],
            output_names=["output"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )


def fill(programs: Path, data: Path, vectors: Vectors, root: Path, env: Mapping[str, str]) -> None:
    """Give rclip a database of photos that do not exist, as indexing would leave it.

    Args:
        programs: From `install`.
        data: What RCLIP_DATADIR will name.
        vectors: Unit vectors, shape (n, 512), float32.
        root: The folder that the photos pretend to be in.
        env: The environment of the run.
    """
    file = data / "vectors.npy"
    np.save(file, vectors)
    subprocess.run([programs / "python", "-c", FILL, file, data, root], check=True, env=dict(env), timeout=300)
    file.unlink()
