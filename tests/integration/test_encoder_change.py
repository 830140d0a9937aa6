"""Another encoder without losing the index: mapped, switched, and made anew bit by bit."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import insert, select

from indexer.catalog.schema import ITEMS, JUDGEMENTS, QUERIES, UNITS
from indexer.catalog.statements import export_records, reencoding
from indexer.encoders.base import to_unit_length
from indexer.errors import EncoderMismatchError, LibraryError
from indexer.maintenance.reencode import switch
from indexer.types import Pixels, Progress, Vectors, utc_now
from retrieval import Library
from tests.support.color_photos import paint, paint_many
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

OTHER = "0e" * 20


class Turned(FakeEncoder):
    """The colours in another order and with a fourth number: a linear map leads to it exactly."""

    def __init__(self) -> None:
        super().__init__(name="fake/turned", fingerprint=OTHER, dim=4)

    def encode_images(self, pixels: Pixels) -> Vectors:
        return turned(super().encode_images(pixels))

    def encode_texts(self, texts: object) -> Vectors:
        return turned(super().encode_texts(texts))  # type: ignore[arg-type]


def turned(vectors: Vectors) -> Vectors:
    red, green, blue = vectors.T
    return to_unit_length(np.stack([blue, red, green + red, green - red], axis=1))


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


def states(library: Library) -> list[tuple[str, bool, int, int]]:
    return [(each.name, each.is_active, each.encoded, each.approximate) for each in library.encoders()]


def test_the_sample_is_encoded_and_the_rest_is_mapped(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    change = library.use_encoder(Turned())
    assert (change.units, change.approximate, change.former) == (40, 28, "fake/colours")
    assert change.agreement["photo"]["held_out"] == 2  # a fifth of 12
    assert states(library) == [("fake/colours", False, 40, 0), ("fake/turned", True, 12, 28)]
    assert library.check() == []


def test_mapped_vectors_find_what_the_old_ones_found(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)
    before = [hit.path for hit in library.search("red", k=10)]
    library.use_encoder(Turned())
    found = library.search("red", k=10)
    assert len({hit.path for hit in found} & set(before)) >= 6  # the map is fitted on nine colours
    assert any(hit.approximate for hit in found)
    assert [hit.to_dict()["approximate"] for hit in found] == [hit.approximate for hit in found]


def test_the_next_sync_makes_mapped_embeddings_anew_and_gives_up_the_old(changed: Library, folder: Path) -> None:
    report = changed.sync(folder)
    assert (report.reencoded, report.approximate, report.unchanged) == (28, 0, 40)
    assert states(changed) == [("fake/turned", True, 40, 0)]
    assert not any(hit.approximate for hit in changed.search("red", k=40))
    assert changed.check() == []
    assert changed.sync(folder).reencoded == 0
    assert len(list(changed.path.glob("index-*.faiss"))) == 1


def test_a_photo_that_is_gone_keeps_its_mapped_vector_and_is_reported(changed: Library, folder: Path) -> None:
    away = folder.with_name("away")
    folder.rename(away)
    paint(folder.with_name("more") / "a.png", "red")
    report = changed.sync(folder.with_name("more"))
    assert (report.reencoded, report.approximate, len(report.not_reencoded)) == (0, 28, 28)
    assert report.not_reencoded[0].message == "No such file or directory"
    away.rename(folder)
    assert changed.sync().reencoded == 28


def test_the_way_back_is_immediate_while_the_old_vectors_are_there(changed: Library) -> None:
    encoder = FakeEncoder()
    change = changed.use_encoder(encoder)
    assert (change.encoder, change.units, change.approximate, encoder.pictures) == ("fake/colours", 40, 0, [])
    assert changed.search("red", k=1)[0].approximate is False


def test_the_active_encoder_again_changes_nothing(changed: Library) -> None:
    change = changed.use_encoder(Turned())
    assert not change.is_new
    assert states(changed)[1] == ("fake/turned", True, 12, 28)


def test_old_vectors_can_be_dropped_and_the_active_ones_not(changed: Library, folder: Path) -> None:
    with pytest.raises(LibraryError, match="is active; first run: recall encoder use OTHER"):
        changed.drop_encoder("fake/turned")
    assert changed.drop_encoder() == 40
    assert states(changed) == [("fake/turned", True, 12, 28)]
    with pytest.raises(LibraryError, match="encoders to drop: none"):
        changed.drop_encoder()
    assert changed.sync(folder).reencoded == 28


def test_an_open_library_takes_the_encoder_that_another_gave_it(changed: Library, folder: Path) -> None:
    with Library.open(changed.path, encoder=FakeEncoder(name="fake/turned", fingerprint=OTHER)) as asked:
        changed.use_encoder(FakeEncoder())
        with pytest.raises(EncoderMismatchError, match="recall encoder use fake/turned"):
            asked.search("red")  # it was asked for by name: an error, and never another encoder's vectors


def test_an_interrupted_change_leaves_the_old_encoder_and_goes_on(library: Library, folder: Path) -> None:
    paint_many(folder, 40)
    library.sync(folder)

    def stop(progress: Progress) -> None:
        if progress.stage == "encoding a sample" and progress.done == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        library.use_encoder(Turned(), progress=stop)
    assert states(library) == [("fake/colours", True, 40, 0), ("fake/turned", False, 8, 0)]
    assert not any(hit.approximate for hit in library.search("red", k=40))
    encoder = Turned()
    assert library.use_encoder(encoder).approximate == 28
    assert sum(encoder.pictures) == 4  # 8 of the 12 were committed


@pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")
@pytest.mark.parametrize("stage", ["encoding a sample", "approximating", "re-encoding"])
def test_a_kill_in_any_stage_loses_nothing(tmp_path: Path, folder: Path, stage: str) -> None:
    paint_many(folder, 40)
    path = tmp_path / "killed.recall"
    with Library.open(path, encoder=FakeEncoder()) as library:
        library.sync(folder)
    code = (
        "import os, signal, sys\n"
        "from indexer.maintenance.reencode import switch\n"
        "from retrieval import Library\n"
        "from tests.integration.test_encoder_change import Turned\n"
        "switch.SAMPLE_SIZE = 12\n"
        "def kill(progress):\n"
        f"    if progress.stage == {stage!r} and progress.done >= 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "with Library.open(sys.argv[1]) as library:\n"
        "    library.use_encoder(Turned(), progress=kill)\n"
        "    library.sync(progress=kill)\n"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code, path], cwd=root, timeout=120, check=False)
    assert done.returncode == -signal.SIGKILL
    with Library.open(path) as library:
        active = next(each.name for each in library.encoders() if each.is_active)
        assert active == ("fake/turned" if stage == "re-encoding" else "fake/colours")
        library.use_encoder(Turned())
        assert library.sync().approximate == 0
        assert states(library) == [("fake/turned", True, 40, 0)]
        assert library.check() == []


def test_an_export_leaves_mapped_vectors_out(changed: Library) -> None:
    with changed._store.reading() as connection:
        known = changed._store.encoder
        assert known is not None
        held = [unit["vectors"] for unit in export_records.export_units(connection)]
    assert (len(held), sum(known.id in vectors for vectors in held)) == (40, 12)


def test_filters_work_between_the_switch_and_the_next_sync(changed: Library, folder: Path) -> None:
    paint(folder / "part" / "lime.png", "lime")
    changed.sync(folder / "part")
    assert [hit.path.name for hit in changed.search("red", k=5, folder=folder / "part")] == ["lime.png"]


def test_what_was_shown_most_is_encoded_first(changed: Library) -> None:
    with changed._store.reading() as connection:
        known = changed._store.encoder
        assert known is not None
        last = int(reencoding.approximate_units(connection, known.id)[-1])
    with changed._store.transaction() as connection:
        connection.execute(insert(QUERIES).values(id=1, key="k", parts={}, asked_at=utc_now()))
        path = select(ITEMS.c.path).join(UNITS).where(UNITS.c.id == last).scalar_subquery()
        verdict = {"query_id": 1, "path": path, "is_good": True, "judged_at": utc_now()}
        connection.execute(insert(JUDGEMENTS).values(**verdict))
        assert reencoding.approximate_units(connection, known.id)[0] == last


def test_an_open_library_goes_on_with_the_encoder_that_a_program_gave_it(
    recall_program: Program, photos: Path, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "test.recall") as library:
        library.sync(photos)
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        used = recall_program("encoder", "use", "compact+int8")
        assert used.returncode == 0, used.stderr
        assert used.stdout.startswith("compact+int8: 21 encoded, 0 approximate in ")  # the program's sample is 1,000
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        assert library.encoder.name == "compact+int8"
    assert recall_program("encoder", "use", "compact+int8").stdout == (
        "compact+int8 already is the encoder of the library; nothing was changed\n"
    )
    listed = recall_program("encoder", "list", "--json").stdout.splitlines()
    assert [(each["name"], each["is_active"], each["encoded"]) for each in map(json.loads, listed)] == [
        ("compact", False, 21),
        ("compact+int8", True, 21),
    ]
    assert recall_program("encoder", "drop").stdout == "21 embeddings dropped\n"
    refused = recall_program("index", photos, "--encoder", "compact")
    assert (refused.returncode, "recall encoder use compact" in refused.stderr) == (2, True)


def test_the_program_marks_hits_of_approximate_embeddings_until_the_next_index(
    recall_program: Program, photos: Path, tmp_path: Path
) -> None:
    with Library.open(tmp_path / "test.recall") as library:
        library.sync(photos)
        assert library.use_encoder("compact+int8").approximate == 9  # the sample of this process is 12
    found = recall_program("search", "a cat", "-k", "21", "--all", "--no-hybrid")
    assert found.stdout.count(" ~") == 9
    assert "~ 9 of 21 found by approximate embeddings, made from the former encoder's" in found.stderr
    exported = recall_program("export", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    indexed = recall_program("index")
    assert "9 approximate embeddings re-encoded\n" in indexed.stdout
    found = recall_program("search", "a cat", "-k", "21", "--all", "--no-hybrid")
    assert ("~" in found.stdout, "approximate" in found.stderr) == (False, False)
