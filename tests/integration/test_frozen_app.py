"""A frozen app has with it all that Recall loads by name: the app of the manual, built by PyInstaller."""

from __future__ import annotations

import shutil
from pathlib import Path

import pillow_heif
import pytest
from PIL import Image

from indexer import __version__
from tests.support.environment import build, make_environment
from tests.support.frozen_app import freeze, run, source

ROOT = Path(__file__).resolve().parents[2]

FURTHER = """
from importlib.metadata import entry_points, version
from importlib.util import find_spec

from retrieval.query.parse_values import read_limit
from retrieval.search.rerank.registry import reranker_entries

with Library.open("finder.recall", config=False, workers=0) as library:
    print(library.search("a cat", k=1, rerank=["mmr"])[0].rerank[0].step)
print(*(entry.name for entry in reranker_entries()))
print(read_limit("1. Mai 2019").date())
print(version("recall-photos"), *(entry.name for entry in entry_points(group="recall.encoders")))
print(find_spec("torch"))
"""
"""Added to the app: what else is loaded by name."""


@pytest.mark.slow
def test_a_frozen_app_finds_the_right_photo_and_items_with_nothing_of_python_around(
    skimage_photos: Path, tmp_path: Path
) -> None:
    wheel = build("wheel", ROOT, tmp_path / "wheel")
    python = make_environment(tmp_path / "environment", wheel, "pyinstaller")
    built = freeze(source() + FURTHER, python=python, into=tmp_path / "build")
    shutil.move(built.parent, tmp_path / "app")
    for folder in ("wheel", "environment", "build"):
        shutil.rmtree(tmp_path / folder)  # so that nothing of them can be used
    app = tmp_path / "app" / built.name
    pictures, elsewhere = tmp_path / "home" / "Pictures", tmp_path / "elsewhere"
    pictures.mkdir(parents=True)
    elsewhere.mkdir()
    for name in ("chelsea.png", "camera.png", "rocket.jpg", "horse.png"):
        shutil.copy(skimage_photos / name, pictures)
    with Image.open(skimage_photos / "coffee.png") as picture:
        pillow_heif.from_pillow(picture).save(pictures / "coffee.heic")

    added, cat, *further = run(app, home=tmp_path / "home", cwd=elsewhere).splitlines()
    assert added == "5 added"
    assert Path(cat) == pictures / "chelsea.png"
    assert further == ["mmr:0.8", "blend bursts encoder exact mmr", "2019-05-01", f"{__version__} st", "None"]
    for words, found in (("a cup of coffee", str(pictures / "coffee.heic")), ("bread", "bread")):
        assert run(app, words, home=tmp_path / "home", cwd=elsewhere).splitlines()[1] == found
