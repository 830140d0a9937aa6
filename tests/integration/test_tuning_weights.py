"""Training the encoder itself behind the gate: kept, put to use, rolled back; with a small real open_clip model."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import open_clip
import pytest
from PIL import Image

from indexer.errors import MissingPackageError, TuningError
from retrieval import Library
from retrieval.tuning import gate, judging, weights
from tests.support.models import save_model
from tests.support.program import Program

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")

START = "start"


def is_red(path: Path) -> bool:
    return path.name.startswith("red")


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
    for module in (gate, judging):
        monkeypatch.setattr(module, "PROBE_LOSS", 100.0)


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


def test_a_dry_run_keeps_nothing_but_where_it_stood(judged: Library) -> None:
    judged.tune(method="lora", dry_run=True)
    assert judged.versions() == []
    assert not (judged.path / "encoders").exists()


def test_without_peft_it_is_said_what_to_install(judged: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find_spec", lambda name: None if name == "peft" else find_spec(name))
    with pytest.raises(MissingPackageError, match="recall-search\\[tune\\]"):
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
    assert done.returncode == 1
    assert "learning needs 6: judge 6 more" in done.stderr
