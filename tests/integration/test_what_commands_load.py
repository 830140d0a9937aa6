"""What each command loads, on a real library: every needless module makes every run slower."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.program import program_env

TORCH = {"huggingface_hub", "open_clip", "safetensors", "timm", "torch", "torchvision", "transformers"}
SERVING = {"fastapi", "prometheus_client", "pydantic", "retrieval.server", "starlette", "uvicorn"}
NEVER = TORCH | SERVING | {"alembic", "dateparser", "pandas", "retrieval.terminal", "rich", "sqlalchemy.orm", "textual"}
"""Modules that no command needs on a library with the current schema and the encoder that ships."""

PICTURES = {"PIL", "indexer.images", "pi_heif", "pillow_jxl", "rawpy"}
ENCODING = {"onnxruntime", "tokenizers"}
SYNCING = {
    "filelock",
    "indexer.maintenance.check",
    "indexer.images.workers",
    "indexer.sync.pipeline",
    "indexer.sync.scan_rules",
    "indexer.sync.library_sync",
}

PRINT_MODULES = """
import json, sys
from retrieval.cli import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
print(json.dumps(sorted(sys.modules)))
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder with photos/, a third photo and test.recall, in which photos/ is indexed."""
    folder = tmp_path_factory.mktemp("cold")
    (folder / "photos").mkdir()
    for name in ("coffee.png", "rocket.jpg"):
        shutil.copy(skimage_photos / name, folder / "photos")
    shutil.copy(skimage_photos / "chelsea.png", folder)
    (folder / "captions.csv").write_text("image,caption\nchelsea.png,a cat\n")
    loaded_by(folder, "index", "photos")
    return folder


def loaded_by(place: Path, *args: str) -> set[str]:
    """Return the modules that a process has loaded after `recall ARGS`."""
    run = subprocess.run(
        [sys.executable, "-c", PRINT_MODULES, *args],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=place,
        env=program_env(place),
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("args", "needed", "forbidden"),
    [
        (["status"], {"sqlalchemy"}, {"faiss"} | ENCODING | PICTURES | SYNCING),
        (["search", "a cup of coffee"], {"faiss", "onnxruntime", "sqlalchemy"}, PICTURES | SYNCING),
        (["search", "a cup of coffee", "--rerank", "bursts", "--rerank", "mmr"], {"onnxruntime"}, PICTURES | SYNCING),
        (["similar", "photos/coffee.png"], {"faiss", "sqlalchemy"}, ENCODING | PICTURES | SYNCING),
        (["similar", "photos/coffee.png", "--after", "1990-01"], {"faiss"}, ENCODING | PICTURES | SYNCING),
        (
            ["search", "chelsea.png", "--all"],  # another process reads the picture
            {"faiss", "indexer.images.workers", "onnxruntime"},
            {"pi_heif", "rawpy"} | SYNCING - {"indexer.images.workers"},
        ),
        (["evaluate", "captions.csv"], {"PIL", "onnxruntime"}, {"faiss", "sqlalchemy"} | SYNCING),
        (["index", "photos"], {"faiss", "indexer.sync.pipeline"}, {"pi_heif", "rawpy"} | ENCODING),  # nothing to do
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_only_what_it_needs(
    place: Path, args: list[str], needed: set[str], forbidden: set[str]
) -> None:
    loaded = loaded_by(place, *args)
    assert needed <= loaded
    assert not loaded & (NEVER | forbidden)
