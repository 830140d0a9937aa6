"""Export in clip-retrieval's format."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from indexer.errors import TransferError
from indexer.transfer.clip_retrieval import writer
from retrieval import Library
from tests.support.clip_retrieval import BLUE, LIME, RED
from tests.support.contents import Place, rows
from tests.support.encoders import FakeEncoder
from tests.support.records import read_catalog

Import = Callable[..., tuple[Place, Any]]


def test_an_export_is_readable_as_clip_retrieval_reads_it(filled: Library, tmp_path: Path) -> None:
    report = filled.export(tmp_path / "clip", format="clip-retrieval")
    assert (report.items, report.vectors, report.skipped) == (3, 3, 1)  # the broken photo is left out
    vectors = np.load(tmp_path / "clip" / "img_emb" / "img_emb_0.npy")
    metadata = pd.read_parquet(tmp_path / "clip" / "metadata" / "metadata_0.parquet")
    assert vectors.dtype == np.float16
    assert [Path(path).name for path in metadata["image_path"]] == ["blue.png", "lime.png", "red.png"]
    assert vectors.tolist() == [BLUE, LIME, RED]
    assert metadata["caption"].fillna("none").tolist() == ["none", "none", "a red wall"]
    assert metadata["width"].tolist() == [16, 16, 16]
    assert not (tmp_path / "clip" / "text_emb").exists()  # no caption has an embedding


def test_captions_with_embeddings_survive_export_and_import(
    clip: Path, import_into: Import, same_encoder: FakeEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, _ = import_into(clip, encoder=same_encoder)
    monkeypatch.setattr(writer, "PART", 2)
    with Library.open(new) as library:
        report = library.export(tmp_path / "again", format="clip-retrieval")
    assert (report.items, report.vectors, report.skipped) == (3, 6, 0)
    assert sorted(file.name for file in (tmp_path / "again").rglob("*.*")) == [
        "img_emb_0.npy",
        "img_emb_1.npy",
        "metadata_0.parquet",
        "metadata_1.parquet",
        "text_emb_0.npy",
        "text_emb_1.npy",
    ]
    again, _ = import_into(tmp_path / "again", name="again", encoder=same_encoder)
    for table in ("units", "embeddings"):
        assert read_catalog(again)[table] == read_catalog(new)[table]


def test_items_that_the_format_cannot_represent_are_left_out_and_logged(
    filled: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows(filled, "UPDATE items SET path = ? WHERE name = 'blue.png'", os.fsencode("/d/") + b"\xff.png")
    rows(filled, "UPDATE units SET kind = 'text' WHERE text IS NOT NULL")
    assert filled.export(tmp_path / "clip", format="clip-retrieval").skipped == 3
    assert "items left out: 3 (documents, failures, paths that are not UTF-8, added items" in caplog.text


def test_an_empty_library_cannot_be_exported(library: Library, tmp_path: Path) -> None:
    with pytest.raises(TransferError, match="has no embeddings; run: recall index FOLDER"):
        library.export(tmp_path / "clip", format="clip-retrieval")
