"""Probabilities of real hits: the compact encoder on real photos, and what is kept of the background."""

import logging
from pathlib import Path

import numpy as np
import pytest

from indexer.encoders import load_encoder
from indexer.encoders.export_store import cache_folder
from retrieval import Library
from retrieval.calibration.background import PACKAGE_FOLDER, background_vectors, file_name, prompts
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


def test_what_is_there_is_found_and_the_tail_is_cut(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    found = recall_program("search", "a cat", "--paths")
    assert [Path(line).name for line in found.stdout.splitlines()] == ["chelsea.png"]


def test_what_is_not_there_gives_one_line_with_the_best_guess_and_exit_code_1(
    recall_program: Program, photos: Path
) -> None:
    recall_program("index", photos)
    found = recall_program("search", "a submarine")
    assert found.returncode == 1
    assert found.stdout == ""
    assert "recall: nothing matches; the best guess is " in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_all_shows_the_tail_with_its_probabilities(recall_program: Program, photos: Path) -> None:
    recall_program("index", photos)
    found = recall_program("search", "a submarine", "--all", "-k", "3")
    lines = found.stdout.splitlines()
    assert lines[0].split()[0] == "match"
    assert len(lines) == 4
    assert all(line.split()[0].endswith("%") for line in lines[1:])


def test_hits_of_the_library_have_falling_probabilities_and_a_threshold_cuts_them(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        hits = library.search("a cup of coffee", k=20)
        values = [hit.probability for hit in hits if hit.probability is not None]
        assert len(values) == 20
        assert values == sorted(values, reverse=True)
        assert hits.expected is not None
        assert hits.expected >= values[0]
        assert len(library.search("a cup of coffee", k=20, threshold=0.1)) < 20


def test_a_picture_asked_of_few_photos_gets_no_probability_and_hides_nothing(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall") as library:
        library.sync(photos)
        hits = library.search(photos / "chelsea.png", k=5, threshold=0.5)
    assert len(hits) == 5  # 21 photos are too few to know what any two have in common
    assert {hit.probability for hit in hits} == {None}


def test_an_encoder_to_which_the_prompts_look_alike_gives_no_probability(photos: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "photos.recall", encoder=FakeEncoder()) as library:
        library.sync(photos)
        assert {hit.probability for hit in library.search("red", k=3)} == {None}


def test_the_vectors_that_come_with_the_package_are_those_of_compact() -> None:
    encoder = load_encoder("compact", device="cpu")
    file = PACKAGE_FOLDER / file_name(encoder.fingerprint)
    assert file.exists(), "run: python -m training.calibration --data ../shared/data --ship"
    assert background_vectors(encoder) == pytest.approx(encoder.encode_texts(list(prompts())), abs=1e-3)


def test_the_background_is_encoded_once_and_a_damaged_file_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path))
    encoder = FakeEncoder()
    first = background_vectors(encoder)
    assert np.allclose(background_vectors(encoder), first, atol=1e-3)
    assert len(encoder.texts) == len(prompts())
    file = cache_folder() / file_name(encoder.fingerprint)
    file.write_bytes(file.read_bytes()[:-10])
    assert np.allclose(background_vectors(encoder), first, atol=1e-3)
    assert len(encoder.texts) == 2 * len(prompts())


def test_a_cache_that_cannot_be_written_is_said_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.INFO):
        assert len(background_vectors(FakeEncoder())) == len(prompts())
    assert len([record for record in caplog.records if "cannot be cached" in record.message]) == 1
