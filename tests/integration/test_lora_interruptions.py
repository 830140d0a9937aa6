"""What stops a LoRA training half-way, and that it resumes: missing photos, a full disk, a GPU that is too small."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from indexer.errors import EncoderError, TuningError
from indexer.types import Progress, ProgressCallback
from retrieval.tuning.lora import trainer
from retrieval.tuning.lora.checkpoints import FILE_NAME
from retrieval.tuning.lora.interpolation import LoraResult
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.lora.train_lora import train_lora
from tests.support.lora import FAST_PLAN, save_noise_photos
from tests.support.models import save_model

PLAN = replace(FAST_PLAN, epochs=4)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Return a folder of twelve photos of noise, next to a small model."""
    save_noise_photos(tmp_path / "disk")
    save_model(tmp_path / "clip")
    return tmp_path / "disk"


def train(
    disk: Path, work: Path, *, has_validation: bool = False, progress: ProgressCallback | None = None
) -> LoraResult:
    paths = [disk / f"{number:02}.png" for number in range(12)]
    queries = [PairedQuery("mine", tuple(paths[0:6:3]), tuple(paths[1:7:3])), PairedQuery("yours", (paths[4],), ())]
    return train_lora(
        f"local-dir:{disk.parent / 'clip'}", queries,
        [PairedQuery("mine too", (paths[6],), (paths[7],))] if has_validation else [],
        unjudged=paths[8:], work=work, device="cpu", plan=PLAN, workers=1, progress=progress,
    )  # fmt: skip


def append_steps(steps: list[int]) -> Callable[[Progress], None]:
    """Return a callback that appends the number of each training step."""

    def append(progress: Progress) -> None:
        if progress.stage == "training":
            steps.append(progress.done)

    return append


@pytest.mark.parametrize("has_validation", [False, True])
def test_a_disk_that_is_disconnected_stops_the_training_which_resumes_when_it_is_back(
    disk: Path, tmp_path: Path, has_validation: bool
) -> None:
    whole = train(disk, tmp_path / "whole", has_validation=has_validation)

    def disconnect(progress: Progress) -> None:
        if progress.stage == "training" and progress.done == 2:
            disk.rename(tmp_path / "disconnected")

    # noticed at the end of the second epoch by the validation if there is one, else in the first step of the third
    with pytest.raises(TuningError, match=r"photos could be read before .* connect their disk and run the same"):
        train(disk, tmp_path / "work", has_validation=has_validation, progress=disconnect)
    (tmp_path / "disconnected").rename(disk)
    steps: list[int] = []
    resumed = train(disk, tmp_path / "work", has_validation=has_validation, progress=append_steps(steps))
    assert steps[0] == (2 if has_validation else 3)
    assert resumed.losses == whole.losses
    assert all(torch.equal(resumed.deltas[name], whole.deltas[name]) for name in whole.deltas)


@pytest.mark.slow
def test_after_a_photo_was_replaced_a_training_starts_over(disk: Path, tmp_path: Path) -> None:
    train(disk, tmp_path / "work")
    Image.new("RGB", (40, 40), (9, 9, 9)).save(disk / "00.png")
    steps: list[int] = []
    train(disk, tmp_path / "work", progress=append_steps(steps))
    assert steps[0] == 1


@pytest.mark.slow
def test_without_the_photos_of_the_validation_all_epochs_are_trained(disk: Path, tmp_path: Path) -> None:
    (disk / "06.png").unlink()
    result = train(disk, tmp_path / "work", has_validation=True)
    assert (result.epoch, len(result.losses)) == (4, 4)


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Make writes beyond `limit` bytes of a file fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_and_leaves_no_partial_file(disk: Path, tmp_path: Path) -> None:
    result = train(disk, tmp_path / "work")
    with (
        file_size_limit(20_000),
        pytest.raises(TuningError, match=r"the checkpoint cannot be written to .* free space or choose"),
    ):
        train(disk, tmp_path / "other")
    assert list((tmp_path / "other").iterdir()) == []
    with file_size_limit(20_000), pytest.raises(EncoderError, match="the model cannot be written to"):
        result.save(tmp_path / "saved")
    assert list(tmp_path.glob("saved*")) == []
    assert (tmp_path / "work" / FILE_NAME).exists()


def test_a_gpu_that_is_too_small_names_the_option_that_helps(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_memory(*_: object, **__: object) -> float:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(trainer, "backward_in_chunks", run_out_of_memory)
    with pytest.raises(
        TuningError, match="too little memory to train 3 photos or texts at once; set a smaller --batch"
    ):
        train(disk, tmp_path / "work")
