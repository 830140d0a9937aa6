"""Private words: the compact encoder on real photos, and the installed program."""

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

from indexer.catalog.schema import EXAMPLE_EMBEDDINGS, WORD_EXAMPLES
from indexer.catalog.sqlite.lock import write_lock
from indexer.encoders import load_encoder
from indexer.errors import FeedbackError
from retrieval import Library, Query
from retrieval.query.embed import encode_query
from retrieval.query.private_words import embed_examples, load_words, text_vectors
from tests.support.contents import Place
from tests.support.encoders import FakeEncoder
from tests.support.program import Program


@pytest.fixture
def biscuit_library(tmp_path: Path, library_place: Place, photos: Path) -> Iterator[Library]:
    """Return a library of real photos that was taught a word with half of the cat's picture, which is deleted."""
    with Library.open(library_place) as library:
        library.sync(photos)
        library.learn("Biscuit", [half(photos / "chelsea.png", tmp_path / "half.jpg")])
        (tmp_path / "half.jpg").unlink()
        yield library


def half(photo: Path, path: Path) -> Path:
    """Write the left part of a photo with its photographer in the metadata, and return the path."""
    with Image.open(photo) as picture:
        exif = Image.Exif()
        exif[0x013B] = "Secret Photographer"
        cut = picture.convert("RGB").crop((0, 0, picture.width * 2 // 3, picture.height))
        cut.resize((1200, 900)).save(path, exif=exif, comment=b"secret comment")
    return path


def test_a_word_alone_is_a_query_by_its_photos(biscuit_library: Library, photos: Path) -> None:
    hits = biscuit_library.search("biscuit", k=21)
    assert hits[0].path.name == "chelsea.png"
    assert (hits[0].probability or 0) > 0.9
    assert len(hits.above(0.5)) < 21


def test_in_a_larger_library_a_word_finds_its_photo_and_few_others_are_likely(
    biscuit_library: Library, photos: Path
) -> None:
    for number, name in enumerate(("brick.png", "grass.png", "coffee.png", "rocket.jpg") * 5):
        with Image.open(photos / name) as picture:
            left = number * picture.width // 60
            cut = picture.convert("RGB").crop((left, left // 2, picture.width * 3 // 4, picture.height))
            cut.save(photos / f"more{number:02}.jpg")
    biscuit_library.sync(photos)
    for query in ("Biscuit", "Biscuit on a blanket"):
        hits = biscuit_library.search(query, k=41)
        assert hits[0].path.name == "chelsea.png"
        values = [hit.probability or 0 for hit in hits]
        assert values[0] > 0.5
        assert sum(value > 0.5 for value in values) <= 5


def test_a_word_in_a_text_is_half_of_its_vector(biscuit_library: Library) -> None:
    encoder = load_encoder("compact", device="cpu")
    store = biscuit_library._store
    photo = embed_examples(store, load_words(store)[0].id, encoder)[0]
    words = encoder.encode_texts(["asleep on the sofa"])[0]
    expected = (photo + words) / np.linalg.norm(photo + words)
    vectors = text_vectors(store, ["Biscuit asleep on the sofa", "a dog"], encoder)
    assert np.allclose(vectors[0], expected, atol=1e-5)
    assert np.allclose(vectors[1], encoder.encode_texts(["a dog"])[0], atol=1e-5)


def test_a_word_works_in_weighted_parts_and_in_explanations(biscuit_library: Library, photos: Path) -> None:
    with biscuit_library._store.reading() as connection:
        copy = connection.scalars(select(WORD_EXAMPLES.c.picture)).one()
    for weight in (1.0, -0.5):
        word = biscuit_library.search(Query(["a rocket", "Biscuit"], weights=[1, weight]), k=21, hybrid=False)
        picture = biscuit_library.search(Query(["a rocket"], [copy], weights=[1, weight]), k=21, hybrid=False)
        assert [hit.score for hit in word] == pytest.approx([hit.score for hit in picture], abs=1e-3)  # float16
        assert [score.weight for score in word[0].part_scores] == [1, weight]
    explained = biscuit_library.explain("Biscuit asleep", photos / "chelsea.png")
    best = biscuit_library.search("Biscuit asleep", k=1)[0]
    assert explained.score == pytest.approx(best.score, abs=1e-4)
    effects = {effect.word: effect.effect for effect in explained.word_effects}
    assert effects["Biscuit"] > 0.1 > effects["asleep"]  # without "asleep" only the photo is left


def test_the_stored_copy_is_small_and_has_no_metadata(biscuit_library: Library) -> None:
    with biscuit_library._store.reading() as connection:
        content = connection.scalars(select(WORD_EXAMPLES.c.picture)).one()
    assert b"ecret" not in content
    with Image.open(io.BytesIO(content)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (512, 384))  # 1200 x 900
        assert not picture.getexif()


def test_the_same_file_is_one_example_and_others_are_added(biscuit_library: Library, photos: Path) -> None:
    first = biscuit_library.learn("BISCUIT", [photos / "coffee.png", photos / "coffee.png"])
    assert (first.word, first.added, first.repeated, first.examples) == ("Biscuit", 1, 1, 2)
    assert [len(word.examples) for word in biscuit_library.words()] == [2]


def test_without_a_readable_photo_nothing_is_stored(biscuit_library: Library, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 cut")
    with pytest.raises(FeedbackError, match=r"none of the photos of 'Rex' can be read; .*bad\.jpg"):
        biscuit_library.learn("Rex", [bad])
    assert [word.word for word in biscuit_library.words()] == ["Biscuit"]


def test_a_word_works_with_another_encoder(biscuit_library: Library, small_model: str) -> None:
    other = load_encoder(small_model, device="cpu")
    store = biscuit_library._store
    first = text_vectors(store, ["Biscuit"], other)
    assert first.shape == (1, other.dim)
    with store.reading() as connection:
        stored = connection.execute(select(EXAMPLE_EMBEDDINGS.c.encoder_id)).all()
    assert len(stored) == 2  # one for each encoder
    assert np.allclose(text_vectors(store, ["Biscuit"], other), first, atol=1e-3)  # float16 from the catalog


@pytest.mark.folder
def test_in_a_locked_library_missing_vectors_are_not_stored(biscuit_library: Library, small_model: str) -> None:
    other = load_encoder(small_model, device="cpu")
    with write_lock(biscuit_library.path, "testing", timeout=0):
        assert text_vectors(biscuit_library._store, ["Biscuit"], other).shape == (1, other.dim)
    with biscuit_library._store.reading() as connection:
        assert len(connection.execute(select(EXAMPLE_EMBEDDINGS)).all()) == 1


def test_a_forgotten_word_is_an_ordinary_word(biscuit_library: Library) -> None:
    biscuit_library.forget_word("biscuit")
    assert biscuit_library.words() == []
    encoder = load_encoder("compact", device="cpu")
    vectors = text_vectors(biscuit_library._store, ["Biscuit"], encoder)
    assert np.allclose(vectors, encoder.encode_texts(["Biscuit"]), atol=1e-5)
    with pytest.raises(FeedbackError, match="has no private word 'Biscuit'; run: recall words list"):
        biscuit_library.forget_word("Biscuit")


def test_private_words_are_read_once_for_each_state_of_the_catalog(
    library: Library, encoder: FakeEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[object] = []

    def read(connection: object) -> list[object]:
        reads.append(connection)
        return []

    monkeypatch.setattr("indexer.catalog.statements.private_words.word_records", read)
    for _ in range(3):
        encode_query(Query(["red"]), encoder, store=library._store)
    assert len(reads) == 1


def test_the_program_learns_finds_lists_and_forgets_a_word(
    recall_program: Program, photos: Path, tmp_path: Path
) -> None:
    recall_program("index", photos)
    shutil.copy(photos / "chelsea.png", tmp_path / "example.png")
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    run = recall_program("learn", "Biscuit", tmp_path / "example.png", tmp_path / "bad.jpg")
    assert (run.returncode, run.stdout) == (3, "Biscuit: 1 added; 1 example in total\n")
    assert f"failed: {tmp_path / 'bad.jpg'}: " in run.stderr
    (tmp_path / "example.png").unlink()
    hits = recall_program("search", "biscuit", "--paths", "-k", "1")
    assert [Path(line).name for line in hits.stdout.splitlines()] == ["chelsea.png"]
    listed = json.loads(recall_program("words", "list", "--json").stdout)
    assert (listed["word"], listed["examples"]) == ("Biscuit", [str(tmp_path / "example.png")])
    assert recall_program("words", "forget", "BISCUIT").returncode == 0
    assert "no words yet" in recall_program("words", "list").stderr
    refused = recall_program("learn", "2: dog", photos / "chelsea.png")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "means something else in a query" in refused.stderr


def test_a_photo_of_a_word_may_be_named_from_the_home_folder(
    library: Library, tmp_path: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    half(photos / "chelsea.png", tmp_path / "half.jpg")
    assert library.learn("Minka", ["~/half.jpg"]).added == 1
    assert library.words()[0].examples == [tmp_path / "half.jpg"]


def test_a_word_is_taught_and_forgotten_with_either_apostrophe(library: Library, photos: Path) -> None:
    assert library.learn("O\N{RIGHT SINGLE QUOTATION MARK}Brien", [photos / "chelsea.png"]).added == 1
    assert library.learn("o'brien", [photos / "coffee.png"]).examples == 2
    library.forget_word("O'Brien")
    assert library.words() == []


def test_the_first_of_many_pictures_is_not_taken_for_the_word(recall_program: Program, photos: Path) -> None:
    names = sorted(str(path) for path in photos.glob("*.png"))
    recall_program("index", photos)
    result = recall_program("learn", *names[:3])
    assert result.returncode == 2
    assert "is the name of a picture, so a query would not take it for a word; the word comes first" in result.stderr
