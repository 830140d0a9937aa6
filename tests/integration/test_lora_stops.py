"""What stops a training half-way, and that it goes on: photos that go, a full disk, a card that is too small."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from indexer.errors import EncoderError, TuningError
from indexer.types import Progress, ProgressCallback
from retrieval.tuning.lora import checkpoints
from retrieval.tuning.lora import trainer as running
from retrieval.tuning.lora.data import LoraPlan, PairedQuery
from retrieval.tuning.lora.interpolation import Trained
from retrieval.tuning.lora.train import train_lora
from tests.support.models import save_model

PLAN = LoraPlan(epochs=4, batch=4, chunk=3, kept=3, rate=5e-3)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A folder of twelve photos of noise in shades of red, green and blue by turns, and a small model beside it."""
    random, folder = np.random.default_rng(0), tmp_path / "disk"
    folder.mkdir()
    for number in range(12):
        pixels = random.integers(0, 120, (40, 48, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 120
        Image.fromarray(pixels).save(folder / f"{number:02}.png")
    save_model(tmp_path / "clip")
    return folder


def learn(disk: Path, work: Path, *, valid: bool = False, progress: ProgressCallback | None = None) -> Trained:
    paths = [disk / f"{number:02}.png" for number in range(12)]
    train = [PairedQuery("mine", tuple(paths[0:6:3]), tuple(paths[1:7:3])), PairedQuery("yours", (paths[4],), ())]
    return train_lora(
        f"local-dir:{disk.parent / 'clip'}", train,
        [PairedQuery("mine too", (paths[6],), (paths[7],))] if valid else [],
        others=paths[8:], work=work, device="cpu", plan=PLAN, workers=1, progress=progress,
    )  # fmt: skip


@pytest.mark.parametrize("valid", [False, True])
def test_a_disk_that_goes_stops_the_training_which_goes_on_when_it_is_back(
    disk: Path, tmp_path: Path, valid: bool
) -> None:
    whole = learn(disk, tmp_path / "whole", valid=valid)

    def unplug(progress: Progress) -> None:
        if progress.stage == "training" and progress.done == 2:
            disk.rename(tmp_path / "gone")

    # the end of the second epoch finds out by its validation, where there is one, else the first step of the third
    with pytest.raises(TuningError, match=r"photos that could be read before .* put their disk back and run the same"):
        learn(disk, tmp_path / "work", valid=valid, progress=unplug)
    (tmp_path / "gone").rename(disk)
    steps: list[int] = []
    again = learn(
        disk, tmp_path / "work", valid=valid,
        progress=lambda each: steps.append(each.done) if each.stage == "training" else None,
    )  # fmt: skip
    assert steps[0] == (2 if valid else 3)
    assert again.losses == whole.losses
    assert all(torch.equal(again.changes[name], whole.changes[name]) for name in whole.changes)


def test_a_photo_that_was_replaced_makes_it_another_training(disk: Path, tmp_path: Path) -> None:
    learn(disk, tmp_path / "work")
    Image.new("RGB", (40, 40), (9, 9, 9)).save(disk / "00.png")
    steps: list[int] = []
    learn(disk, tmp_path / "work", progress=lambda each: steps.append(each.done) if each.stage == "training" else None)
    assert steps[0] == 1


def test_without_the_photos_to_stop_by_it_trains_to_the_end(disk: Path, tmp_path: Path) -> None:
    (disk / "06.png").unlink()
    trained = learn(disk, tmp_path / "work", valid=True)
    assert (trained.epoch, len(trained.losses)) == (4, 4)


@contextmanager
def full_disk(room: int) -> Iterator[None]:
    """Files may not grow beyond `room` bytes: the write fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_said_and_leaves_no_part_of_a_file(disk: Path, tmp_path: Path) -> None:
    trained = learn(disk, tmp_path / "work")
    with full_disk(20_000), pytest.raises(TuningError, match=r"the checkpoint cannot be written to .* free or choose"):
        learn(disk, tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
    with full_disk(20_000), pytest.raises(EncoderError, match="the model cannot be written to"):
        trained.save(tmp_path / "saved")
    assert list(tmp_path.glob("saved*")) == []
    assert (tmp_path / "work" / checkpoints.NAME).exists()


def test_a_card_that_is_too_small_says_which_option_helps(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def too_large(*_: object, **__: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(running, "backward_in_chunks", too_large)
    with pytest.raises(
        TuningError, match="too little memory to train 3 photos or texts at once; set a smaller --batch"
    ):
        learn(disk, tmp_path / "work")
