"""LoRA behind the gate, with a small real open_clip model: versions are stored, activated and rolled back."""

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
from retrieval.tuning.lora import tune_lora
from retrieval.tuning.lora.judged_photos import split
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.paired_queries import PairedQuery
from tests.support.encoders import FakeEncoder
from tests.support.models import save_model
from tests.support.program import Program

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

START = "start"


def is_red(path: Path) -> bool:
    return path.name.startswith("red")


@pytest.fixture
def _learns_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make trainings of one epoch whose steps are too small to change an order."""
    monkeypatch.setattr(tune_lora, "_plan", lambda _, seed, __: LoraPlan(epochs=1, rate=1e-9, seed=seed))


@pytest.fixture
def judged(tmp_path: Path) -> Iterator[Library]:
    """Return a library of 40 red and 120 other photos under a model of random weights, in which all words mean red."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(160):
        shade = 5 * (number % 40)
        name, color = ("red", (250, shade, shade // 2)) if number < 40 else ("other", (shade, 250 - number, 250))
        Image.new("RGB", (48, 48), color).save(folder / f"{name}{number:03}.png")
    encoder = save_model(tmp_path / START)
    with Library.open(tmp_path / "test.recall", encoder=encoder) as library:
        library.sync(folder)
        paths = sorted(folder.iterdir())
        for number, word in enumerate(WORDS):
            shown = paths[number::20]
            good = [path for path in shown if is_red(path)]
            library.judge(word, good=good, bad=[path for path in shown if not is_red(path)])
        yield library


@pytest.fixture
def _control_set_may_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the control set lose everything: what a model of random weights finds for general words is chance."""
    for module in (gate, comparison):
        monkeypatch.setattr(module, "MAX_CONTROL_LOSS", 100.0)


@pytest.mark.slow
def test_weights_that_lose_the_control_set_are_stored_inactive(judged: Library) -> None:
    before = [hit.path for hit in judged.search("thirteen", k=5)]
    report = judged.tune(method="lora")
    assert (report.method, report.passed, report.queries, report.used) == ("lora", False, 12, 96)
    (version,) = judged.versions()
    assert (version.kind, version.is_active) == ("lora", False)
    assert [encoder.name.rsplit("/", 1)[-1] for encoder in judged.encoders()] == [START]
    assert [hit.path for hit in judged.search("thirteen", k=5)] == before
    assert not (judged.path / "tuning").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_control_set_may_lose")
def test_weights_that_pass_become_the_library_s_encoder_and_are_rolled_back(judged: Library) -> None:
    before = [(hit.path, hit.score) for hit in judged.search("thirteen", k=5)]
    report = judged.tune(method="lora")
    assert report.passed, str(report)
    assert report.ndcg_after > report.ndcg_before
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


@pytest.mark.slow
@pytest.mark.usefixtures("_learns_nothing", "_control_set_may_lose")
def test_a_training_without_effect_gains_nothing_over_embeddings_of_replaced_files(
    judged: Library, tmp_path: Path
) -> None:
    judged.forget_judgements()
    paths = sorted((tmp_path / "photos").iterdir())
    for path in paths:  # the embeddings in the library are now those of other photos
        path.rename(path.with_suffix(".old"))
    for path, replacement in zip(paths, [*paths[60:], *paths[:60]], strict=True):
        path.with_suffix(".old").rename(replacement)
    start = OpenClipEncoder.load(judged.encoder.name, device="cpu")
    vectors = start.encode_images(np.stack([read_pixels(path, preprocess=start.preprocess) for path in paths]))
    for number, word in enumerate(WORDS):  # verdicts that the encoder ranks without a fault
        shown = np.arange(number, 96, 12)
        order = shown[np.argsort(-(vectors[shown] @ start.encode_texts([word])[0]))].tolist()
        judged.judge(word, good=[paths[row] for row in order[:4]], bad=[paths[row] for row in order[4:]])
    stages: list[str] = []
    report = judged.tune(method="lora", progress=lambda progress: stages.append(progress.stage))
    assert [report.ndcg_before, report.ndcg_after] == pytest.approx([1, 1])
    assert not report.passed
    first_stages = ["measuring", "embedding (1 of 7)", "training (1 of 7)", "measuring (1 of 7)"]
    assert list(dict.fromkeys(stages))[:4] == first_stages
    assert "measuring (6 of 7)" in stages


@pytest.mark.slow
@pytest.mark.usefixtures("_learns_nothing")
def test_measured_trainings_stop_early_if_the_final_one_does(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def record(queries: list[PairedQuery], seed: int, *, early_stopping: bool) -> tuple[list[PairedQuery], ...]:
        train, valid = split(queries, seed, early_stopping=early_stopping)
        sizes.append(len(valid))
        return train, valid

    monkeypatch.setattr(tune_lora, "split", record)
    monkeypatch.setattr(tune_lora, "EARLY_STOPPING_QUERIES", 12)  # the library has twelve, a measured training six
    judged.tune(method="lora", dry_run=True)
    assert sizes == [1] * 6


@pytest.mark.slow
@pytest.mark.usefixtures("_learns_nothing")
def test_missing_photos_are_left_out_before_and_after_and_counted(
    judged: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in sorted((tmp_path / "photos").iterdir())[0:40:2]:
        path.unlink()
    report = judged.tune(method="lora", dry_run=True)
    # of the forty first photos twelve with an even number were shown, as rows 0, 2, ... 10 of each twenty
    assert (report.judgements, report.used, report.missing) == (96, 84, 12)
    assert report.ndcg_before == pytest.approx(report.ndcg_after)
    assert "12 of 96 judged photos cannot be read and are left out, first " in caplog.text


@pytest.mark.slow
def test_a_dry_run_stores_no_version_and_no_encoder(judged: Library) -> None:
    judged.tune(method="lora", dry_run=True)
    assert judged.versions() == []
    assert not (judged.path / "encoders").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("_control_set_may_lose")
def test_a_stop_before_the_encoder_changes_leaves_a_version_that_can_be_activated(
    judged: Library, monkeypatch: pytest.MonkeyPatch, recall_program: Program
) -> None:
    monkeypatch.setattr(tune_lora, "_plan", lambda _, seed, __: LoraPlan(epochs=4, rate=1e-3, seed=seed))
    encoders = judged.path / "encoders"
    with monkeypatch.context() as patch:
        patch.setattr(reencode, "use_encoder", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            judged.tune(method="lora")
    listed = recall_program("versions", "--library", str(judged.path)).stdout
    assert "passed, not active" in listed
    assert " active " not in listed
    (folder,) = encoders.iterdir()
    for name in ("lora-20200101-000000", "lora-20200101-000000.12.part", "lora-of-mine"):
        (encoders / name).mkdir()
    monkeypatch.setattr(tune_lora, "SEEDS", (0,))
    judged.tune(dry_run=True)
    assert len(list(encoders.iterdir())) == 4  # a dry run deletes nothing
    judged.tune()
    assert {path.name for path in encoders.iterdir()} == {folder.name, "lora-of-mine"}
    assert judged.rollback(1) == 1
    assert judged.encoder.name == f"local-dir:{folder}"


def test_an_encoder_object_of_the_caller_cannot_be_trained(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8), (250, 0, 0)).save(tmp_path / "photos" / "red.png")
    with Library.open(tmp_path / "own.recall", encoder=FakeEncoder(name="mine")) as library:
        library.sync(tmp_path / "photos")
        library.judge("red", good=[tmp_path / "photos" / "red.png"], bad=[])
        with pytest.raises(TuningError, match=r"is not an open_clip model that can be loaded by its name"):
            library.tune(method="lora")
    with pytest.raises(EncoderNotFoundError, match="open_clip has no encoder 'mine'; expected MODEL/WEIGHTS"):
        OpenClipEncoder.load("mine", device="cpu")


def test_weights_that_were_replaced_since_the_library_was_opened_are_not_trained(
    judged: Library, tmp_path: Path
) -> None:
    save_model(tmp_path / START, seed=7)
    with pytest.raises(TuningError, match="has other weights now than the library's encoder of that name"):
        judged.tune(method="lora")


def test_without_peft_the_error_names_the_extra_to_install(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tune_lora, "find_spec", lambda name: None if name == "peft" else find_spec(name))
    with pytest.raises(MissingPackageError, match="recall-photos\\[tune\\]"):
        judged.tune(method="lora")


def test_queries_by_picture_are_not_trained_on(judged: Library, tmp_path: Path) -> None:
    judged.forget_judgements()
    photos = sorted((tmp_path / "photos").iterdir())
    for photo in photos[:8]:
        judged.judge(photo, good=[photos[-1]], bad=[photos[0]])
    with pytest.raises(TuningError, match="but there are 0; judge 6 more"):
        judged.tune(method="lora")


def test_the_program_says_how_many_judgements_are_missing(recall_program: Program, judged: Library) -> None:
    judged.forget_judgements()
    judged.judge("one", good=[judged.path.parent / "photos" / "red001.png"], bad=[])
    path = str(judged.path)
    judged.close()
    done = recall_program("tune", "--method", "lora", "--trust-encoder", "--library", path)
    assert done.returncode == 2
    assert "but there are 0; judge 6 more" in done.stderr
