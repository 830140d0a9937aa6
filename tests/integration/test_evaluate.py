"""Recall at k against plain loops, reading evaluation sets, and evaluating a whole one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError
from indexer.types import Ids, Pixels, Preprocess, Vectors
from retrieval.evaluate import evaluate_captions, read_captions, recall_at_k

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColourEncoder:
    """A picture is its mean colour, a text the first colour that it names."""

    name = "colours"
    fingerprint = "0" * 40
    dim = 3
    device = "cpu"
    batch_size = 2
    preprocess = Preprocess(size=8, resize_mode="squash")

    def __init__(self) -> None:
        self.largest_batch = 0

    def encode_images(self, pixels: Pixels) -> Vectors:
        self.largest_batch = max(self.largest_batch, len(pixels))
        means = pixels.reshape(len(pixels), -1, 3).mean(axis=1)
        return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), dtype=np.float32)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        named = [next(colour for colour in COLOURS if colour in text) for text in texts]
        return np.asarray([COLOURS[colour] for colour in named], dtype=np.float32) / np.float32(255)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        return [True] * len(texts)


def slow_recall(scores: list[list[float]], right: list[set[int]], k: int) -> float:
    hits = 0
    for row, answers in zip(scores, right, strict=True):
        order = sorted(range(len(row)), key=lambda index: (-row[index], index))
        hits += any(index in answers for index in order[:k])
    return hits / len(scores)


@pytest.mark.parametrize("levels", [2, 1000])
def test_recall_agrees_with_plain_loops_also_where_scores_tie(levels: int) -> None:
    random = np.random.default_rng(levels)
    texts = random.integers(0, levels, (40, 3)).astype(np.float32)
    images = random.integers(0, levels, (15, 3)).astype(np.float32)
    owners = np.concatenate([np.arange(15), random.integers(0, 15, 25)])
    scores = texts @ images.T
    forward, backward = recall_at_k(texts, images, owners, ks=(1, 2, 5))
    for k in (1, 2, 5):
        assert forward[k] == slow_recall(scores.tolist(), [{int(owner)} for owner in owners], k)
        described = [set(np.flatnonzero(owners == image).tolist()) for image in range(15)]
        assert backward[k] == slow_recall(scores.T.tolist(), described, k)


def test_an_encoder_that_gives_one_vector_for_everything_finds_by_chance_only() -> None:
    same = np.ones((20, 4), dtype=np.float32)
    forward, backward = recall_at_k(same, same, np.arange(20), ks=(1, 5))
    assert forward == {1: 1 / 20, 5: 5 / 20}  # only the queries whose answer has the smallest indexes
    assert backward == {1: 1 / 20, 5: 5 / 20}


def test_image_to_text_counts_any_of_the_captions_and_text_to_image_each_one() -> None:
    images = np.eye(2, dtype=np.float32)
    texts = np.asarray([[1, 0], [0, 1], [0, 1]], dtype=np.float32)
    owners: Ids = np.asarray([0, 0, 1])  # the second caption of picture 0 points at picture 1
    forward, backward = recall_at_k(texts, images, owners, ks=(1,))
    assert forward == {1: 2 / 3}
    assert backward == {1: 1 / 2}  # picture 1 meets caption 1, which is not its own, before caption 2


def test_recall_of_nothing_is_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        recall_at_k(np.ones((0, 3), np.float32), np.ones((2, 3), np.float32), np.zeros(0, np.int64))


def write_set(folder: Path, lines: Sequence[str], *, header: str = "image,caption") -> Path:
    (folder / "images").mkdir(parents=True)
    for colour, value in COLOURS.items():
        Image.new("RGB", (12, 9), value).save(folder / "images" / f"{colour}.png")
    table = folder / "captions.csv"
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return table


def test_a_set_is_evaluated_both_ways_in_batches(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", [f"{colour}.png,all is {colour}" for colour in COLOURS] + ["red.png,a red one"])
    encoder = ColourEncoder()
    assert isinstance(encoder, Encoder)
    steps: list[int] = []
    found = evaluate_captions(table, encoder, progress=lambda step: steps.append(step.done))
    assert found.to_dict() == {
        "text_to_image": {"R@1": 1.0, "R@5": 1.0, "R@10": 1.0},
        "image_to_text": {"R@1": 1.0, "R@5": 1.0, "R@10": 1.0},
        "images": 3,
        "captions": 4,
        "encoder": "colours",
        "failed": 0,
    }
    assert encoder.largest_batch == 2
    assert steps == [2, 3]


def test_unreadable_pictures_are_named_and_left_out(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["red.png,red", "gone.png,green", "blue.png,blue", "text.png,red"])
    (tmp_path / "set" / "images" / "text.png").write_text("no picture")
    found = evaluate_captions(table, ColourEncoder())
    assert (found.images, found.captions, found.to_dict()["failed"]) == (2, 2, 2)
    assert [path.name for path, _ in found.failures] == ["gone.png", "text.png"]


def test_a_set_without_one_readable_picture_is_an_error(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["gone.png,green"])
    with pytest.raises(EvaluationError, match=r"none of the 1 pictures .*gone\.png"):
        evaluate_captions(table, ColourEncoder())


def test_a_split_chooses_lines_and_quotes_and_blanks_are_understood(tmp_path: Path) -> None:
    lines = ['red.png,"red, and only red",,train', "blue.png, blue ,,dev", "blue.png,,,dev", ",lost,,dev"]
    table = write_set(tmp_path / "set", lines, header="\ufeffimage,caption,label,split")
    assert [picture.captions for picture in read_captions(table)] == [("red, and only red",), ("blue",)]
    assert [picture.path.name for picture in read_captions(table, "dev")] == ["blue.png"]


def test_a_picture_may_lie_beside_the_table(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["other/near.png,red", "red.png,red"])
    (tmp_path / "set" / "other").mkdir()
    near = tmp_path / "set" / "other" / "near.png"
    Image.new("RGB", (4, 4)).save(near)
    assert [picture.path for picture in read_captions(table)] == [near, tmp_path / "set" / "images" / "red.png"]


@pytest.mark.parametrize(
    ("header", "lines", "split", "message"),
    [
        ("file,text", ["a,b"], None, r"columns file, text but not image, caption"),
        ("image,caption", ["a,b"], "dev", r"but not split"),
        ("image,caption,split", ["a,b,train"], "dev", r"no caption with split 'dev'"),
        ("image,caption", [], None, r"no caption; expected lines"),
    ],
)
def test_a_table_that_does_not_fit_says_what_is_missing(
    tmp_path: Path, header: str, lines: list[str], split: str | None, message: str
) -> None:
    table = write_set(tmp_path / "set", lines, header=header)
    with pytest.raises(EvaluationError, match=message):
        read_captions(table, split)


def test_a_table_that_is_not_there_or_no_table_says_so(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"there is no .*nowhere\.csv"):
        read_captions(tmp_path / "nowhere.csv")
    with pytest.raises(EvaluationError, match=r"cannot be read"):
        read_captions(tmp_path)
    (tmp_path / "latin.csv").write_bytes(b"image,caption\na.jpg,caf\xe9\n")
    with pytest.raises(EvaluationError, match=r"expected a CSV file in UTF-8"):
        read_captions(tmp_path / "latin.csv")
