"""Words that a library is taught: the compact encoder on real photos, and the installed program."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from indexer.catalog.locking import write_lock
from indexer.catalog.schema import EXAMPLE_EMBEDDINGS, WORD_EXAMPLES
from indexer.config import Settings
from indexer.encoders import load_encoder
from indexer.errors import FeedbackError
from retrieval import Library, Query
from retrieval.query.embed import encode_query
from retrieval.query.private_words import embed_examples, load_words, text_vectors
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


@pytest.fixture
def taught(tmp_path: Path, photos: Path) -> Iterator[Library]:
    """Return a library of real photos that knows the cat by half of its picture, which is gone."""
    with Library.open(tmp_path / "test.recall") as library:
        library.sync(photos)
        library.learn("Biscuit", [half(photos / "chelsea.png", tmp_path / "half.jpg")])
        (tmp_path / "half.jpg").unlink()
        yield library


def half(photo: Path, place: Path) -> Path:
    """Return the left part of a photo as a file that says who took it."""
    with Image.open(photo) as picture:
        exif = Image.Exif()
        exif[0x013B] = "Secret Photographer"
        cut = picture.convert("RGB").crop((0, 0, picture.width * 2 // 3, picture.height))
        cut.resize((1200, 900)).save(place, exif=exif, comment=b"secret comment")
    return place


def test_a_word_alone_is_its_photos_and_the_probability_is_that_of_a_picture(taught: Library, photos: Path) -> None:
    found = taught.search("biscuit", k=21)
    assert found[0].path.name == "chelsea.png"
    likely = [hit.path.name for hit in found.above(0.5)]
    # fewer than 30 photos say nothing about pictures, so that nothing is hidden and nothing called likely
    assert [hit.probability for hit in found] == [None] * 21
    assert len(likely) == 21
    plain = Library.open(taught.path).search(Query(["a cat"]), k=1)[0]
    assert plain.probability is not None  # what words alone would get


def test_in_a_larger_library_a_word_is_neither_hidden_nor_called_likely_everywhere(
    taught: Library, photos: Path
) -> None:
    for number, name in enumerate(("brick.png", "grass.png", "coffee.png", "rocket.jpg") * 5):
        with Image.open(photos / name) as picture:
            left = number * picture.width // 60
            cut = picture.convert("RGB").crop((left, left // 2, picture.width * 3 // 4, picture.height))
            cut.save(photos / f"more{number:02}.jpg")
    taught.sync(photos)
    for asked in ("Biscuit", "Biscuit on a blanket"):
        found = taught.search(asked, k=41)
        assert found[0].path.name == "chelsea.png"
        values = [hit.probability or 0 for hit in found]
        assert values[0] > 0.5
        assert sum(value > 0.5 for value in values) <= 5


def test_a_word_in_a_text_is_half_of_it(taught: Library) -> None:
    encoder = load_encoder("compact", device="cpu")
    store = taught._store
    photo = embed_examples(store, load_words(store)[0].id, encoder)[0]
    words = encoder.encode_texts(["asleep on the sofa"])[0]
    expected = (photo + words) / np.linalg.norm(photo + words)
    got = text_vectors(store, ["Biscuit asleep on the sofa", "a dog"], encoder)
    assert np.allclose(got[0], expected, atol=1e-5)
    assert np.allclose(got[1], encoder.encode_texts(["a dog"])[0], atol=1e-5)


def test_parts_weights_and_explanations_know_the_word(taught: Library, photos: Path) -> None:
    with taught._store.reading() as connection:
        copy = connection.scalars(select(WORD_EXAMPLES.c.picture)).one()
    for weight in (1.0, -0.5):
        word = taught.search(Query(["a rocket", "Biscuit"], weights=[1, weight]), k=21, hybrid=False)
        picture = taught.search(Query(["a rocket"], [copy], weights=[1, weight]), k=21, hybrid=False)
        assert [hit.score for hit in word] == pytest.approx([hit.score for hit in picture], abs=1e-3)  # float16
        assert [score.weight for score in word[0].part_scores] == [1, weight]
    explained = taught.explain("Biscuit asleep", photos / "chelsea.png")
    best = taught.search("Biscuit asleep", k=1)[0]
    assert explained.score == pytest.approx(best.score, abs=1e-4)
    effects = {each.word: each.effect for each in explained.word_effects}
    assert effects["Biscuit"] > 0.1 > effects["asleep"]  # without "asleep" the photo alone is left


def test_the_copy_is_small_and_says_nothing_of_where_it_came_from(taught: Library) -> None:
    with taught._store.reading() as connection:
        content = connection.scalars(select(WORD_EXAMPLES.c.picture)).one()
    assert b"ecret" not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (512, 384))  # 1200 x 900
        assert not picture.getexif()


def test_the_same_file_is_one_example_and_further_ones_are_added(taught: Library, photos: Path) -> None:
    first = taught.learn("BISCUIT", [photos / "coffee.png", photos / "coffee.png"])
    assert (first.word, first.added, first.repeated, first.examples) == ("Biscuit", 1, 1, 2)
    assert [len(word.examples) for word in taught.words()] == [2]


def test_without_a_readable_photo_nothing_is_kept(taught: Library, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 cut")
    with pytest.raises(FeedbackError, match=r"none of the photos of 'Rex' can be read; .*bad\.jpg"):
        taught.learn("Rex", [bad])
    assert [word.word for word in taught.words()] == ["Biscuit"]


def test_a_word_survives_a_change_of_the_encoder(taught: Library, small_model: str) -> None:
    other = load_encoder(small_model, device="cpu")
    store = taught._store
    first = text_vectors(store, ["Biscuit"], other)
    assert first.shape == (1, other.dim)
    with store.reading() as connection:
        kept = connection.execute(select(EXAMPLE_EMBEDDINGS.c.encoder_id)).all()
    assert len(kept) == 2  # one for each encoder
    assert np.allclose(text_vectors(store, ["Biscuit"], other), first, atol=1e-3)  # float16 from the catalog


def test_in_a_locked_library_missing_vectors_are_made_and_not_kept(taught: Library, small_model: str) -> None:
    other = load_encoder(small_model, device="cpu")
    with write_lock(taught.path, "testing", timeout=0):
        assert text_vectors(taught._store, ["Biscuit"], other).shape == (1, other.dim)
    with taught._store.reading() as connection:
        assert len(connection.execute(select(EXAMPLE_EMBEDDINGS)).all()) == 1


def test_a_forgotten_word_is_a_word_like_others(taught: Library) -> None:
    taught.forget_word("biscuit")
    assert taught.words() == []
    encoder = load_encoder("compact", device="cpu")
    got = text_vectors(taught._store, ["Biscuit"], encoder)
    assert np.allclose(got, encoder.encode_texts(["Biscuit"]), atol=1e-5)
    with pytest.raises(FeedbackError, match="has no private word 'Biscuit'; run: recall words list"):
        taught.forget_word("Biscuit")


def test_without_words_a_search_asks_the_catalog_once_and_encodes_once(
    library: Library, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def counted(connection: object) -> list[object]:
        asked.append(connection)
        return []

    monkeypatch.setattr("indexer.catalog.statements.private_words.word_records", counted)
    for _ in range(3):
        encode_query(Query(["red"]), encoder, Settings.load(), store=library._store)
    assert len(asked) == 1


def test_the_program_learns_searches_lists_and_forgets(recall_program: Program, photos: Path, tmp_path: Path) -> None:
    recall_program("index", photos)
    shutil.copy(photos / "chelsea.png", tmp_path / "example.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    run = recall_program("learn", "Biscuit", tmp_path / "example.png", tmp_path / "bad.jpg")
    assert (run.returncode, run.stdout) == (3, "Biscuit: 1 added; 1 example in total\n")
    assert f"failed: {tmp_path / 'bad.jpg'}: " in run.stderr
    (tmp_path / "example.png").unlink()
    found = recall_program("search", "biscuit", "--paths", "-k", "1")
    assert [Path(line).name for line in found.stdout.splitlines()] == ["chelsea.png"]
    listed = json.loads(recall_program("words", "list", "--json").stdout)
    assert (listed["word"], listed["examples"]) == ("Biscuit", [str(tmp_path / "example.png")])
    assert recall_program("words", "forget", "BISCUIT").returncode == 0
    assert "no words yet" in recall_program("words", "list").stderr
    refused = recall_program("learn", "2: dog", photos / "chelsea.png")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "means something else in a query" in refused.stderr
