"""What goes wrong around a change of encoder: other processes, other names, ways through a third encoder, exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select, update

from indexer.catalog.schema import EMBEDDINGS, ENCODER_MAPS, ENCODERS
from indexer.catalog.statements import reencoding, versions
from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.errors import EncoderMismatchError, LibraryError
from indexer.maintenance.reencode import switch
from indexer.types import Progress, Vectors
from retrieval import Library
from tests.integration.test_encoder_change import OTHER, Turned, states
from tests.support.color_photos import PALETTE, paint, paint_many
from tests.support.encoders import FakeEncoder


@pytest.fixture(autouse=True)
def _small_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "SAMPLE_SIZE", 12)


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
        other._encoder.replace(
            asked
        )  # as where a folder's weights were replaced, or another process changed the encoder
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


class Third(FakeEncoder):
    """The colours as they are, under another name."""

    def __init__(self) -> None:
        super().__init__(name="fake/third", fingerprint="03" * 20)


def test_on_the_way_through_a_third_encoder_real_vectors_are_mapped_and_all_old_ones_given_up(
    changed: Library, folder: Path
) -> None:
    change = changed.use_encoder(Third())
    assert (change.former, change.units, change.approximate) == ("fake/turned", 40, 28)
    with changed._store.reading() as connection:
        known = {row.name: row.id for row in connection.execute(select(ENCODERS.c.name, ENCODERS.c.id))}
        maps = {tuple(row) for row in connection.execute(select(ENCODER_MAPS.c.old_id, ENCODER_MAPS.c.new_id))}
    first, second, third = known["fake/colours"], known["fake/turned"], known["fake/third"]
    assert maps == {(first, second), (first, third)}  # and not what was mapped already
    assert changed.sync(folder).reencoded == 28
    assert states(changed) == [("fake/third", True, 40, 0)]
    assert changed.check() == []


def test_what_was_added_in_between_gets_a_vector_of_a_third_encoder_too(changed: Library, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    paint(folder.with_name("more") / "a.png", "red")
    changed.sync(folder.with_name("more"))
    away.rename(folder)
    assert changed.use_encoder(Third()).units == 41
    assert changed.sync().approximate == 0
    assert states(changed) == [("fake/third", True, 41, 0)]
    assert changed.check() == []


def test_a_map_back_is_fitted_on_a_sample_where_both_encoders_have_seen_all(changed: Library, folder: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "re-encoding" and progress.done >= 24:
            raise KeyboardInterrupt

    paint(folder / "new.png", "red")
    with pytest.raises(KeyboardInterrupt):
        changed.sync(folder, progress=stop)
    assert states(changed)[1] == ("fake/turned", True, 37, 4)
    agreement = changed.use_encoder(FakeEncoder()).agreement["photo"]
    assert agreement["fitted"] + agreement["held_out"] == 11  # and one of the 12 chose the penalty


def test_the_former_encoders_are_dropped_one_by_one(changed: Library) -> None:
    changed.use_encoder(Third())
    assert (changed.drop_encoder(), changed.drop_encoder()) == (40, 40)  # the latest first
    assert states(changed) == [("fake/third", True, 12, 28)]
    with pytest.raises(LibraryError, match="encoders to drop: none"):
        changed.drop_encoder()


def test_a_page_of_what_is_to_be_mapped_does_not_read_all_that_is_left(library: Library, folder: Path) -> None:
    paint_many(folder, 3)
    library.sync(folder)
    asked: list[tuple[str, Any]] = []
    with library._store.reading() as connection:
        event.listen(connection.engine, "before_cursor_execute", lambda *of: asked.append((of[2], of[3])))
        page = reencoding.pending_embeddings(connection, 1, 2, after=1, limit=1)
        statement, parameters = asked[-1]
        plan = [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert [row.id for row in page] == [2]
    assert any("(encoder_id=? AND id>?)" in step for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


def test_an_interrupted_change_fits_a_map_for_a_kind_that_came_since(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)

    def stop(progress: Progress) -> None:
        if progress.stage == "approximating":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.use_encoder(Turned(), progress=stop)
    for number in range(20):
        (folder / f"{number}.txt").write_text(f"{PALETTE[number % 6]} number {number}")
    library.sync(folder)
    assert set(library.use_encoder(Turned()).agreement) == {"photo", "text"}


def test_a_kind_of_which_nothing_could_be_encoded_is_said(
    library: Library, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint_many(folder, 20)
    for number in range(20):
        (folder / f"{number}.txt").write_text(f"{PALETTE[number % 6]} number {number}")
    library.sync(folder)
    for photo in folder.rglob("*.png"):
        photo.unlink()
    assert set(library.use_encoder(Turned()).agreement) == {"text"}
    assert "no photo could be encoded with fake/turned" in caplog.text


def test_what_an_export_left_out_is_encoded_after_the_import(
    changed: Library, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    changed.export(tmp_path / "out")
    assert "approximate embeddings left out: 28; to export them too, run recall index first" in caplog.text
    with Library.open(tmp_path / "new.recall", encoder=Turned()) as other:
        other.import_(tmp_path / "out")
        assert len(other.search("red", k=100)) == 12
        report = other.sync()
        assert (report.unchanged, report.reencoded, report.not_reencoded) == (40, 28, [])
        assert len(other.search("red", k=100)) == 40
        assert other.check() == []


class Interrupted(FakeEncoder):
    """While it encodes a query, another process changes the library's encoder."""

    change: Callable[[], object] | None = None

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        found = super().encode_texts(texts)
        if self.change:
            self.change()
        return found


@pytest.mark.parametrize("new", [Turned, Third])
def test_a_query_encoded_before_a_change_never_meets_the_new_vectors(
    library: Library, folder: Path, new: type[FakeEncoder]
) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    encoder = Interrupted()
    with Library.open(library.path, encoder=encoder) as other:
        assert other.search("red", k=3)
        encoder.change = lambda: library.use_encoder(new())
        with pytest.raises(EncoderMismatchError, match=new().name):
            other.search("red", k=3)


def test_the_share_of_neighbours_is_not_told_where_there_are_no_others(changed: Library) -> None:
    agreement = next(each.agreement for each in changed.encoders() if each.is_active)
    assert agreement is not None
    assert (agreement["photo"]["held_out"], agreement["photo"]["neighbours"]) == (2, None)  # any map keeps one of one


def test_an_adapter_is_put_aside_in_the_switch(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    store = library._store
    half = LowRankAdapter(np.eye(3, 1, dtype=np.float32), np.eye(1, 3, dtype=np.float32))
    with store.transaction() as connection:
        weights = Adapter(half, half).to_bytes()
        versions.activate_version(
            connection, versions.add_version(connection, kind="adapter", encoder_id=1, report={}, weights=weights)
        )
    assert library.search("red", k=1)
    library.use_encoder(Turned())
    assert (store.adapter, store.fingerprint, store.index_fingerprint) == (None, OTHER, OTHER)
    assert library.search("red", k=1)
    library.use_encoder(FakeEncoder())
    assert store.adapter is None
    assert library.check() == []


def test_a_damaged_embedding_spoils_no_other_and_is_made_anew(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    with library._store.transaction() as connection:  # one of the sample and others, however it is drawn
        connection.execute(
            update(EMBEDDINGS).where(EMBEDDINGS.c.id % 4 == 0).values(vector=np.full(3, np.nan, "<f2").tobytes())
        )
    library.use_encoder(Turned())
    with library._store.reading() as connection:
        kept = [
            np.frombuffer(row, "<f2")
            for row in connection.scalars(select(EMBEDDINGS.c.vector).where(EMBEDDINGS.c.encoder_id == 2))
        ]
    assert 30 <= len(kept) < 40  # a quarter is damaged, and some of these are in the sample
    assert np.isfinite(np.array(kept)).all()
    assert library.sync().approximate == 0
    assert states(library) == [("fake/turned", True, 40, 0)]
    assert library.check() == []
