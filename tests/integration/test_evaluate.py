"""Evaluation sets of captioned pictures: reading them, and evaluating an encoder on one."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError
from indexer.types import Pixels, Preprocess, Progress, Vectors
from retrieval.evaluation import compare, evaluate_captions, read_captions, read_queries

PROMPTS = np.eye(3, dtype=np.float32)

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}


class ColourEncoder:
    """Encodes a picture as its mean colour, and a text as the first colour that it names."""

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
        colours = [next(colour for colour in COLOURS if colour in text) for text in texts]
        return np.asarray([COLOURS[colour] for colour in colours], dtype=np.float32) / np.float32(255)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        return [True] * len(texts)


def write_set(folder: Path, lines: Sequence[str], *, header: str = "image,caption") -> Path:
    (folder / "images").mkdir(parents=True)
    for colour, value in COLOURS.items():
        Image.new("RGB", (12, 9), value).save(folder / "images" / f"{colour}.png")
    table = folder / "captions.csv"
    table.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return table


def test_a_set_is_evaluated_in_both_directions_in_batches(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", [f"{colour}.png,all is {colour}" for colour in COLOURS] + ["red.png,a red one"])
    encoder = ColourEncoder()
    assert isinstance(encoder, Encoder)
    steps: list[Progress] = []
    result = evaluate_captions(table, encoder, progress=steps.append)
    ones = {"R@1": 1.0, "R@5": 1.0, "R@10": 1.0, "MRR": 1.0, "nDCG@10": 1.0, "mAP": 1.0}
    certain = {metric: [1.0, 1.0] for metric in ones}  # every query is answered, so every resample has this mean
    assert result.to_dict() == {
        "text_to_image": ones,
        "image_to_text": ones,
        "images": 3,
        "captions": 4,
        "encoder": "colours",
        "failed": 0,
        "intervals": {"text_to_image": certain, "image_to_text": certain},
        "resamples": 1000,
    }
    assert encoder.largest_batch == 2
    assert [(step.stage, step.done, step.total) for step in steps] == [
        ("encoding photos", 2, 3),
        ("encoding photos", 3, 3),
        ("encoding captions", 4, 4),
        ("measuring", 4, 4),
        ("measuring", 3, 3),
    ]


def test_the_captions_of_a_picture_are_one_cluster_and_each_picture_is_its_own(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["red.png,red", "blue.png,blue", "red.png,a red one"])
    result = evaluate_captions(table, ColourEncoder())
    assert result.directions["text_to_image"].clusters.tolist() == [0, 0, 1]
    assert result.directions["image_to_text"].clusters.tolist() == [0, 1]


def test_a_caption_that_several_pictures_have_is_one_query_that_each_of_them_answers(tmp_path: Path) -> None:
    lines = ["red.png,all is red", "other.png, All  is RED", "blue.png,blue", "green.png,green", "red.png,all is red"]
    table = write_set(tmp_path / "set", [*lines, "third.png,all is red", "third.png,a red one"])
    for name in ("other.png", "third.png"):
        shutil.copy(tmp_path / "set" / "images" / "red.png", tmp_path / "set" / "images" / name)
    result = evaluate_captions(table, ColourEncoder())
    assert (result.about["images"], result.about["captions"]) == (5, 4)
    assert result.directions["image_to_text"].means["R@1"] == 1.0
    # "all is red" has three right pictures, and they come first; "a red one" has the last of three equal ones
    forward = result.directions["text_to_image"]
    assert forward.values[:, forward.metrics.index("R@1")].tolist() == [1.0, 1.0, 1.0, 0.0]
    assert forward.values[0, forward.metrics.index("mAP")] == 1.0
    assert forward.clusters.tolist() == [0, 1, 2, 3]
    assert not np.isnan(forward.intervals).any()


def test_the_calibration_of_an_encoder_without_probabilities_is_refused(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["red.png,red", "blue.png,blue"])
    with pytest.raises(
        EvaluationError, match="'colours' is not calibrated: Recall has match probabilities for compact"
    ):
        evaluate_captions(table, ColourEncoder(), calibration=True)


def test_queries_that_differ_in_case_and_spaces_are_one(tmp_path: Path) -> None:
    table = tmp_path / "queries.csv"
    table.write_text("query,relevant\na dog,1.jpg\nA  Dog,2.jpg\n2: a dog,3.jpg\nCafe\u0301,4.jpg\ncaf\u00e9,5.jpg\n")
    found = [(query.name, sorted(path.name for path in query.relevant)) for query in read_queries(table)]
    assert found == [("a dog", ["1.jpg", "2.jpg"]), ("2: a dog", ["3.jpg"]), ("Cafe\u0301", ["4.jpg", "5.jpg"])]


def test_unreadable_pictures_are_named_and_left_out(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["red.png,red", "missing.png,green", "blue.png,blue", "text.png,red"])
    (tmp_path / "set" / "images" / "text.png").write_text("no picture")
    result = evaluate_captions(table, ColourEncoder())
    assert (result.about["images"], result.about["captions"], result.to_dict()["failed"]) == (2, 2, 2)
    assert [Path(name).name for name, _ in result.failures] == ["missing.png", "text.png"]


def test_systems_that_read_different_pictures_cannot_be_compared(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["red.png,red", "blue.png,blue"])
    first = evaluate_captions(table, ColourEncoder())
    with pytest.raises(EvaluationError, match=r"did not answer the same queries; expected two systems on one set"):
        compare(first, evaluate_captions(write_set(tmp_path / "other", ["red.png,red"]), ColourEncoder()))
    (tmp_path / "set" / "images" / "blue.png").unlink()
    second = evaluate_captions(table, ColourEncoder())
    with pytest.raises(EvaluationError, match=r"did not answer the same queries: only one .*blue\.png"):
        compare(first, second)


def test_a_set_without_one_readable_picture_is_an_error(tmp_path: Path) -> None:
    table = write_set(tmp_path / "set", ["missing.png,green"])
    with pytest.raises(EvaluationError, match=r"no picture .* \(1 tried\), first .*missing\.png"):
        evaluate_captions(table, ColourEncoder())


def test_a_split_chooses_lines_and_quotes_and_blanks_are_parsed(tmp_path: Path) -> None:
    lines = ['red.png,"red, and only red",,train', "blue.png, blue ,,dev", "blue.png,,,dev", ",lost,,dev"]
    table = write_set(tmp_path / "set", lines, header="\ufeffimage,caption,label,split")
    assert [picture.captions for picture in read_captions(table)] == [("red, and only red",), ("blue",)]
    assert [picture.path.name for picture in read_captions(table, "dev")] == ["blue.png"]


def test_a_picture_may_be_next_to_the_table(tmp_path: Path) -> None:
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
def test_the_message_about_an_unusable_table_says_what_is_missing(
    tmp_path: Path, header: str, lines: list[str], split: str | None, message: str
) -> None:
    table = write_set(tmp_path / "set", lines, header=header)
    with pytest.raises(EvaluationError, match=message):
        read_captions(table, split)


def test_a_missing_or_unreadable_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"there is no .*nowhere\.csv"):
        read_captions(tmp_path / "nowhere.csv")
    with pytest.raises(EvaluationError, match=r"cannot be read"):
        read_captions(tmp_path)
    (tmp_path / "latin.csv").write_bytes(b"image,caption\na.jpg,caf\xe9\n")
    with pytest.raises(EvaluationError, match=r"expected a CSV file in UTF-8"):
        read_captions(tmp_path / "latin.csv")
