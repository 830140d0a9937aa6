"""Training the encoder itself behind the gate: kept, put to use, rolled back; with a small real open_clip model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import open_clip
import pytest
from PIL import Image

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.errors import EncoderNotFoundError, MissingPackageError, TuningError
from indexer.images import read_pixels
from indexer.maintenance import reencode
from retrieval import Library
from retrieval.tuning import comparison, gate
from retrieval.tuning.lora import learn
from retrieval.tuning.lora.data import LoraPlan, PairedQuery
from retrieval.tuning.lora.dataset import split
from tests.support.encoders import FakeEncoder
from tests.support.models import save_model
from tests.support.program import Program

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

START = "start"


def is_red(path: Path) -> bool:
    return path.name.startswith("red")


@pytest.fixture
def _learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings of one epoch whose steps are too small to change an order."""
    monkeypatch.setattr(learn, "_plan", lambda _, seed, __: LoraPlan(epochs=1, rate=1e-9, seed=seed))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Library]:
    """Return a library of 40 red and 120 other photos under a model of random weights; all words mean red."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(160):
        shade = 5 * (number % 40)
        name, colour = ("red", (250, shade, shade // 2)) if number < 40 else ("other", (shade, 250 - number, 250))
        Image.new("RGB", (48, 48), colour).save(folder / f"{name}{number:03}.png")
    encoder = save_model(tmp_path / START)
    with Library.open(tmp_path / "test.recall", encoder=encoder) as library:
        library.sync(folder)
        paths = sorted(folder.iterdir())
        for number, word in enumerate(WORDS):
            shown = paths[number::20]
            library.judge(word, good=[path for path in shown if is_red(path)], bad=[p for p in shown if not is_red(p)])
        yield library


@pytest.fixture
def _only_the_gain_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a model of random weights finds for general words is chance: it may lose it."""
    for module in (gate, comparison):
        monkeypatch.setattr(module, "CONTROL_LOSS", 100.0)


def test_weights_that_lose_what_was_known_are_kept_inactive(judged: Library) -> None:
    before = [hit.path for hit in judged.search("thirteen", k=5)]
    receipt = judged.tune(method="lora")
    assert (receipt.method, receipt.passed, receipt.queries, receipt.used) == ("lora", False, 12, 96)
    (version,) = judged.versions()
    assert (version.kind, version.is_active) == ("lora", False)
    assert [each.name.rsplit("/", 1)[-1] for each in judged.encoders()] == [START]
    assert [hit.path for hit in judged.search("thirteen", k=5)] == before
    assert not (judged.path / "tuning").exists()


@pytest.mark.usefixtures("_only_the_gain_counts")
def test_weights_that_prove_better_become_the_library_s_encoder_and_are_undone(judged: Library) -> None:
    before = [(hit.path, hit.score) for hit in judged.search("thirteen", k=5)]
    receipt = judged.tune(method="lora")
    assert receipt.passed, str(receipt)
    assert receipt.ndcg_after > receipt.ndcg_before
    (version,) = judged.versions()
    assert version.is_active
    assert version.name is not None
    assert judged.encoder.name == version.name
    assert all(is_red(hit.path) for hit in judged.search("thirteen", k=5))

    assert judged.rollback() == 0
    assert [(hit.path, hit.score) for hit in judged.search("thirteen", k=5)] == before
    assert not judged.versions()[0].is_active
    assert judged.rollback(1) == 1
    assert judged.encoder.name == version.name

    folder = version.name.removeprefix("local-dir:")
    model, _, _ = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    assert model.visual.image_size in (32, (32, 32))


@pytest.mark.usefixtures("_learns_nothing", "_only_the_gain_counts")
def test_a_training_that_learnt_nothing_gains_nothing_over_embeddings_of_files_that_were_replaced(
    judged: Library, tmp_path: Path
) -> None:
    judged.forget_judgements()
    paths = sorted((tmp_path / "photos").iterdir())
    for each in paths:  # the embeddings are now those of other photos
        each.rename(each.with_suffix(".old"))
    for each, other in zip(paths, [*paths[60:], *paths[:60]], strict=True):
        each.with_suffix(".old").rename(other)
    start = OpenClipEncoder.load(judged.encoder.name, device="cpu")
    vectors = start.encode_images(np.stack([read_pixels(path, preprocess=start.preprocess) for path in paths]))
    for number, word in enumerate(WORDS):  # verdicts that the start orders without a fault
        shown = np.arange(number, 96, 12)
        order = shown[np.argsort(-(vectors[shown] @ start.encode_texts([word])[0]))].tolist()
        judged.judge(word, good=[paths[row] for row in order[:4]], bad=[paths[row] for row in order[4:]])
    told: list[str] = []
    receipt = judged.tune(method="lora", progress=lambda each: told.append(each.stage))
    assert [receipt.ndcg_before, receipt.ndcg_after] == pytest.approx([1, 1])
    assert not receipt.passed
    assert list(dict.fromkeys(told))[:4] == ["measuring", "looking (1 of 7)", "training (1 of 7)", "measuring (1 of 7)"]
    assert "measuring (6 of 7)" in told


@pytest.mark.usefixtures("_learns_nothing")
def test_trainings_that_are_measured_stop_as_the_one_that_is_kept(
    judged: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[int] = []

    def noted(queries: list[PairedQuery], seed: int, *, stops: bool) -> tuple[list[PairedQuery], list[PairedQuery]]:
        learnt, valid = split(queries, seed, stops=stops)
        held.append(len(valid))
        return learnt, valid

    monkeypatch.setattr(learn, "split", noted)
    monkeypatch.setattr(learn, "STOPPED", 12)  # the library has twelve, a measured training six
    judged.tune(method="lora", dry_run=True)
    assert held == [1] * 6


@pytest.mark.usefixtures("_learns_nothing")
def test_photos_that_are_gone_are_left_out_of_both_sides_counted_and_said(
    judged: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in sorted((tmp_path / "photos").iterdir())[0:40:2]:
        path.unlink()
    receipt = judged.tune(method="lora", dry_run=True)
    # of the forty first photos twelve with an even number were shown, as rows 0, 2, ... 10 of each twenty
    assert (receipt.judgements, receipt.used, receipt.missing) == (96, 84, 12)
    assert receipt.ndcg_before == pytest.approx(receipt.ndcg_after)
    assert "12 of 96 judged photos cannot be read and are left out, first " in caplog.text


def test_a_dry_run_keeps_nothing_but_where_it_stood(judged: Library) -> None:
    judged.tune(method="lora", dry_run=True)
    assert judged.versions() == []
    assert not (judged.path / "encoders").exists()


@pytest.mark.usefixtures("_only_the_gain_counts")
def test_a_stop_before_the_encoder_is_changed_says_so_and_loses_nothing(
    judged: Library, monkeypatch: pytest.MonkeyPatch, recall_program: Program
) -> None:
    monkeypatch.setattr(learn, "_plan", lambda _, seed, __: LoraPlan(epochs=4, rate=1e-3, seed=seed))
    made = judged.path / "encoders"
    with monkeypatch.context() as patch:
        patch.setattr(reencode, "use_encoder", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            judged.tune(method="lora")
    said = recall_program("versions", "--library", str(judged.path)).stdout
    assert "passed, not active" in said
    assert " active " not in said
    (kept,) = made.iterdir()
    for name in ("lora-20200101-000000", "lora-20200101-000000.12.part", "lora-of-mine"):
        (made / name).mkdir()
    monkeypatch.setattr(learn, "SEEDS", (0,))
    judged.tune(dry_run=True)
    assert len(list(made.iterdir())) == 4  # nothing is changed
    judged.tune()
    assert {folder.name for folder in made.iterdir()} == {kept.name, "lora-of-mine"}
    assert judged.rollback(1) == 1
    assert judged.encoder.name == f"local-dir:{kept}"


def test_an_encoder_that_is_an_object_of_the_caller_s_cannot_be_trained(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8), (250, 0, 0)).save(tmp_path / "photos" / "red.png")
    with Library.open(tmp_path / "own.recall", encoder=FakeEncoder(name="mine")) as library:
        library.sync(tmp_path / "photos")
        library.judge("red", good=[tmp_path / "photos" / "red.png"], bad=[])
        with pytest.raises(TuningError, match=r"is no open_clip model that can be loaded by its name"):
            library.tune(method="lora")
    with pytest.raises(EncoderNotFoundError, match="open_clip has no encoder 'mine'; expected MODEL/WEIGHTS"):
        OpenClipEncoder.load("mine", device="cpu")


def test_weights_that_were_replaced_since_the_library_was_opened_are_not_trained(
    judged: Library, tmp_path: Path
) -> None:
    save_model(tmp_path / START, seed=7)
    with pytest.raises(TuningError, match="has other weights now than the library's encoder of that name"):
        judged.tune(method="lora")


def test_without_peft_it_is_said_what_to_install(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learn, "find_spec", lambda name: None if name == "peft" else find_spec(name))
    with pytest.raises(MissingPackageError, match="recall-photos\\[tune\\]"):
        judged.tune(method="lora")


def test_pictures_as_queries_teach_weights_nothing(judged: Library, tmp_path: Path) -> None:
    judged.forget_judgements()
    photos = sorted((tmp_path / "photos").iterdir())
    for each in photos[:8]:
        judged.judge(each, good=[photos[-1]], bad=[photos[0]])
    with pytest.raises(TuningError, match="0 judged queries"):
        judged.tune(method="lora")


def test_the_program_says_what_too_few_judgements_are(recall_program: Program, judged: Library) -> None:
    judged.forget_judgements()
    judged.judge("one", good=[judged.path.parent / "photos" / "red001.png"], bad=[])
    path = str(judged.path)
    judged.close()
    done = recall_program("tune", "--method", "lora", "--library", path)
    assert done.returncode == 2
    assert "learning needs 6: judge 6 more" in done.stderr
