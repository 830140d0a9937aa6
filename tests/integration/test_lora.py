"""Low-rank training on small real models, real photos and the real compact encoder."""

from __future__ import annotations

import copy
import json
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import numpy as np
import open_clip
import pytest
import torch
from open_clip.loss import ClipLoss, SigLipLoss
from PIL import Image
from torch import Tensor, nn

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderError, TuningError
from indexer.images import read_pixels
from indexer.types import Progress
from retrieval.tuning.lora import checkpoints
from retrieval.tuning.lora.data import LoraPlan, PairedQuery, Photos
from retrieval.tuning.lora.gradients import backward_in_chunks
from retrieval.tuning.lora.interpolation import Trained
from retrieval.tuning.lora.layers import LoraLayer, add
from retrieval.tuning.lora.losses import contrastive_loss, sigmoid_loss
from retrieval.tuning.lora.train import train_lora
from tests.support.models import CONFIG, config, save_model

SIGLIP = config(resize_mode="squash", interpolation="bilinear")
SIGLIP["model_cfg"] |= {"custom_text": True, "init_logit_bias": -10}
TIMM = config()
TIMM["model_cfg"]["vision_cfg"] = {
    "timm_model_name": "test_vit", "timm_model_pretrained": False, "timm_pool": "token",
    "timm_proj": "linear", "image_size": 160,
}  # fmt: skip
CONVOLUTIONS = config()
CONVOLUTIONS["model_cfg"]["vision_cfg"] = {
    "timm_model_name": "tf_efficientnet_lite0", "timm_model_pretrained": False, "timm_pool": "avg",
    "timm_proj": "linear", "image_size": 32,
}  # fmt: skip
KINDS = {"clip": CONFIG, "siglip": SIGLIP, "timm": TIMM, "convolutions": CONVOLUTIONS}
PLAN = LoraPlan(epochs=3, batch=4, chunk=3, kept=3, rate=5e-3)
CPU = torch.device("cpu")


@pytest.fixture
def squares(tmp_path: Path) -> list[Path]:
    """Twelve photos of noise in shades of red, green and blue by turns."""
    random = np.random.default_rng(0)
    paths = []
    for number in range(12):
        pixels = random.integers(0, 120, (40, 48, 3), dtype=np.uint8)
        pixels[:, :, number % 3] += 120
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def lessons(paths: Sequence[Path]) -> tuple[list[PairedQuery], list[PairedQuery]]:
    red, green = tuple(paths[0:9:3]), tuple(paths[1:9:3])
    train = [PairedQuery("mine", red[:2], green[:2]), PairedQuery("yours", green[:2], ())]
    return train, [PairedQuery("mine too", red[2:], green[2:])]


def learn(name: str | OpenClipEncoder, paths: Sequence[Path], work: Path, **changed: Any) -> Trained:
    train, valid = lessons(paths)
    options: dict[str, Any] = {"others": paths[9:], "plan": PLAN, "device": "cpu", "workers": 1} | changed
    return train_lora(name, train, options.pop("valid", valid), work=work, **options)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_with_the_change_added_give_what_the_updated_model_gave(kind: str, tmp_path: Path) -> None:
    model = OpenClipEncoder.load(save_model(tmp_path / kind, KINDS[kind]), device="cpu").model
    before = {name: each.clone() for name, each in model.state_dict().items()}
    low = LoraLayer(model, rank=4, alpha=8, seed=0)
    random = torch.Generator().manual_seed(1)
    low.write({name: torch.randn(each.shape, generator=random) * 0.05 for name, each in low.read().items()})
    size = KINDS[kind]["model_cfg"]["vision_cfg"]["image_size"]
    pixels, tokens = (
        torch.randn(2, 3, size, size, generator=random),
        open_clip.SimpleTokenizer(context_length=16)(["a cat", "a dog"]),
    )
    updated = model.encode_image(pixels), model.encode_text(tokens)
    sum(each.sum() for each in updated).backward()
    assert all(each.grad is not None for each in low.parameters().values())
    changes, plain = low.changes(), cast("Any", low.remove())
    assert all(torch.equal(each, before[name]) for name, each in plain.state_dict().items())
    assert plain.state_dict().keys() == before.keys()
    with torch.no_grad():
        assert not torch.allclose(plain.encode_text(tokens), updated[1], atol=1e-3)
        add(plain, changes, share=1)
        torch.testing.assert_close(plain.encode_image(pixels), updated[0], atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(plain.encode_text(tokens), updated[1], atol=1e-4, rtol=1e-4)


def test_gradients_in_chunks_are_those_of_the_whole_batch(tmp_path: Path) -> None:
    model = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu").model
    low = LoraLayer(model, rank=4, alpha=8, seed=0)
    random = torch.Generator().manual_seed(1)
    low.write({name: torch.randn(each.shape, generator=random) * 0.05 for name, each in low.read().items()})
    pixels = torch.randn(7, 3, 32, 32, generator=random)
    tokens = open_clip.SimpleTokenizer(context_length=16)([f"number {n}" for n in range(7)])

    def loss(found: Sequence[Tensor]) -> Tensor:
        texts, images = (nn.functional.normalize(each, dim=-1) for each in found)
        value: Tensor = ClipLoss()(images, texts, torch.tensor(20.0))
        return value

    whole = loss([model.encode_text(tokens), model.encode_image(pixels)])
    whole.backward()  # type: ignore[no-untyped-call]
    wanted = {name: each.grad.clone() for name, each in low.parameters().items() if each.grad is not None}
    model.zero_grad()
    parts = [(model.encode_text, tokens), (model.encode_image, pixels)]
    value = backward_in_chunks(parts, loss, chunk=3, precision=nullcontext)
    assert value == pytest.approx(float(whole.detach()), abs=1e-5)
    assert len(wanted) == len(low.parameters())
    for name, each in low.parameters().items():
        torch.testing.assert_close(each.grad, wanted[name], atol=1e-5, rtol=1e-4)


def test_the_losses_with_one_answer_each_are_open_clips() -> None:
    random = torch.Generator().manual_seed(0)
    texts, photos = (nn.functional.normalize(torch.randn(5, 8, generator=random), dim=1) for _ in range(2))
    labels, scale, bias = torch.eye(5, dtype=torch.int8), torch.tensor(10.0), torch.tensor(-5.0)
    scores = scale * texts @ photos.T
    torch.testing.assert_close(contrastive_loss(scores, labels), ClipLoss()(photos, texts, scale))
    torch.testing.assert_close(sigmoid_loss(scores + bias, labels), SigLipLoss()(photos, texts, scale, bias))


def test_open_pairs_do_not_count() -> None:
    labels = torch.tensor([[1, 0, -1], [0, 1, -1]], dtype=torch.int8)
    scores = torch.tensor([[3.0, 1.0, 9.0], [0.0, 2.0, -9.0]])
    for loss in (contrastive_loss, sigmoid_loss):
        torch.testing.assert_close(loss(scores, labels), loss(scores[:, :2], labels[:, :2]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_model_is_a_folder_that_open_clip_alone_loads(kind: str, squares: list[Path], tmp_path: Path) -> None:
    trained = learn(save_model(tmp_path / kind, KINDS[kind]), squares, tmp_path / "work")
    name = trained.save(tmp_path / "saved", 0.5)
    ours, again = trained.encoder(0.5), OpenClipEncoder.load(name, device="cpu")
    assert again.fingerprint == ours.fingerprint != trained.start.fingerprint
    assert again.preprocess == trained.start.preprocess
    alone, _, transform = open_clip.create_model_and_transforms(name, device=CPU)
    tokens = open_clip.get_tokenizer(name)(["mine"])
    with torch.no_grad():
        text = nn.functional.normalize(alone.eval().encode_text(tokens), dim=-1).numpy()
        image = nn.functional.normalize(alone.encode_image(transform(Image.open(squares[0]))[None]), dim=-1).numpy()
    np.testing.assert_allclose(text, ours.encode_texts(["mine"]), atol=1e-5)
    pixels = read_pixels(squares[0], preprocess=ours.preprocess)
    assert float((image @ ours.encode_images(pixels[None]).T).item()) > 0.999  # open_clip scales with other rounding
    said = json.loads((tmp_path / "saved" / "open_clip_config.json").read_text())["preprocess_cfg"]
    assert said["resize_mode"] == ("squash" if kind == "siglip" else "shortest")


def test_training_lowers_the_loss_and_leaves_the_encoder_as_it_was(squares: list[Path], tmp_path: Path) -> None:
    start = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")
    before = {name: each.clone() for name, each in start.model.state_dict().items()}
    told: list[Progress] = []
    trained = learn(start, squares, tmp_path / "work", valid=[], progress=told.append)
    assert trained.losses[-1] < trained.losses[0]
    assert all(torch.equal(each, before[name]) for name, each in start.model.state_dict().items())
    assert trained.encoder(0).fingerprint == start.fingerprint
    assert told[-1] == Progress("training", 3, 3)  # two queries are one step, in each of three epochs


def test_the_points_between_are_those_of_the_weights(squares: list[Path], tmp_path: Path) -> None:
    trained = learn(save_model(tmp_path / "clip"), squares, tmp_path / "work", valid=[])
    old, half, new = (dict(trained.interpolate(share).named_parameters()) for share in (0, 0.5, 1))
    assert any(not torch.equal(old[name], new[name]) for name in old)
    for name in old:
        torch.testing.assert_close(half[name], (old[name] + new[name]) / 2)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("moment", [2, 3])
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(
    moment: int, squares: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = save_model(tmp_path / "clip")
    whole = learn(name, squares, tmp_path / "whole", valid=[])

    def kill(progress: Progress) -> None:
        if progress.stage == "training" and progress.done == moment:
            raise KilledError

    with pytest.raises(KilledError):
        learn(name, squares, tmp_path / "work", valid=[], progress=kill)
    steps: list[Progress] = []
    again = learn(name, squares, tmp_path / "work", valid=[], progress=steps.append)
    assert min(each.done for each in steps if each.stage == "training") == moment  # earlier steps are not repeated
    assert again.losses == whole.losses
    assert all(torch.equal(again.changes[name], whole.changes[name]) for name in whole.changes)


def test_a_checkpoint_that_is_damaged_or_of_another_run_is_not_gone_on_from(tmp_path: Path) -> None:
    stored = checkpoints.Checkpoint({"a": torch.ones(2)}, {"a": torch.ones(2)}, {}, 3, (1.0, 0.5))
    checkpoints.write(tmp_path, "key", stored)
    found = checkpoints.read(tmp_path, "key")
    assert found is not None
    assert (found.steps, found.losses, found.now["a"].tolist()) == (3, (1.0, 0.5), [1, 1])
    assert checkpoints.read(tmp_path, "another") is None
    file = tmp_path / checkpoints.NAME
    file.write_bytes(file.read_bytes()[:-4])
    assert checkpoints.read(tmp_path, "key") is None
    assert checkpoints.read(tmp_path / "none", "key") is None


def test_a_loss_that_is_no_number_stops_the_run_and_leaves_the_encoder_whole(
    squares: list[Path], tmp_path: Path
) -> None:
    start = OpenClipEncoder.load(save_model(tmp_path / "clip"), device="cpu")
    fingerprint = start.fingerprint
    with torch.no_grad():
        start.model.logit_scale.fill_(float("nan"))
    with pytest.raises(TuningError, match="the loss is nan at step 1"):
        learn(start, squares, tmp_path / "work", valid=[])
    assert (
        start.model.state_dict().keys()
        == OpenClipEncoder.load(f"local-dir:{tmp_path / 'clip'}", device="cpu").model.state_dict().keys()
    )
    assert not (tmp_path / "work" / checkpoints.NAME).exists()
    assert fingerprint


def test_a_validation_that_only_gets_worse_stops_early_and_changes_nothing(squares: list[Path], tmp_path: Path) -> None:
    train, _ = lessons(squares)
    against = [PairedQuery(train[0].text, train[0].bad, train[0].good)]
    plan = LoraPlan(epochs=9, batch=4, rate=5e-3, patience=2)
    trained = learn(save_model(tmp_path / "clip"), squares, tmp_path / "work", valid=against, plan=plan)
    assert (trained.epoch, len(trained.losses)) == (0, 3)  # before training, and the two epochs of patience
    assert all(not change.any() for change in trained.changes.values())


def test_photos_that_cannot_be_read_are_skipped_and_said(squares: list[Path], tmp_path: Path) -> None:
    name = save_model(tmp_path / "clip")
    squares[0].write_bytes(b"no picture")
    squares[10].unlink()
    trained = learn(name, squares, tmp_path / "work")
    assert trained.unreadable.keys() == {squares[0], squares[10]}
    for path in squares:
        path.unlink(missing_ok=True)
    with pytest.raises(TuningError, match="none of 2 judged queries has a good photo that can be read"):
        learn(name, squares, tmp_path / "other")


def test_photos_are_held_a_step_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for number in range(120):
        paths.append(tmp_path / f"{number}.png")
        Image.new("RGB", (32, 32), (number, 0, 0)).save(paths[-1])
    queries = [PairedQuery(f"number {n}", (paths[2 * n],), (paths[2 * n + 1],)) for n in range(40)]
    alive, most = set[int](), 0
    stream = Photos.stream

    def counted(self: Photos, wanted: Iterable[Path]) -> Iterator[tuple[Path, Any]]:
        nonlocal most
        for path, pixels in stream(self, wanted):
            alive.add(id(pixels))
            weakref.finalize(pixels, alive.discard, id(pixels))
            most = max(most, len(alive))
            yield path, pixels

    monkeypatch.setattr(Photos, "stream", counted)
    plan = LoraPlan(epochs=1, batch=4, chunk=4, negatives=1, kept=2)
    train_lora(save_model(tmp_path / "clip"), queries, [], others=paths[80:], work=tmp_path, device="cpu", plan=plan,
               workers=1)  # fmt: skip
    assert 0 < most <= 2 * (4 * 2 + 2)  # a step's four good ones, four wrong and two kept, and the one before it


def test_a_folder_that_exists_is_not_written_over(squares: list[Path], tmp_path: Path) -> None:
    trained = learn(save_model(tmp_path / "clip"), squares, tmp_path / "work", valid=[])
    (tmp_path / "taken").mkdir()
    with pytest.raises(EncoderError, match="exists already"):
        trained.save(tmp_path / "taken")
    assert list((tmp_path / "taken").iterdir()) == []


def test_compact_learns_whose_cat_is_meant(photos: Path, tmp_path: Path) -> None:
    cat, coffee, rocket = (photos / f"{name}" for name in ("chelsea.png", "coffee.png", "rocket.jpg"))
    query = PairedQuery("Biscuit", (cat,), (coffee, rocket))
    others = [path for path in sorted(photos.iterdir()) if path not in {cat, coffee, rocket}]
    plan = LoraPlan(epochs=4, kept=4, rate=1e-3)
    trained = train_lora("compact", [query], [], others=others, work=tmp_path, device="cpu", plan=plan, workers=1)
    new = trained.encoder()
    pixels = np.stack([read_pixels(path, preprocess=new.preprocess) for path in (cat, coffee, rocket)])

    def margin(encoder: OpenClipEncoder) -> float:
        scores = (encoder.encode_images(pixels) @ encoder.encode_texts(["Biscuit"]).T).ravel()
        return float(scores[0] - scores[1:].max())

    assert margin(new) > margin(trained.start) + 0.05
    general = ["a dog on the beach", "a red car"]
    kept = (new.encode_texts(general) * trained.start.encode_texts(general)).sum(axis=1)
    assert kept.min() > 0.9


@pytest.mark.gpu
def test_training_on_a_card_runs_in_half_precision(squares: list[Path], tmp_path: Path) -> None:
    trained = learn(save_model(tmp_path / "clip"), squares, tmp_path / "work", valid=[], device="cuda")
    assert trained.losses[-1] < trained.losses[0]
    copy.deepcopy(trained.encoder().model)
