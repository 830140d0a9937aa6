"""Judgements of added items, words learnt from them, bursts of them, and the words of their names."""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime
from pathlib import Path

import pytest

from indexer.errors import FeedbackError, QueryError
from retrieval import Library
from retrieval.tuning.lora.judged_photos import sample_unjudged
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.read_training_set import read_training_set
from tests.support.color_photos import paint
from tests.support.contents import Place, rows
from tests.support.encoders import FakeEncoder
from tests.support.pictures import encoded, exif_block, picture_bytes, quadrants
from tests.support.program import Program


@pytest.fixture
def shop(library: Library) -> Library:
    """Return a library of added pictures and a text."""
    images = [picture_bytes("red"), picture_bytes("crimson"), picture_bytes("lime"), None]
    ids = ["shoe/1", "boot", "sock", "text"]
    library.add(images=images, texts=[None, None, None, "a blue hat"], ids=ids, collection="shop")
    return library


def test_hits_and_ids_of_added_items_are_judged_and_trained_on(shop: Library, encoder: FakeEncoder) -> None:
    hits = shop.search("red", k=4)
    report = shop.judge("red", good=[hits[0], "boot"], bad=["sock", shop.get("text")[0]], shown=hits)
    assert (report.good, report.bad) == (2, 2)
    assert {judged.path for judged in shop.judgements()} == {
        f"collection:shop\0{id_}" for id_ in ("shoe/1", "boot", "sock", "text")
    }
    training_set, stats = read_training_set(shop._store, encoder)
    assert (stats.judgements, stats.missing) == (4, 0)
    assert stats.used >= 2
    assert training_set.good.sum() == 2


def test_one_item_judged_good_and_bad_is_named_by_its_id(shop: Library) -> None:
    with pytest.raises(FeedbackError, match=r"^shoe/1 was judged both good and bad"):
        shop.judge("red", good=["shoe/1"], bad=["shoe/1"])
    with pytest.raises(FeedbackError, match="nothing like that is not in the library"):
        shop.judge("red", good=["nothing like that"])
    shop.add(texts=["red"], ids=["boot"])
    with pytest.raises(QueryError, match="default, shop each have an item 'boot'"):
        shop.judge("red", good=["boot"])


def test_a_hit_is_not_taken_for_another_item_that_got_its_number(shop: Library) -> None:
    hit = next(hit for hit in shop.search("blue", k=5) if hit.id == "text")
    shop.delete(["text"])
    shop.add(texts=["a blue cup"], ids=["cup"], collection="shop")
    assert shop.get("cup")[0].item_id == hit.item_id, "the number is used again"
    with pytest.raises(FeedbackError, match="text is not in the library"):
        shop.judge("blue", good=[hit])


@pytest.mark.parametrize("name", ["judged.jsonl", "judged.csv"])
def test_judgements_of_added_items_come_back_from_a_file(shop: Library, tmp_path: Path, name: str) -> None:
    shop.judge("red", good=["shoe/1"], bad=["sock"])
    file = tmp_path / name
    with file.open("w", newline="") as stream:
        assert shop.export_judgements(stream, as_csv=name.endswith("csv")) == 2
    before = [(judged.path, judged.is_good, judged.content_hash) for judged in shop.judgements()]
    assert shop.import_judgements(file).existing == 2
    assert shop.forget_judgements(path="sock") == 1
    assert shop.forget_judgements(path=shop.get("shoe/1")[0]) == 1
    report = shop.import_judgements(file)
    assert (report.added, report.missing, report.rejected) == (2, 0, [])
    assert [(judged.path, judged.is_good, judged.content_hash) for judged in shop.judgements()] == before


def test_judgements_of_added_items_are_exported_with_the_library(shop: Library, tmp_path: Path) -> None:
    shop.judge("red", good=["shoe/1"], bad=["sock"], shown=shop.search("red", k=3))
    export = shop.export(tmp_path / "export").folder
    with Library.open(tmp_path / "new.recall", encoder=FakeEncoder()) as other:
        assert other.import_(export).judgements == 2
        assert [judged.path for judged in other.judgements()] == [judged.path for judged in shop.judgements()]


def test_the_program_judges_added_items_and_names_them_by_id(recall_program: Program, library_place: Place) -> None:
    with Library.open(library_place) as library:
        library.add(images=[encoded(quadrants(), "PNG"), picture_bytes("red")], ids=["four", "one"])
    assert recall_program("search", "red", "--all").returncode == 0
    judged = recall_program("judge", "-k", "1", stdin="y\n")
    assert "judged 1 good" in judged.stderr, judged.stderr
    assert re.search(r"1/1  (\d+% )?(four|one)\n", judged.stderr), judged.stderr
    assert "collection:default" not in judged.stderr
    assert recall_program("judge", "red", "--bad", "four").returncode == 0
    listed = recall_program("feedback", "list").stdout
    assert "collection:default: four" in listed
    assert "\0" not in listed
    (record, *_) = map(json.loads, recall_program("feedback", "list", "--json").stdout.splitlines())
    assert record["path"].startswith("collection:default\0")


def test_fine_tuning_leaves_out_added_items_and_says_so(
    shop: Library,
    encoder: FakeEncoder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    paint(tmp_path / "collection:shop", "red")  # a name of a collection is no name of a file
    shop.judge("red", good=["shoe/1"])
    training_set, _ = read_training_set(shop._store, encoder)
    with caplog.at_level(logging.WARNING):
        training, control = sample_unjudged(training_set, with_control_set=True)
    assert (training, control) == ([], [])
    assert "unjudged photos cannot be read and are left out" in caplog.text
    with PhotoReader(encoder.preprocess, limits=None, workers=1) as photos:
        assert list(photos.stream(map(Path, training_set.files))) == []
        (reason,) = photos.unreadable.values()
    assert reason == "added items without a file are not used to fine-tune an encoder"


def test_a_word_is_learnt_from_the_stored_pictures_of_added_items(shop: Library, tmp_path: Path) -> None:
    shop.add(vectors=[[1.0, 0.0, 0.0]], ids=["vector"])
    hit = next(hit for hit in shop.search("red", k=5) if hit.id == "shoe/1")
    report = shop.learn("Rudi", [hit, shop.get("boot")[0], shop.get("vector")[0]])
    assert (report.added, [str(path) for path, _ in report.failures]) == (2, ["collection:default"])
    assert "no picture of the item 'vector' is stored" in report.failures[0][1]
    (word,) = shop.words()
    assert [str(path) for path in word.examples] == ["collection:shop: shoe/1", "collection:shop: boot"]
    assert shop.search("Rudi", k=1)[0].id in ("shoe/1", "boot", "vector")
    export = shop.export(tmp_path / "export").folder
    with Library.open(tmp_path / "new.recall", encoder=FakeEncoder()) as other:
        assert other.import_(export).words == 1
        assert other.words()[0].examples == word.examples


def test_added_photos_of_one_burst_become_one_hit(library: Library) -> None:
    times = [datetime.fromisoformat(f"2024-05-01T12:00:0{second}") for second in (0, 1, 2)]
    images = [picture_bytes("blue"), *(encoded(quadrants(), "JPEG", exif=exif_block(taken_at=at)) for at in times)]
    library.add(images=images, ids=["blue", "a", "b", "c"])
    hits = library.search("red", k=4, rerank=["bursts"])
    burst = next(hit for hit in hits if hit.count > 1)
    assert {hit.id for hit in burst.expanded()} == {"a", "b", "c"}


def test_the_file_name_of_an_added_picture_is_searchable_and_its_folder_and_collection_are_not(
    library: Library, tmp_path: Path
) -> None:
    named = paint(tmp_path / "Greece" / "IMG_4711.png", "lime")
    library.add(images=[named], ids=["Acropolis"], collection="Holidays")
    library.add(images=[picture_bytes("red")], ids=["other"])
    found = {
        word: [hit.id for hit in library.search(word, k=2) if hit.found]
        for word in ("4711", "IMG_4711", "Greece", "Holidays", "collection", "Acropolis")
    }
    assert found == {
        "4711": ["Acropolis"], "IMG_4711": ["Acropolis"], "Greece": [], "Holidays": [], "collection": [],
        "Acropolis": [],
    }  # fmt: skip
    words = [row[0] for row in rows(library, "SELECT words FROM item_words")]
    assert not any(word in text.casefold() for text in words for word in ("greece", "holidays", "collection"))
