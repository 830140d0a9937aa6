"""The photos of LoRA trainings: which are trained on, and which are the control set."""

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
from retrieval.tuning.lora import photo_control_set, tune_lora
from retrieval.tuning.lora.judged_photos import epochs_for, sample_unjudged, split
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.lora.photo_control_set import table_control_set
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.lora.scores import NumberedProgress
from retrieval.tuning.lora.weights import InterpolatedWeights
from retrieval.tuning.training_set import TrainingSet
from tests.support.models import save_model
from tests.support.training_sets import random_training_set


def training_set_with_unjudged(folder: Path, count: int) -> TrainingSet:
    """Return a training set with empty files for its unjudged photos."""
    files = tuple(str(folder / f"{number:04}.png") for number in range(count))
    for file in files:
        Path(file).touch()
    training_set = random_training_set(queries=6, units=12, unjudged=count, dim=8, seed=0)
    return replace(
        training_set, query_texts=training_set.names, files=tuple(map(str, range(12))), unjudged_files=files,
        unjudged_are_photos=np.ones(count, dtype=np.bool_),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("unjudged", "in_training", "in_control_set"),
    [
        (30, 0, 30),  # too few for a control set, which raises an error
        (60, 10, 50),  # the control set takes the photos that it needs first
        (280, 140, 140),
        (1000, (200, 400), 300),  # the nearest 200 and 200 at random, which may be the same
    ],
)
def test_the_control_set_takes_at_most_half_of_the_unjudged_photos_but_as_many_as_it_needs(
    tmp_path: Path, unjudged: int, in_training: int | tuple[int, int], in_control_set: int
) -> None:
    training_set = training_set_with_unjudged(tmp_path, unjudged)
    training, control = sample_unjudged(training_set, with_control_set=True)
    least, most = in_training if isinstance(in_training, tuple) else (in_training, in_training)
    assert least <= len(training) <= most
    assert len(control) == in_control_set
    assert not set(training) & set(control)
    training, control = sample_unjudged(training_set, with_control_set=False)  # a table is the control set
    assert len(training) >= min(unjudged, 200)
    assert control == []


def test_missing_unjudged_photos_are_reported_and_in_no_control_set(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    training_set = training_set_with_unjudged(tmp_path, 120)
    for file in training_set.unjudged_files[:40]:
        Path(file).unlink()
    training, control = sample_unjudged(training_set, with_control_set=True)
    assert (len(training), len(control)) == (30, 50)
    assert "40 of 120 unjudged photos cannot be read" in caplog.text


def test_a_fifth_of_the_queries_validates_with_early_stopping_and_none_without() -> None:
    queries = [PairedQuery(str(number), (), ()) for number in range(11)]
    assert [len(part) for part in split(queries, 0, early_stopping=True)] == [9, 2]
    assert [len(part) for part in split(queries, 0, early_stopping=False)] == [11, 0]


@pytest.fixture
def start(tmp_path: Path) -> OpenClipEncoder:
    return OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")


@pytest.fixture
def photos(start: OpenClipEncoder) -> Iterator[PhotoReader]:
    """Return a reader that caches five photos."""
    with PhotoReader(start.preprocess, limits=None, workers=1, cache_bytes=5 * 32 * 32 * 3) as reader:
        yield reader


def write_table(folder: Path, count: int) -> Path:
    """Return a table of new captioned pictures."""
    (folder / "images").mkdir()
    with (folder / "captions.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("image", "caption"))
        for number in range(count):
            Image.new("RGB", (40, 40), (10 * number, 250 - 10 * number, 0)).save(folder / "images" / f"{number}.png")
            writer.writerow((f"{number}.png", f"number {number}"))
    return folder / "captions.csv"


class Unchanged(InterpolatedWeights):
    """The encoder before training in the place of a trained one."""

    def __init__(self, start: OpenClipEncoder) -> None:
        self.encoder = start


def test_a_large_table_is_measured_on_an_even_selection_that_its_name_tells(
    tmp_path: Path, start: OpenClipEncoder, photos: PhotoReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_control_set, "MAX_PICTURES", 10)
    control_set = table_control_set(write_table(tmp_path, 25), start, photos, progress=NumberedProgress(None, 7))
    assert control_set.name == "captions.csv, 10 of its 25 pictures"
    assert [int(path.stem) for path in control_set.paths] == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22]
    assert control_set.owners.tolist() == list(range(10))


def test_cached_photos_may_be_deleted_while_a_control_set_is_used_and_others_may_not(
    tmp_path: Path, start: OpenClipEncoder, photos: PhotoReader
) -> None:
    reported: list[Progress] = []
    numbered = NumberedProgress(reported.append, 7)
    control_set = table_control_set(write_table(tmp_path, 8), start, photos, progress=numbered)
    assert control_set.recall_at_5(None) == control_set.recall_at_5(Unchanged(start))
    numbered.number = 3
    (tmp_path / "images" / "0.png").unlink()  # one of the five that are cached
    assert control_set.recall_at_5(None) == control_set.recall_at_5(Unchanged(start))
    assert reported[0] == Progress("measuring", 1, 8)
    assert reported[-1] == Progress("measuring (3 of 7)", 8, 8)
    (tmp_path / "images" / "7.png").unlink()
    with pytest.raises(TuningError, match=r"1 photos could be read before but not now, first .*7\.png"):
        control_set.recall_at_5(Unchanged(start))


def test_a_table_without_readable_pictures_is_no_control_set(
    tmp_path: Path, start: OpenClipEncoder, photos: PhotoReader
) -> None:
    path = write_table(tmp_path, 3)
    (tmp_path / "images" / "1.png").unlink()
    assert len(table_control_set(path, start, photos, progress=NumberedProgress(None, 7)).paths) == 2
    for number in (0, 2):
        (tmp_path / "images" / f"{number}.png").unlink()
    photos._cached.clear()
    with pytest.raises(EvaluationError, match=r"none of the photos of .* can be read"):
        table_control_set(path, start, photos, progress=NumberedProgress(None, 7))


def test_the_settings_limit_the_time_of_a_photo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: OpenClipEncoder
) -> None:
    limits: list[float] = []
    init = PhotoReader.__init__

    def record(self: PhotoReader, *args: Any, **kwargs: Any) -> None:
        limits.append(kwargs["timeout"])
        init(self, *args, **kwargs)

    monkeypatch.setattr(PhotoReader, "__init__", record)
    training_set = training_set_with_unjudged(tmp_path, 60)
    settings = Settings(library=tmp_path, timeout=7.0, workers=1)
    with pytest.raises(TuningError):  # the photos are empty files
        tune_lora.tune_lora(start, training_set, settings, work=tmp_path / "work")
    assert limits == [7.0]


@pytest.mark.parametrize(
    ("device", "batch_size", "chunk"), [("cpu", 32, 8), ("cpu", 4, 4), ("cuda", 256, 32), ("cuda", 2, 2)]
)
def test_the_chunk_of_a_plan_fits_the_device(device: str, batch_size: int, chunk: int) -> None:
    class Encoder:
        pass

    encoder: Any = Encoder()
    encoder.device, encoder.batch_size = device, batch_size
    assert tune_lora._plan(encoder, 3, 10).chunk == chunk


@pytest.mark.parametrize(("queries", "epochs"), [(1, 20), (10, 20), (33, 10), (50, 7), (1000, 4)])
def test_a_training_takes_about_48_steps(queries: int, epochs: int) -> None:
    assert epochs_for(queries, 8) == epochs  # 8 queries a step, 4 to 20 epochs
