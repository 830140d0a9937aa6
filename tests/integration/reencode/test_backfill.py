"""Re-encoding of approximate embeddings, and deletion of those of former encoders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select, update

from indexer.catalog.schema import EMBEDDINGS, ITEMS, JUDGEMENTS, QUERIES, UNITS
from indexer.catalog.statements import export_records, reencoding
from indexer.errors import EncoderMismatchError, LibraryError
from indexer.types import utc_now
from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.encoders import FakeEncoder
from tests.support.related_encoders import CopiedEncoder, RelatedEncoder, encoder_states


def test_the_next_sync_reencodes_approximate_embeddings_and_deletes_the_old(changed: Library, folder: Path) -> None:
    report = changed.sync(folder)
    assert (report.reencoded, report.approximate, report.unchanged) == (28, 0, 40)
    assert encoder_states(changed) == [("fake/turned", True, 40, 0)]
    assert not any(hit.approximate for hit in changed.search("red", k=40))
    assert changed.check() == []
    assert changed.sync(folder).reencoded == 0
    assert len(list(changed.path.glob("index-*.faiss"))) == 1


def test_a_missing_photo_keeps_its_approximate_vector_and_is_reported(changed: Library, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    paint(folder.with_name("more") / "a.png", "red")
    report = changed.sync(folder.with_name("more"))
    assert (report.reencoded, report.approximate, len(report.not_reencoded)) == (0, 28, 28)
    assert report.not_reencoded[0].message == "No such file or directory"
    away.rename(folder)
    assert changed.sync().reencoded == 28


@pytest.mark.parametrize(
    "wrong",
    [FakeEncoder(), FakeEncoder(name="fake/turned", fingerprint="ff" * 20, dim=4)],
    ids=["former encoder", "same name"],
)
def test_a_sync_with_another_encoder_never_replaces_approximate_vectors(
    library: Library, folder: Path, wrong: FakeEncoder
) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    with Library.open(library.name, encoder=FakeEncoder()) as other:
        library.use_encoder(RelatedEncoder())
        other._encoder.replace(wrong)  # as if weights were replaced, or another process changed the encoder
        with pytest.raises(EncoderMismatchError, match="recall encoder use fake/"):
            other.sync(folder)
    assert wrong.pictures == []
    assert encoder_states(library) == [("fake/colours", False, 40, 0), ("fake/turned", True, 12, 28)]
    assert library.check() == []


def test_the_most_used_photo_is_reencoded_first(changed: Library) -> None:
    with changed._store.reading() as connection:
        encoder = changed._store.encoder
        assert encoder is not None
        last = int(reencoding.approximate_units(connection, encoder.id)[-1])
    with changed._store.transaction() as connection:
        connection.execute(insert(QUERIES).values(id=1, key="k", parts={}, asked_at=utc_now()))
        path = select(ITEMS.c.path).join(UNITS).where(UNITS.c.id == last).scalar_subquery()
        verdict = {"query_id": 1, "path": path, "is_good": True, "judged_at": utc_now()}
        connection.execute(insert(JUDGEMENTS).values(**verdict))
        assert reencoding.approximate_units(connection, encoder.id)[0] == last


def test_filters_work_between_the_switch_and_the_next_sync(changed: Library, folder: Path) -> None:
    paint(folder / "part" / "lime.png", "lime")
    changed.sync(folder / "part")
    assert [hit.path.name for hit in changed.search("red", k=5, folder=folder / "part")] == ["lime.png"]


def test_a_damaged_embedding_affects_no_other_and_is_reencoded(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    with library._store.transaction() as connection:  # some are in the sample, however it is drawn
        zeros = np.zeros(3, "<f2").tobytes()  # PostgreSQL cannot store NaN
        connection.execute(update(EMBEDDINGS).where(EMBEDDINGS.c.id % 4 == 0).values(vector=zeros))
    library.use_encoder(RelatedEncoder())
    with library._store.reading() as connection:
        vectors = [
            np.frombuffer(row, "<f2")
            for row in connection.scalars(select(EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == 2))
        ]
    assert 30 <= len(vectors) < 40  # a quarter is damaged, partly in the sample
    assert np.isfinite(np.array(vectors)).all()
    assert library.sync().approximate == 0
    assert encoder_states(library) == [("fake/turned", True, 40, 0)]
    assert library.check() == []


def test_an_export_omits_approximate_vectors(changed: Library) -> None:
    with changed._store.reading() as connection:
        encoder = changed._store.encoder
        assert encoder is not None
        exported = [unit["vectors"] for unit in export_records.export_units(connection)]
    assert (len(exported), sum(encoder.id in vectors for vectors in exported)) == (40, 12)


def test_embeddings_omitted_by_an_export_are_encoded_after_the_import(
    changed: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed.export(tmp_path / "out")
    assert "approximate embeddings left out: 28; to export them too, run recall index first" in caplog.text
    with Library.open(tmp_path / "new.recall", encoder=RelatedEncoder()) as other:
        other.import_(tmp_path / "out")
        assert len(other.search("red", k=100)) == 12
        report = other.sync()
        assert (report.unchanged, report.reencoded, report.not_reencoded) == (40, 28, [])
        assert len(other.search("red", k=100)) == 40
        assert other.check() == []


def test_an_inactive_encoder_can_be_dropped_and_the_active_one_cannot(changed: Library, folder: Path) -> None:
    with pytest.raises(LibraryError, match="is active; first run: recall encoder use OTHER"):
        changed.drop_encoder("fake/turned")
    assert changed.drop_encoder() == 40
    assert encoder_states(changed) == [("fake/turned", True, 12, 28)]
    with pytest.raises(LibraryError, match="encoders to drop: none"):
        changed.drop_encoder()
    assert changed.sync(folder).reencoded == 28


def test_former_encoders_are_dropped_one_by_one(changed: Library) -> None:
    changed.use_encoder(CopiedEncoder())
    assert (changed.drop_encoder(), changed.drop_encoder()) == (40, 40)  # latest first
    assert encoder_states(changed) == [("fake/third", True, 12, 28)]
    with pytest.raises(LibraryError, match="encoders to drop: none"):
        changed.drop_encoder()
