"""Data sets of the package `datasets` in a library: tables and streams, with the real package and no network."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, IterableDataset, List, Value
from datasets import Image as ImageFeature
from PIL import Image

from indexer.errors import FailureKind
from retrieval import AddError, Filter, Library, Progress
from retrieval.integrations.datasets import add_dataset
from tests.support.contents import Place
from tests.support.encoders import FakeEncoder

pytestmark = pytest.mark.folder

COLORS = ("red", "lime", "blue")


@pytest.fixture(autouse=True)
def _quiet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the cache of `datasets` out of the home."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


@pytest.fixture
def library(library_place: Place) -> Iterator[Library]:
    with Library.open(library_place, encoder=FakeEncoder()) as library:
        yield library


def png(color: str) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (30, 20), color).save(content, "PNG")
    return content.getvalue()


def table() -> Dataset:
    """Return three pictures with words and metadata of several types."""
    features = Features(
        {
            "image": ImageFeature(),
            "number": Value("int64"),
            "caption": Value("string"),
            "label": ClassLabel(names=["warm", "cold"]),
            "labels": List(ClassLabel(names=["warm", "cold"])),
            "price": Value("float32"),
            "day": Value("date32"),
            "time": Value("timestamp[s]"),
        }
    )
    rows: dict[str, Any] = {
        "image": [{"bytes": png(color), "path": f"{color}.png"} for color in COLORS],
        "number": [7, 8, 9],
        "caption": ["a tomato", "a lime", None],
        "label": [0, 0, 1],
        "labels": [[0], [0, 1], []],
        "price": [1.5, None, float("nan")],
        "day": [date(2024, 5, 1), None, date(2024, 5, 3)],
        "time": [datetime(2024, 5, 1, 12), None, None],  # noqa: DTZ001  as the column has it
    }
    return Dataset.from_dict(rows, features=features)


def test_a_table_is_added_in_one_call(library: Library) -> None:
    done: list[Progress] = []
    report = add_dataset(
        library,
        table(),
        text="caption",
        id="number",
        metadata=["label", "labels", "price", "day", "time"],
        uri="caption",
        progress=done.append,
    )

    assert (report.ids, report.added, report.failures) == (["7", "8", "9"], 3, [])
    assert done[-1].total == done[-1].done == 3
    assert [hit.id for hit in library.search("blue", k=1)] == ["9"]
    items = library.get(["7", "8", "9"])
    assert [item.text for item in items] == ["a tomato", "a lime", None]
    assert items[0].metadata == {
        "label": "warm",
        "labels": ["warm"],
        "price": 1.5,
        "day": "2024-05-01",
        "time": "2024-05-01T12:00:00",
    }
    assert items[2].metadata["price"] is None
    assert items[1].uri == "a lime"
    assert library.count(Filter.meta("label") == "cold") == 1
    assert add_dataset(library, table(), id="number", text="caption", uri="caption").added == 0


def test_a_stream_is_added_as_the_table_is(library: Library) -> None:
    report = add_dataset(library, table().to_iterable_dataset(), id="number", metadata=["label"], text="caption")
    assert (report.ids, report.added) == (["7", "8", "9"], 3)
    assert [item.metadata["label"] for item in library.list()] == ["warm", "warm", "cold"]


def test_a_stream_is_read_row_by_row(library: Library) -> None:
    read: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(600):
            read.append(number)
            yield {"image": Image.new("RGB", (8, 8), COLORS[number % 3]), "name": f"n{number}"}

    def stop(progress: Progress) -> None:
        if progress.done:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        add_dataset(library, IterableDataset.from_generator(rows), id="name", progress=stop)
    assert 0 < len(library) < 600
    assert len(read) < 600


def test_the_pictures_are_decoded_by_the_library_and_one_bad_row_stops_nothing(library: Library) -> None:
    pictures = [
        {"bytes": png("red"), "path": None},
        {"bytes": b"broken", "path": None},
        {"bytes": None, "path": "gone.png"},
    ]
    dataset = Dataset.from_dict({"image": pictures}, features=Features({"image": ImageFeature()}))
    for rows in (dataset, dataset.with_format("numpy"), dataset.cast_column("image", ImageFeature(decode=False))):
        report = add_dataset(library, rows)
        assert [failure.position for failure in report.failures] == [1, 2]
        assert report.failures[0].kind == FailureKind.NOT_A_PICTURE
        assert "the file does not exist" in report.failures[1].message


def test_files_are_read_from_a_folder_and_from_an_archive(library: Library, tmp_path: Path) -> None:
    (tmp_path / "red.png").write_bytes(png("red"))
    with zipfile.ZipFile(tmp_path / "pictures.zip", "w") as archive:
        archive.writestr("lime.png", png("lime"))
    paths = [
        str(tmp_path / "red.png"),
        f"zip://lime.png::{tmp_path}/pictures.zip",
        f"zip://no.png::{tmp_path}/pictures.zip",
    ]
    dataset = Dataset.from_dict({"image": paths}).cast_column("image", ImageFeature())

    report = add_dataset(library, dataset)

    assert (report.added, [failure.position for failure in report.failures]) == (2, [2])
    assert [hit.score for hit in library.search("lime", k=1)] == [pytest.approx(1)]


def test_other_columns_with_pictures_and_data_sets_without_pictures_are_added(library: Library) -> None:
    dataset = Dataset.from_dict({"photo": [png("red")], "captions": [["a tomato", "red fruit"]]})
    assert add_dataset(library, dataset, image="photo", text="captions").added == 1
    assert library.list()[0].text == "a tomato\nred fruit"
    assert add_dataset(library, dataset, image=None, text="captions", collection="words").added == 1
    rows = [{"image": png("blue"), "id": "b"}]
    assert add_dataset(library, rows, id="id").ids == ["b"]


def test_the_column_itself_is_added_decoded_or_not(library: Library) -> None:
    dataset = table()
    assert library.add(images=dataset["image"], ids=[str(number) for number in dataset["number"]]).added == 3
    files = dataset.cast_column("image", ImageFeature(decode=False))["image"]
    assert library.add(images=files, collection="files").added == 3
    assert [hit.id for hit in library.search("red", where=Filter.collection("default"), k=1)] == ["7"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image": "photo"}, "no column 'photo'; expected one of 'image', 'number'"),
        ({"metadata": ["label", "prize"]}, "no column 'prize'"),
        ({"image": None}, "nothing to add was given"),
    ],
)
def test_a_column_that_does_not_exist_is_refused_before_anything_is_added(
    library: Library, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(AddError, match=message):
        add_dataset(library, table(), **arguments)
    assert len(library) == 0


def test_a_data_set_with_splits_and_a_single_name_are_refused(library: Library) -> None:
    with pytest.raises(AddError, match=r"has the splits 'train', 'test'; choose one, for instance dataset\['train'\]"):
        add_dataset(library, DatasetDict({"train": table(), "test": table()}))
    with pytest.raises(TypeError, match="metadata is 'label'; expected a list"):
        add_dataset(library, table(), metadata="label")
