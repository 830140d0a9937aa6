"""Explanations of added items, and searches for what is similar to them: by hit, by item and by id."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import QueryError
from retrieval import Filter, Library
from tests.support.color_photos import paint
from tests.support.contents import Place, lose_picture
from tests.support.encoders import FakeEncoder
from tests.support.pictures import picture_bytes
from tests.support.program import Program


@pytest.fixture
def shop(library: Library, folder: Path) -> Library:
    """Return a library with a file and items of one collection."""
    paint(folder / "crimson.png", "crimson")
    library.sync(folder)
    images = [picture_bytes("red"), picture_bytes("lime"), None]
    library.add(images=images, texts=[None, None, "a blue hat"], ids=["shoe/1", "sock", "hat"], collection="shop")
    library.add(vectors=[[1.0, 0.0, 0.0]], ids=["vector"], collection="shop")
    return library


def test_an_added_item_is_explained_by_hit_by_item_and_by_id(shop: Library) -> None:
    hit = next(hit for hit in shop.search("red", k=5) if hit.id == "shoe/1")
    by_hit, by_id, by_item = (
        shop.explain("red", name) for name in (hit, "shoe/1", shop.get("shoe/1", collection="shop")[0])
    )
    assert by_hit.score == by_id.score == by_item.score == pytest.approx(hit.score, abs=1e-6)
    assert (by_hit.in_results, by_hit.id, by_hit.collection, list(by_hit.reasons)) == (True, "shoe/1", "shop", [])
    assert by_hit.regions is not None
    assert by_hit.picture is not None
    assert by_hit.picture.getpixel((1, 1))[0] > 240, "the map is drawn on the stored picture"  # type: ignore[index]


def test_an_added_item_without_a_picture_has_no_regions(shop: Library) -> None:
    text = shop.explain("blue", "hat")
    assert (text.kind, text.text, text.regions) == ("text", "a blue hat", None)
    vector = shop.explain("red", "vector")
    assert vector.regions is None
    assert "no picture of the item is stored" in vector.reasons[-1]


def test_a_missing_stored_picture_does_not_stop_an_explanation(library: Library, tmp_path: Path) -> None:
    library.add(images=[picture_bytes("red", "BMP", (400, 400))], ids=["big"], keep="original")
    lose_picture(library)
    explained = library.explain("red", "big")
    assert explained.in_results
    assert "its regions cannot be scored" in explained.reasons[-1]


def test_an_added_item_that_was_deleted_or_filtered_out_is_explained(shop: Library) -> None:
    hit = next(hit for hit in shop.search("lime", k=5) if hit.id == "sock")
    filtered = shop.explain("lime", hit, where=Filter.collection("other"))
    assert not filtered.in_results
    shop.delete(["sock"])
    assert list(shop.explain("lime", hit).reasons) == ["the collection 'shop' has no item 'sock'; it was deleted"]


def test_a_file_is_meant_before_an_id_and_an_id_of_two_collections_is_refused(
    shop: Library, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.add(images=[picture_bytes("lime")], ids=["crimson.png"])
    monkeypatch.chdir(folder)
    assert shop.explain("red", "crimson.png").collection is None
    shop.add(images=[picture_bytes("lime")], ids=["sock"], collection="again")
    for call in (shop.similar, lambda name: shop.explain("red", name)):
        with pytest.raises(QueryError, match="the collections again, shop each have an item 'sock'"):
            call("sock")


def test_similar_takes_a_hit_an_item_or_an_id_and_encodes_nothing(shop: Library, encoder: FakeEncoder) -> None:
    hit = next(hit for hit in shop.search("red", k=5) if hit.id == "shoe/1")
    encoded = len(encoder.pictures)
    for name in (hit, "shoe/1", shop.get("shoe/1")[0]):
        ids = [Path(found.id).name for found in shop.similar(name, k=3)]
        assert ids[0] == "vector", "the item itself is left out"
        assert set(ids) == {"vector", "crimson.png", "sock"}
    assert len(encoder.pictures) == encoded
    file = next(hit for hit in shop.search("red", k=5) if hit.path.name == "crimson.png")
    assert file.id not in [found.id for found in shop.similar(file, k=5)]
    with pytest.raises(QueryError, match="'hat' has no picture in the library"):
        shop.similar("hat")


def test_the_program_explains_an_added_item_and_saves_its_map(
    recall_program: Program, tmp_path: Path, library_place: Place
) -> None:
    with Library.open(library_place) as library:
        library.add(images=[picture_bytes("red", "PNG", (300, 200))], ids=["shoe"])
    printed = recall_program("explain", "red", "shoe", "--save", str(tmp_path / "map.png"))
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.splitlines()[0] == "collection:default: shoe"
    with Image.open(tmp_path / "map.png") as heat_map:
        assert heat_map.size == (300, 200)
    explained = json.loads(recall_program("explain", "red", "shoe", "--json").stdout)
    assert (explained["id"], explained["collection"]) == ("shoe", "default")
    assert recall_program("similar", "shoe").returncode in (0, 1)


def test_an_id_that_looks_like_the_url_of_an_object_names_its_added_item(library: Library) -> None:
    url = "s3://shop/red.png"
    library.add(images=[picture_bytes("red"), picture_bytes("lime")], ids=[url, "lime"])
    assert [hit.id for hit in library.similar(url)] == ["lime"]
    assert library.explain("red", url).in_results
    assert library.judge("red", good=library.search("red", k=1)).good == 1
    assert library.forget_judgements(path=url) == 1
