"""LoRA trainings of small real models and of the real compact encoder."""

from __future__ import annotations

import copy
import json
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torch import nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError, TuningError
from indexer.images import read_pixels
from indexer.types import Progress
from retrieval.tuning.lora.checkpoints import FILE_NAME
from retrieval.tuning.lora.interpolation import LoraResult
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.lora.train_lora import train_lora
from tests.support.lora import FAST_PLAN, save_noise_photos
from tests.support.models import ARCHITECTURES, save_model


@pytest.fixture
def noise(tmp_path: Path) -> list[Path]:
    """Return twelve photos of noise, in shades of red, green and blue in turn."""
    return save_noise_photos(tmp_path / "noise")


def paired_queries(paths: Sequence[Path]) -> tuple[list[PairedQuery], list[PairedQuery]]:
    """Return queries for training and for validation."""
    red, green = tuple(paths[0:9:3]), tuple(paths[1:9:3])
    train = [PairedQuery("mine", red[:2], green[:2]), PairedQuery("yours", green[:2], ())]
    return train, [PairedQuery("mine too", red[2:], green[2:])]


def train(name: str | OpenClipEncoder, paths: Sequence[Path], work: Path, **changed: Any) -> LoraResult:
    queries, valid = paired_queries(paths)
    options: dict[str, Any] = {"unjudged": paths[9:], "plan": FAST_PLAN, "device": "cpu", "workers": 1} | changed
    return train_lora(name, queries, options.pop("valid", valid), work=work, **options)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_trained_model_is_a_folder_that_open_clip_alone_loads(
    architecture: str, noise: list[Path], tmp_path: Path
) -> None:
    result = train(save_model(tmp_path / architecture, ARCHITECTURES[architecture]), noise, tmp_path / "work")
    name = result.save(tmp_path / "saved", 0.5)
    half, loaded = result.encoder(0.5), OpenClipEncoder.load(name, device="cpu")
    assert loaded.fingerprint == half.fingerprint != result.start.fingerprint
    assert loaded.preprocess == result.start.preprocess
    model, _, transform = open_clip.create_model_and_transforms(name, device=torch.device("cpu"))
    tokens = open_clip.get_tokenizer(name)(["mine"])
    with torch.no_grad():
        text = nn.functional.normalize(model.eval().encode_text(tokens), dim=-1).numpy()
        image = nn.functional.normalize(model.encode_image(transform(Image.open(noise[0]))[None]), dim=-1).numpy()
    np.testing.assert_allclose(text, half.encode_texts(["mine"]), atol=1e-5)
    pixels = read_pixels(noise[0], preprocess=half.preprocess)
    assert float((image @ half.encode_images(pixels[None]).T).item()) > 0.999  # open_clip rounds differently in scaling
    config = json.loads((tmp_path / "saved" / "open_clip_config.json").read_text())["preprocess_cfg"]
    assert config["resize_mode"] == ("squash" if architecture == "siglip" else "shortest")


def test_training_lowers_the_loss_and_leaves_the_encoder_as_it_was(noise: list[Path], tmp_path: Path) -> None:
    start = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")
    before = {name: tensor.clone() for name, tensor in start.model.state_dict().items()}
    reported: list[Progress] = []
    result = train(start, noise, tmp_path / "work", valid=[], progress=reported.append)
    assert result.losses[-1] < result.losses[0]
    assert all(torch.equal(tensor, before[name]) for name, tensor in start.model.state_dict().items())
    assert result.encoder(0).fingerprint == start.fingerprint
    assert reported[-1] == Progress("training", 3, 3)  # two queries are one step, in each of three epochs


def test_interpolated_weights_lie_between_the_old_and_the_new(noise: list[Path], tmp_path: Path) -> None:
    result = train(save_model(tmp_path / "clip"), noise, tmp_path / "work", valid=[])
    old, half, new = (dict(result.interpolate(alpha).named_parameters()) for alpha in (0, 0.5, 1))
    assert any(not torch.equal(old[name], new[name]) for name in old)
    for name in old:
        torch.testing.assert_close(half[name], (old[name] + new[name]) / 2)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("last_step", [2, 3])
def test_a_killed_training_resumes_and_ends_with_the_same_weights(
    last_step: int, noise: list[Path], tmp_path: Path
) -> None:
    name = save_model(tmp_path / "clip")
    whole = train(name, noise, tmp_path / "whole", valid=[])

    def kill(progress: Progress) -> None:
        if progress.stage == "training" and progress.done == last_step:
            raise KilledError

    with pytest.raises(KilledError):
        train(name, noise, tmp_path / "work", valid=[], progress=kill)
    reported: list[Progress] = []
    resumed = train(name, noise, tmp_path / "work", valid=[], progress=reported.append)
    # earlier steps are not repeated
    assert min(progress.done for progress in reported if progress.stage == "training") == last_step
    assert resumed.losses == whole.losses
    assert all(torch.equal(resumed.deltas[name], whole.deltas[name]) for name in whole.deltas)


def test_a_loss_that_is_nan_stops_the_training_and_leaves_the_model_whole(noise: list[Path], tmp_path: Path) -> None:
    start = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")
    fingerprint = start.fingerprint
    with torch.no_grad():
        start.model.logit_scale.fill_(float("nan"))
    with pytest.raises(TuningError, match="the loss is nan at step 1"):
        train(start, noise, tmp_path / "work", valid=[])
    loaded = OpenClipEncoder.load(f"local-dir:{tmp_path / 'clip'}", device="cpu")
    assert start.model.state_dict().keys() == loaded.model.state_dict().keys()
    assert not (tmp_path / "work" / FILE_NAME).exists()
    assert fingerprint


def test_a_validation_that_only_gets_worse_stops_early_and_changes_nothing(noise: list[Path], tmp_path: Path) -> None:
    queries, _ = paired_queries(noise)
    opposite = [PairedQuery(queries[0].text, queries[0].bad, queries[0].good)]
    plan = LoraPlan(epochs=9, batch=4, rate=5e-3, patience=2)
    result = train(save_model(tmp_path / "clip"), noise, tmp_path / "work", valid=opposite, plan=plan)
    assert (result.epoch, len(result.losses)) == (0, 3)  # before training, and the two epochs of patience
    assert all(not delta.any() for delta in result.deltas.values())


def test_unreadable_photos_are_skipped_and_reported(noise: list[Path], tmp_path: Path) -> None:
    name = save_model(tmp_path / "clip")
    noise[0].write_bytes(b"no picture")
    noise[10].unlink()
    result = train(name, noise, tmp_path / "work")
    assert result.unreadable.keys() == {noise[0], noise[10]}
    for path in noise:
        path.unlink(missing_ok=True)
    with pytest.raises(TuningError, match="none of 2 judged queries has a good photo that can be read"):
        train(name, noise, tmp_path / "other")


def test_the_photos_of_one_step_are_in_memory_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number in range(120):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (32, 32), (number, 0, 0)).save(paths[-1])
    queries = [PairedQuery(f"number {n}", (paths[2 * n],), (paths[2 * n + 1],)) for n in range(40)]
    alive, most = set[int](), 0
    stream = PhotoReader.stream

    def count_alive(self: PhotoReader, paths: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
        nonlocal most
        for path, pixels in stream(self, paths):
            alive.add(id(pixels))
            weakref.finalize(pixels, alive.discard, id(pixels))
            most = max(most, len(alive))
            yield path, pixels

    monkeypatch.setattr(PhotoReader, "stream", count_alive)
    plan = LoraPlan(epochs=1, batch=4, chunk=4, negatives=1, drift_samples=2)
    train_lora(
        save_model(tmp_path / "clip"), queries, [], unjudged=paths[80:], work=tmp_path, device="cpu", plan=plan,
        workers=1,
    )  # fmt: skip
    assert 0 < most <= 2 * (4 * 2 + 2)  # four good, four wrong and two unjudged ones of a step and of the one before


def test_a_folder_that_exists_is_not_overwritten(noise: list[Path], tmp_path: Path) -> None:
    result = train(save_model(tmp_path / "clip"), noise, tmp_path / "work", valid=[])
    (tmp_path / "existing").mkdir()
    with pytest.raises(EncoderError, match="exists already"):
        result.save(tmp_path / "existing")
    assert list((tmp_path / "existing").iterdir()) == []


@pytest.mark.slow
def test_compact_learns_the_name_of_a_cat(photos: Path, tmp_path: Path) -> None:
    cat, coffee, rocket = (photos / f"{name}" for name in ("chelsea.png", "coffee.png", "rocket.jpg"))
    query = PairedQuery("Biscuit", (cat,), (coffee, rocket))
    unjudged = [path for path in sorted(photos.iterdir()) if path not in {cat, coffee, rocket}]
    plan = LoraPlan(epochs=4, drift_samples=4, rate=1e-3)
    result = train_lora("compact", [query], [], unjudged=unjudged, work=tmp_path, device="cpu", plan=plan, workers=1)
    trained = result.encoder()
    pixels = np.stack([read_pixels(path, preprocess=trained.preprocess) for path in (cat, coffee, rocket)])

    def margin(encoder: OpenClipEncoder) -> float:
        scores = (encoder.encode_images(pixels) @ encoder.encode_texts(["Biscuit"]).T).ravel()
        return float(scores[0] - scores[1:].max())

    assert margin(trained) > margin(result.start) + 0.05
    general = ["a dog on the beach", "a red car"]
    cosines = (trained.encode_texts(general) * result.start.encode_texts(general)).sum(axis=1)
    assert cosines.min() > 0.9


@pytest.mark.gpu
def test_training_on_a_gpu_lowers_the_loss_in_half_precision(noise: list[Path], tmp_path: Path) -> None:
    result = train(save_model(tmp_path / "clip"), noise, tmp_path / "work", valid=[], device="cuda")
    assert result.losses[-1] < result.losses[0]
    copy.deepcopy(result.encoder().model)
