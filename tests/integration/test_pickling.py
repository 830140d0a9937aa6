"""A library that is sent to another process, or copied, is opened again by its path."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from retrieval import Library, LibraryClosedError, LibraryError
from tests.support.color_photos import paint, paint_many
from tests.support.encoders import FakeEncoder


def test_a_pickled_library_opens_the_same_path_with_the_same_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Library.open("app.recall", encoder="compact", config=False, workers=0, wait=3, timeout=7) as library:
        content = pickle.dumps(library)
        monkeypatch.chdir("/")
        with pickle.loads(content) as other:  # noqa: S301 - written above
            assert other.path == tmp_path / "app.recall"
            assert other._settings == library._settings.__class__.load(
                config=False, library=tmp_path / "app.recall", workers=0, wait=3, timeout=7
            )
            assert other._encoder.required_name == "compact"
            assert other is not library
        assert library.count() == 0


def test_a_library_for_reading_stays_so_and_a_copy_is_another_opening(library: Library, folder: Path) -> None:
    paint(folder / "red.png", "red")
    library.sync(folder)
    with Library.open(library.name, read_only=True) as reader, copy.copy(reader) as other:
        assert other.count() == 1
        with pytest.raises(LibraryError, match="opened for reading only"):
            other.forget(folder)


def test_a_pickled_library_that_was_deleted_is_not_made_again(tmp_path: Path) -> None:
    with Library.open(tmp_path / "app.recall") as library:
        content = pickle.dumps(library)
    (tmp_path / "app.recall").rename(tmp_path / "elsewhere.recall")
    with pytest.raises(LibraryError, match="there is no library at"):
        pickle.loads(content)  # noqa: S301 - written above


def test_a_library_with_an_encoder_object_or_a_closed_one_is_not_pickled(tmp_path: Path, folder: Path) -> None:
    paint_many(folder, 2)
    library = Library.open(tmp_path / "app.recall", encoder=FakeEncoder())
    with pytest.raises(TypeError) as caught:
        pickle.dumps(library)
    assert str(caught.value) == (
        f"the library {library.path} was opened with an encoder object, which is not pickled; give the encoder by its "
        "name, or open the library in each process"
    )
    library.close()
    with pytest.raises(LibraryClosedError, match="is closed"):
        pickle.dumps(library)
