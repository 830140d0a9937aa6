"""What cannot be added: one bad item fails alone, a call that makes no sense adds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.errors import AddError, EncoderMismatchError, FailureKind
from retrieval import Library, Vectors
from tests.support.encoders import FakeEncoder
from tests.support.pictures import picture_bytes

RED = [1.0, 0.0, 0.0]


def test_one_bad_item_is_a_failure_and_the_others_are_added(library: Library, tmp_path: Path) -> None:
    report = library.add(
        images=[b"no picture", tmp_path / "missing.jpg", None, None, None, 7, picture_bytes("red")],  # type: ignore[list-item]
        texts=[None, None, "  ", None, "lime", None, None],
        vectors=[None, None, None, [1.0, 2.0], None, None, None],
        metadata=[None, None, None, None, {"a": {"nested": 1}}, None, {"price": 1}],
        ids=["0", "1", "2", "3", "4", "5", "6"],
    )
    assert [(failure.position, failure.kind) for failure in report.failures] == [
        (0, FailureKind.NOT_A_PICTURE),
        (1, FailureKind.UNREADABLE),
        (2, FailureKind.EMPTY),
        (3, FailureKind.BAD_VECTOR),
        (4, FailureKind.BAD_METADATA),
        (5, FailureKind.NOT_A_PICTURE),
    ]
    assert [item.id for item in library.list()] == ["6"]
    assert report.ids == ["0", "1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("vector", [[1.0, float("nan"), 0.0], [0.0, 0.0, 0.0], [1.0, float("inf"), 0], [1.0], "abc"])
def test_a_vector_that_is_none_is_a_failure(library: Library, vector: object) -> None:
    report = library.add(vectors=[RED, vector], ids=["good", "bad"])  # type: ignore[list-item]
    assert [(failure.id, failure.kind) for failure in report.failures] == [("bad", FailureKind.BAD_VECTOR)]
    assert [item.id for item in library.list()] == ["good"]


@pytest.mark.parametrize("id_", ["", "x" * 1001, "a\0b", "\ud800", 5])
def test_an_id_that_cannot_be_stored_is_a_failure(library: Library, id_: object) -> None:
    report = library.add(texts=["red"], ids=[id_])  # type: ignore[list-item]
    assert [failure.kind for failure in report.failures] == [FailureKind.BAD_ID]
    assert len(library) == 0


def test_metadata_of_another_type_than_before_is_a_failure(library: Library) -> None:
    library.add(texts=["red"], ids=["1"], metadata=[{"price": 3}])
    report = library.add(
        texts=["lime", "blue", "grey"], ids=["2", "3", "4"], metadata=[{"price": "3"}, {"price": 2.5}, {"price": None}]
    )
    assert [failure.message for failure in report.failures] == [
        "the metadata 'price' is a text, but other items have a number; expected that, or None"
    ]
    assert [item.id for item in library.list()] == ["1", "3", "4"]
    with pytest.raises(AddError, match="other items have a number; expected that, or None; nothing was changed"):
        library.update(["1"], metadata=[{"price": True}])


def test_a_key_that_no_other_item_has_may_change_its_type(library: Library) -> None:
    library.add(texts=["red"], ids=["1"], metadata=[{"price": "cheap"}])
    assert library.add(texts=["red"], ids=["1"], metadata=[{"price": 3}]).replaced == 1
    assert library.get("1")[0].metadata == {"price": 3}
    assert library.add(texts=["lime"], ids=["2"], metadata=[{"price": 4}]).added == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to add was given"),
        ({"ids": ["a"]}, "nothing to add was given"),
        ({"texts": "red"}, "texts is one str"),
        ({"images": b"data"}, "images is one bytes"),
        ({"images": Image.new("RGB", (2, 2))}, "images is one Image"),
        ({"images": np.zeros((4, 4, 3), np.uint8)}, "images is one ndarray"),
        ({"vectors": np.ones(3)}, "vectors is one ndarray"),
        ({"texts": ["red", "lime"], "ids": ["a"]}, r"different lengths \(2 texts, 1 ids\)"),
        ({"texts": ["red", "lime"], "ids": ["a", "a"]}, "the id 'a' was given twice"),
        ({"texts": ["red"], "collection": "../x"}, "the collection is called '../x'"),
        ({"texts": ["red"], "collection": "a/b"}, "the collection is called 'a/b'"),
        ({"texts": ["red"], "collection": ".."}, "the collection is called '..'"),
        ({"texts": ["red"], "collection": ""}, "the collection is called ''"),
        ({"texts": ["red"], "on_conflict": "ignore"}, "on_conflict is 'ignore'; expected one of replace, skip, error"),
        ({"texts": ["red"], "keep": "all"}, "keep is 'all'"),
    ],
)
def test_a_call_that_makes_no_sense_adds_nothing(library: Library, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(AddError, match=message):
        library.add(**arguments)  # type: ignore[arg-type]
    assert len(library) == 0


def test_columns_that_end_early_are_noticed_in_iterators_too(library: Library) -> None:
    with pytest.raises(AddError, match="ids ended after 1 values"):
        library.add(texts=iter(["red", "lime"]), ids=iter(["a"]))


def test_delete_without_a_condition_is_refused(library: Library) -> None:
    library.add(texts=["red"])
    with pytest.raises(AddError, match="nothing says what to delete"):
        library.delete()
    assert len(library) == 1


def test_a_change_of_encoder_while_a_text_is_encoded_is_refused(library: Library, encoder: FakeEncoder) -> None:
    library.add(texts=["red"], ids=["1"])
    other, encode = FakeEncoder(name="fake/other", fingerprint="d1" * 20), encoder.encode_texts

    def encode_slowly(texts: Sequence[str]) -> Vectors:
        with Library.open(library.name) as same:
            same.use_encoder(other)
        return encode(texts)

    encoder.encode_texts = encode_slowly  # type: ignore[method-assign]
    with pytest.raises(EncoderMismatchError, match="was changed while texts were encoded"):
        library.update(["1"], texts=["blue"])
    with Library.open(library.name, encoder=other) as same:
        assert same.get("1")[0].text == "red"
