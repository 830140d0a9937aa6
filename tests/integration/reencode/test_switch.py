"""A change of encoder: a sample is encoded, and the other embeddings are approximated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, insert, select

from indexer.catalog.schema import ENCODER_MAPS, ENCODERS
from indexer.catalog.statements import reencoding, versions
from indexer.encoders.adapter import Adapter, LowRankAdapter
from indexer.types import Progress, utc_now
from retrieval import Library
from tests.support.color_photos import PALETTE, paint, paint_many
from tests.support.encoders import FakeEncoder
from tests.support.related_encoders import RELATED_FINGERPRINT, CopiedEncoder, RelatedEncoder, encoder_states


def test_a_sample_is_encoded_and_the_rest_is_approximated(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    change = library.use_encoder(RelatedEncoder())
    assert (change.units, change.approximate, change.former) == (40, 28, "fake/colours")
    assert change.agreement["photo"]["held_out"] == 2  # a fifth of 12
    assert encoder_states(library) == [("fake/colours", False, 40, 0), ("fake/turned", True, 12, 28)]
    assert library.check() == []


def test_approximate_vectors_find_mostly_the_same_photos(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    before = [hit.path for hit in library.search("red", k=10)]
    library.use_encoder(RelatedEncoder())
    after = library.search("red", k=10)
    assert len({hit.path for hit in after} & set(before)) >= 6  # the map is fitted on nine colors
    assert any(hit.approximate for hit in after)
    assert [hit.to_dict()["approximate"] for hit in after] == [hit.approximate for hit in after]


def test_switching_back_encodes_nothing_while_the_old_vectors_exist(changed: Library) -> None:
    encoder = FakeEncoder()
    change = changed.use_encoder(encoder)
    assert (change.encoder, change.units, change.approximate, encoder.pictures) == ("fake/colours", 40, 0, [])
    assert changed.search("red", k=1)[0].approximate is False


def test_switching_to_the_active_encoder_changes_nothing(changed: Library) -> None:
    change = changed.use_encoder(RelatedEncoder())
    assert not change.is_new
    assert encoder_states(changed)[1] == ("fake/turned", True, 12, 28)


def test_a_new_name_of_the_same_encoder_is_stored(changed: Library) -> None:
    changed.use_encoder(FakeEncoder())
    moved = FakeEncoder(name="local-dir:/new/colours")
    change = changed.use_encoder(moved)  # the folder with its weights was moved
    assert (change.is_new, change.encoder) == (False, "local-dir:/new/colours")
    assert [state[:2] for state in encoder_states(changed)] == [
        ("local-dir:/new/colours", True),
        ("fake/turned", False),
    ]
    other = RelatedEncoder()
    other.name = "local-dir:/new/turned"
    assert changed.use_encoder(other).is_new
    assert encoder_states(changed)[1] == ("local-dir:/new/turned", True, 12, 28)
    assert changed.search("red", k=1)


def test_other_weights_under_the_same_name_are_another_encoder(changed: Library) -> None:
    again = RelatedEncoder()
    again.fingerprint = "ff" * 20
    change = changed.use_encoder(again)
    assert (change.is_new, change.former, change.to_dict()["is_new"]) == (True, "fake/turned", True)


def test_a_third_encoder_is_mapped_from_encoded_vectors_only(changed: Library, folder: Path) -> None:
    change = changed.use_encoder(CopiedEncoder())
    assert (change.former, change.units, change.approximate) == ("fake/turned", 40, 28)
    with changed._store.reading() as connection:
        ids = {row.name: row.id for row in connection.execute(select(ENCODERS.c.name, ENCODERS.c.id))}
        maps = {tuple(row) for row in connection.execute(select(ENCODER_MAPS.c.old_id, ENCODER_MAPS.c.new_id))}
    first, second, third = ids["fake/colours"], ids["fake/turned"], ids["fake/third"]
    assert maps == {(first, second), (first, third)}  # approximate vectors are not mapped again
    assert changed.sync(folder).reencoded == 28
    assert encoder_states(changed) == [("fake/third", True, 40, 0)]
    assert changed.check() == []


def test_photos_added_in_between_get_vectors_of_a_third_encoder(changed: Library, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    paint(folder.with_name("more") / "a.png", "red")
    changed.sync(folder.with_name("more"))
    away.rename(folder)
    assert changed.use_encoder(CopiedEncoder()).units == 41
    assert changed.sync().approximate == 0
    assert encoder_states(changed) == [("fake/third", True, 41, 0)]
    assert changed.check() == []


def test_a_map_between_complete_encoders_is_fitted_on_a_sample(changed: Library, folder: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.stage == "re-encoding" and progress.done >= 24:
            raise KeyboardInterrupt

    paint(folder / "new.png", "red")
    with pytest.raises(KeyboardInterrupt):
        changed.sync(folder, progress=stop)
    assert encoder_states(changed)[1] == ("fake/turned", True, 37, 4)
    agreement = changed.use_encoder(FakeEncoder()).agreement["photo"]
    assert agreement["fitted"] + agreement["held_out"] == 11  # one of the 12 chose the penalty


@pytest.mark.folder
def test_a_page_of_pending_embeddings_does_not_read_all_others(library: Library, folder: Path) -> None:
    paint_many(folder, 3)
    library.sync(folder)
    statements: list[tuple[str, Any]] = []
    with library._store.reading() as connection:
        event.listen(connection.engine, "before_cursor_execute", lambda *args: statements.append((args[2], args[3])))
        page = reencoding.pending_embeddings(connection, 1, 2, after=1, limit=1)
        statement, parameters = statements[-1]
        plan = [step[3] for step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert [row.id for row in page] == [2]
    assert any("(encoder_id=? AND id>?)" in step for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


def test_a_kind_without_readable_items_is_logged(
    library: Library, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paint_many(folder, 20)
    for number in range(20):
        (folder / f"{number}.txt").write_text(f"{PALETTE[number % 6]} number {number}")
    library.sync(folder)
    for photo in folder.rglob("*.png"):
        photo.unlink()
    assert set(library.use_encoder(RelatedEncoder()).agreement) == {"text"}
    assert "no photo could be encoded with fake/turned" in caplog.text


def test_the_share_of_neighbors_is_missing_without_other_photos(changed: Library) -> None:
    agreement = next(encoder.agreement for encoder in changed.encoders() if encoder.is_active)
    assert agreement is not None
    assert (agreement["photo"]["held_out"], agreement["photo"]["neighbours"]) == (
        2,
        None,
    )  # with one other photo any map finds it


def test_the_agreement_is_that_of_the_latest_former_encoder_whatever_the_clocks_say(changed: Library) -> None:
    about = {"agreement": {"photo": {"held_out": 99}}}
    with changed._store.transaction() as connection:
        copied = CopiedEncoder()
        columns = {"name": copied.name, "fingerprint": copied.fingerprint, "dim": 3, "preprocess": {}}
        id_ = connection.scalars(insert(ENCODERS).values(**columns, added_at=utc_now()).returning(ENCODERS.c.id)).one()
        reencoding.save_encoder_map(connection, id_, 2, np.eye(4, dtype=np.float32), about)
    agreements = {encoder.name: encoder.agreement for encoder in changed.encoders()}
    assert (agreements["fake/turned"] or {})["photo"]["held_out"] == 2, (
        "as measured from fake/colours, which was active before"
    )


def test_a_switch_deactivates_the_adapter(library: Library, folder: Path) -> None:
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
    library.use_encoder(RelatedEncoder())
    assert (store.adapter, store.fingerprint, store.index_fingerprint) == (
        None,
        RELATED_FINGERPRINT,
        RELATED_FINGERPRINT,
    )
    assert library.search("red", k=1)
    library.use_encoder(FakeEncoder())
    assert store.adapter is None
    assert library.check() == []
