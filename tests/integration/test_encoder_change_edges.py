"""What goes wrong around a change of encoder: other processes, other names, ways through a third encoder, exports."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import EncoderMismatchError
from indexer.recoding import changing
from retrieval import Library
from tests.integration.test_encoder_change import Turned, states
from tests.support.colours import paint_many
from tests.support.encoders import FakeEncoder


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "SAMPLE", 12)


@pytest.fixture
def changed(library: Library, folder: Path) -> Library:
    """Return a library of 40 photos, 12 of which the new encoder has seen."""
    paint_many(folder, 40)
    library.sync(folder)
    library.use_encoder(Turned())
    return library


@pytest.mark.parametrize(
    "asked",
    [FakeEncoder(), FakeEncoder(name="fake/turned", fingerprint="ff" * 20, dim=4)],
    ids=["the former one", "one of the same name"],
)
def test_a_sync_with_another_encoder_never_replaces_mapped_vectors(
    library: Library, folder: Path, asked: FakeEncoder
) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    with Library.open(library.path, encoder=FakeEncoder()) as other:
        library.use_encoder(Turned())
        other._encoder.take(asked)  # as where a folder's weights were replaced, or another process changed the encoder
        with pytest.raises(EncoderMismatchError, match="recall encoder use fake/"):
            other.sync(folder)
    assert asked.pictures == []
    assert states(library) == [("fake/colours", False, 40, 0), ("fake/turned", True, 12, 28)]
    assert library.check() == []


def test_a_new_name_of_the_same_encoder_is_taken_over(changed: Library) -> None:
    changed.use_encoder(FakeEncoder())
    moved = FakeEncoder(name="local-dir:/new/colours")
    change = changed.use_encoder(moved)  # the folder with its weights has moved: the old name finds nothing
    assert (change.is_new, change.encoder) == (False, "local-dir:/new/colours")
    assert [state[:2] for state in states(changed)] == [("local-dir:/new/colours", True), ("fake/turned", False)]
    other = Turned()
    other.name = "local-dir:/new/turned"
    assert changed.use_encoder(other).is_new
    assert states(changed)[1] == ("local-dir:/new/turned", True, 12, 28)
    assert changed.search("red", k=1)


def test_other_weights_of_the_same_name_are_another_encoder(changed: Library) -> None:
    again = Turned()
    again.fingerprint = "ff" * 20
    change = changed.use_encoder(again)
    assert (change.is_new, change.former, change.to_dict()["is_new"]) == (True, "fake/turned", True)
