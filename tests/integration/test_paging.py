"""Pages of one query neither overlap nor leave anything out, also beyond the first hundred hits."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval import Library

WORDS = [
    "dog",
    "cat",
    "beach",
    "boat",
    "snow",
    "child",
    "red",
    "blue",
    "runs",
    "jumps",
    "street",
    "water",
    "grass",
    "ball",
    "tree",
    "man",
    "woman",
    "table",
]


@pytest.fixture(scope="module")
def mixed(skimage_photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Return a library of 230 short texts and four photos, under the compact encoder."""
    folder = tmp_path_factory.mktemp("mixed")
    generator = random.Random(3)
    for number in range(230):
        (folder / f"{number}.txt").write_text(" ".join(generator.sample(WORDS, 5)))
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png"):
        shutil.copy(skimage_photos / name, folder)
    with Library.open(tmp_path_factory.mktemp("library") / "test.recall") as library:
        library.sync(folder)
        yield library


@pytest.mark.parametrize("rerank", [[], ["mmr:0.5"], ["bursts", "mmr"]])
@pytest.mark.parametrize("hybrid", [True, False])
def test_pages_are_cut_from_one_order(mixed: Library, rerank: list[str], hybrid: bool) -> None:
    whole = [hit.item_id for hit in mixed.search("a dog at the beach", k=234, hybrid=hybrid, rerank=rerank)]
    pages = [
        hit.item_id
        for offset in range(0, 234, 30)
        for hit in mixed.search("a dog at the beach", k=30, offset=offset, hybrid=hybrid, rerank=rerank)
    ]
    assert len(set(pages)) == 234
    assert pages == whole
