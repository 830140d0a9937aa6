"""Tells PyInstaller what a frozen app with Recall needs.

    hook-indexer.py     weights, other data, migrations, and what `indexer` loads by name
    hook-retrieval.py   the same of `retrieval`, and the distribution's metadata with the plugins that are installed

PyInstaller finds the hooks by the entry point of the group `pyinstaller40`.
"""

from __future__ import annotations

from pathlib import Path

LEFT_OUT = [
    "IPython",
    "datasets",
    "ir_measures",
    "onnx",
    "onnxscript",
    "open_clip",
    "pandas",
    "peft",
    "pyarrow",
    "safetensors",
    "sentence_transformers",
    "timm",
    "torch",
    "torchvision",
    "transformers",
]
"""Packages that Recall imports late, for extras that few apps want; PyTorch alone takes gigabytes. PyInstaller ignores
Recall's imports of these. What the app imports itself is frozen all the same, and then Recall uses it."""


def get_hook_dirs() -> list[str]:
    """Return the folder with the hooks."""
    return [str(Path(__file__).parent)]
