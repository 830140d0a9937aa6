"""What weights learn from, beside and are measured on: shares of the unjudged photos, control sets, stopping."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from indexer.config import Settings
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EvaluationError, TuningError
from indexer.types import Progress
from retrieval.tuning.lora import evaluate, learn
from retrieval.tuning.lora.data import PairedQuery, Photos
from retrieval.tuning.lora.dataset import epochs_for, split, unjudged_sample
from retrieval.tuning.lora.evaluate import NumberedProgress, table_control_set
from retrieval.tuning.lora.weights import NewWeights
from retrieval.tuning.training_set import TrainingSet
from tests.support.lessons import lessons_of
from tests.support.models import save_model


def with_unjudged(folder: Path, count: int) -> TrainingSet:
    files = tuple(str(folder / f"{number:04}.png") for number in range(count))
    for file in files:
        Path(file).touch()
    made = lessons_of(queries=6, units=12, others=count, dim=8, seed=0)
    return replace(
        made, words=made.names, files=tuple(map(str, range(12))), other_files=files,
        others_are_photos=np.ones(count, dtype=np.bool_),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unjudged", "learnt", "expected"),
    [
        (30, 0, 30),  # too few for a control set, which says so
        (60, 10, 50),  # the fewest of a control set come first
        (280, 140, 140),
        (1000, (200, 400), 300),  # the nearest 200 and 200 at random, which may be the same
    ],
)
def test_a_control_set_takes_half_of_the_unjudged_photos_at_most_but_the_fewest_that_do(
    tmp_path: Path, unjudged: int, learnt: int | tuple[int, int], expected: int
) -> None:
    lessons = with_unjudged(tmp_path, unjudged)
    others, measured = unjudged_sample(lessons, with_control_set=True)
    least, most = learnt if isinstance(learnt, tuple) else (learnt, learnt)
    assert least <= len(others) <= most
    assert len(measured) == expected
    assert not set(others) & set(measured)
    others, measured = unjudged_sample(lessons, with_control_set=False)  # a table was named
    assert len(others) >= min(unjudged, 200)
    assert measured == []


def test_unjudged_photos_that_are_gone_are_said_and_take_no_place_in_a_control_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lessons = with_unjudged(tmp_path, 120)
    for file in lessons.other_files[:40]:
        Path(file).unlink()
    others, measured = unjudged_sample(lessons, with_control_set=True)
    assert (len(others), len(measured)) == (30, 50)
    assert "40 of 120 unjudged photos cannot be read" in caplog.text


def test_queries_to_stop_by_are_held_out_of_all_trainings_or_of_none() -> None:
    queries = [PairedQuery(str(number), (), ()) for number in range(11)]
    assert [len(part) for part in split(queries, 0, stops=True)] == [9, 2]
    assert [len(part) for part in split(queries, 0, stops=False)] == [11, 0]


@pytest.fixture
def start(tmp_path: Path) -> OpenClipEncoder:
    return OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")


@pytest.fixture
def photos(start: OpenClipEncoder) -> Iterator[Photos]:
    with Photos(start.preprocess, limits=None, workers=1, hold=5 * 32 * 32 * 3) as made:
        yield made


def table(folder: Path, count: int) -> Path:
    (folder / "images").mkdir()
    with (folder / "captions.csv").open("w", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow(("image", "caption"))
        for number in range(count):
            Image.new("RGB", (40, 40), (10 * number, 250 - 10 * number, 0)).save(folder / "images" / f"{number}.png")
            lines.writerow((f"{number}.png", f"number {number}"))
    return folder / "captions.csv"


def test_of_a_large_table_an_even_part_is_measured_and_named(
    tmp_path: Path, start: OpenClipEncoder, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "PICTURES", 10)
    control_set = table_control_set(table(tmp_path, 25), start, photos, progress=NumberedProgress(None, 7))
    assert control_set.name == "captions.csv, 10 of its 25 pictures"
    assert [int(path.stem) for path in control_set.paths] == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]
    assert control_set.owners.tolist() == list(range(10))


def test_photos_that_were_measured_are_held_as_far_as_there_is_room_and_the_rest_has_to_be_there(
    tmp_path: Path, start: OpenClipEncoder, photos: Photos
) -> None:
    told: list[Progress] = []
    numbered = NumberedProgress(told.append, 7)
    control_set = table_control_set(table(tmp_path, 8), start, photos, progress=numbered)
    assert control_set.r5(None) == control_set.r5(Same(start))
    numbered.number = 3
    (tmp_path / "images" / "0.png").unlink()  # one of the five that are held
    assert control_set.r5(None) == control_set.r5(Same(start))
    assert told[0] == Progress("measuring", 1, 8)
    assert told[-1] == Progress("measuring (3 of 7)", 8, 8)
    (tmp_path / "images" / "7.png").unlink()
    with pytest.raises(TuningError, match=r"1 photos that could be read before .*7\.png"):
        control_set.r5(Same(start))


class Same(NewWeights):
    """The start itself as what was learnt."""

    def __init__(self, start: OpenClipEncoder) -> None:
        self.encoder = start


def test_a_table_whose_pictures_are_gone_is_no_control_set(
    tmp_path: Path, start: OpenClipEncoder, photos: Photos
) -> None:
    path = table(tmp_path, 3)
    (tmp_path / "images" / "1.png").unlink()
    assert len(table_control_set(path, start, photos, progress=NumberedProgress(None, 7)).paths) == 2
    for number in (0, 2):
        (tmp_path / "images" / f"{number}.png").unlink()
    photos._held.clear()
    with pytest.raises(EvaluationError, match=r"none of the photos of .* can be read"):
        table_control_set(path, start, photos, progress=NumberedProgress(None, 7))


def test_the_time_limit_of_a_photo_is_that_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: OpenClipEncoder
) -> None:
    limits: list[float] = []
    real = Photos.__init__

    def noted(self: Photos, *args: Any, **kwargs: Any) -> None:
        limits.append(kwargs["timeout"])
        real(self, *args, **kwargs)

    monkeypatch.setattr(Photos, "__init__", noted)
    lessons = with_unjudged(tmp_path, 60)
    with pytest.raises(TuningError):  # the photos are empty files
        learn.learn_weights(start, lessons, Settings(library=tmp_path, timeout=7.0, workers=1), work=tmp_path / "work")
    assert limits == [7.0]


@pytest.mark.parametrize(
    ("device", "asked", "chunk"), [("cpu", 32, 8), ("cpu", 4, 4), ("cuda", 256, 32), ("cuda", 2, 2)]
)
def test_a_plan_fits_the_device(device: str, asked: int, chunk: int) -> None:
    class Encoder:
        batch_size = asked

    Encoder.device = device  # type: ignore[attr-defined]
    assert learn._plan(Encoder(), 3, 10).chunk == chunk  # type: ignore[arg-type]


@pytest.mark.parametrize(("queries", "epochs"), [(1, 20), (10, 20), (33, 10), (50, 7), (1000, 4)])
def test_a_training_takes_about_48_steps(queries: int, epochs: int) -> None:
    assert epochs_for(queries, 8) == epochs  # 8 queries a step, 4 to 20 epochs
