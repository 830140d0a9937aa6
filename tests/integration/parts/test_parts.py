"""A folder embedded into parts: whole exports of consecutive files, which machines make and repeat independently."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from indexer.errors import ConfigError, EncoderMismatchError, NoPhotosError, SourceError, TransferError
from indexer.types import Pixels, Vectors
from retrieval import Library, embed_parts
from tests.support.color_photos import paint
from tests.support.contents import contents
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.schemas import validator

COUNT = 300
"""Photos: two parts of 128 and one of 44."""


class CountingEncoder(FakeEncoder):
    """Colours whose vectors depend on the number of pictures in a call, as the last bits of a model's do."""

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return the mean colours, turned by an angle for each picture in the call, shape (n, 3)."""
        vectors = super().encode_images(pixels)
        angle = len(pixels) / 10
        turn = [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
        return (vectors @ np.array(turn)).astype(np.float32)


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Return a folder with photos, broken files between them and a text."""
    folder = tmp_path / "album"
    for number in range(COUNT - 8):
        color = (40 + number * 7 % 200, 40 + number * 31 % 200, 40 + number * 53 % 200)
        paint(folder / f"{number % 3}" / f"{number:04}.png", color)
    for number in range(7):
        (folder / "1" / f"{number * 20:04}-broken.png").write_bytes(b"no picture")
    (folder / "2" / "note.txt").write_text("a red wall\n\nblue")
    return folder


def manifest(place: Path, number: int) -> Path:
    """Return the manifest of a part."""
    return place / f"part-{number:06}" / "manifest.json"


def test_parts_have_what_an_index_of_the_folder_has(album: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "index.recall", encoder=CountingEncoder()) as indexed:
        indexed.sync(album)
    reports = [
        embed_parts(album, tmp_path / "parts", encoder=CountingEncoder(), workers=1, part=(share, 2))
        for share in (1, 2)
    ]
    assert [(report.parts, report.written) for report in reports] == [(2, 2), (1, 1)]
    assert [report.items % 4 for report in reports] != [0, 0]  # the last batches are not full
    assert (sum(report.items for report in reports), sum(report.failed for report in reports)) == (COUNT - 7, 7)
    with Library.open(tmp_path / "parts.recall", encoder=CountingEncoder()) as imported:
        counts = imported.import_(tmp_path / "parts")
        assert (counts.added, counts.failed, counts.incomplete) == (COUNT - 7, 7, 0)
        assert counts.sources == [str(album)]
    assert len(contents(tmp_path / "index.recall")) == COUNT
    assert contents(tmp_path / "parts.recall") == contents(tmp_path / "index.recall")


def test_complete_parts_are_passed_over_and_others_are_made_again(album: Path, tmp_path: Path) -> None:
    place = tmp_path / "parts"
    embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    again = FakeEncoder()
    report = embed_parts(album, place, encoder=again, workers=1)
    assert (report.written, report.existing, again.pictures) == (0, 3, [])
    before = {file: file.read_bytes() for file in sorted(place.rglob("*.parquet"))}
    manifest(place, 1).unlink()
    report = embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    assert (report.written, report.existing) == (1, 2)
    after = {file: file.read_bytes() for file in sorted(place.rglob("*.parquet"))}
    assert [file for file in before if before[file] != after[file]] in ([], [place / "part-000001" / "items.parquet"])
    paint(album / "0" / "0000.png", "red")  # the first file
    report = embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    assert (report.written, report.existing) == (1, 2)


def test_parts_that_the_folder_has_no_files_for_are_deleted(album: Path, tmp_path: Path) -> None:
    place = tmp_path / "parts"
    embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    for file in (album / "2").iterdir():
        file.unlink()
    report = embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    assert (report.parts, report.removed) == (2, 1)
    assert sorted(folder.name for folder in place.iterdir() if any(folder.iterdir())) == ["part-000000", "part-000001"]


def test_shares_make_all_parts_together(album: Path, tmp_path: Path) -> None:
    place = tmp_path / "parts"
    first = embed_parts(album, place, encoder=FakeEncoder(), workers=1, part=(1, 2))
    assert (first.parts, first.written) == (2, 2)
    with Library.open(tmp_path / "a.recall", encoder=FakeEncoder()) as library:
        assert library.import_(place).added == first.items
        second = embed_parts(album, place, encoder=FakeEncoder(), workers=1, part=(2, 2))
        assert (second.parts, second.written) == (1, 1)
        counts = library.import_(place)
        assert (counts.added, counts.existing) == (second.items, first.items + first.failed)
    with pytest.raises(ConfigError, match="part is 3/2"):
        embed_parts(album, place, encoder=FakeEncoder(), part=(3, 2))


def test_another_encoder_or_another_folder_in_the_same_place_is_refused(album: Path, tmp_path: Path) -> None:
    embed_parts(album, tmp_path / "parts", encoder=FakeEncoder(), workers=1)
    with pytest.raises(EncoderMismatchError, match="parts of the encoder 'fake/colours'"):
        embed_parts(album, tmp_path / "parts", encoder=FakeEncoder(fingerprint="ab" * 20))
    with pytest.raises(TransferError, match=r"has parts of .*album, not of .*album/1"):
        embed_parts(album / "1", tmp_path / "parts", encoder=FakeEncoder())


def test_sources_that_parts_cannot_hold_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "table.csv").write_text("a,b\n")
    with pytest.raises(NoPhotosError, match="contains no photos"):
        embed_parts(tmp_path / "empty", tmp_path / "parts", encoder=FakeEncoder())
    with pytest.raises(SourceError, match="is a table"):
        embed_parts(tmp_path / "table.csv", tmp_path / "parts", encoder=FakeEncoder())
    with pytest.raises(SourceError, match="cannot be found"):
        embed_parts(tmp_path / "none", tmp_path / "parts", encoder=FakeEncoder())


def test_parts_without_a_manifest_are_left_out_and_counted(album: Path, tmp_path: Path) -> None:
    embed_parts(album, tmp_path / "parts", encoder=FakeEncoder(), workers=1)
    manifest(tmp_path / "parts", 0).unlink()
    with Library.open(tmp_path / "a.recall", encoder=FakeEncoder()) as library:
        assert library.import_(tmp_path / "parts").incomplete == 1
        assert 0 < len(library) < COUNT - 128


def test_a_torn_part_is_one_sentence_and_parts_before_it_stay(album: Path, tmp_path: Path) -> None:
    place = tmp_path / "parts"
    embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    for number in range(3, 12):  # more parts than one transaction has
        shutil.copytree(place / f"part-{number % 3:06}", place / f"part-{number:06}")
    torn = place / "part-000011" / "units.parquet"
    torn.write_bytes(torn.read_bytes()[:-100])
    with Library.open(tmp_path / "a.recall", encoder=FakeEncoder()) as library:
        with pytest.raises(TransferError, match=r"units.parquet has changed since the export"):
            library.import_(place)
        assert len(library) > 100


def test_a_part_of_another_encoder_is_one_sentence(album: Path, tmp_path: Path) -> None:
    place = tmp_path / "parts"
    embed_parts(album, place, encoder=FakeEncoder(), workers=1)
    other = json.loads(manifest(place, 1).read_text())
    other["encoders"][0]["fingerprint"] = "ab" * 20
    manifest(place, 1).write_text(json.dumps(other))
    with (
        Library.open(tmp_path / "a.recall", encoder=FakeEncoder()) as library,
        pytest.raises(EncoderMismatchError, match="the vectors to import are of 'fake/colours'") as caught,
    ):
        library.import_(place)
    assert "\n" not in str(caught.value)


def test_the_program_embeds_shares_and_imports_them(album: Path, tmp_path: Path, recall_program: Program) -> None:
    first = recall_program("index", album, "--into", tmp_path / "parts", "--part", "1/2", "--json", "--workers", "1")
    assert first.returncode == 3  # some files are broken
    validator("index-into").validate(json.loads(first.stdout))
    second = recall_program("index", album, "--into", tmp_path / "parts", "--workers", "1")
    assert second.stdout.startswith("3 parts: 1 written, 2 already there in ")
    imported = recall_program("import", tmp_path / "parts", "--json")
    assert imported.returncode == 3
    validator("import").validate(json.loads(imported.stdout))
    assert json.loads(imported.stdout)["added"] == COUNT - 7
    assert recall_program("index", album, "--part", "1/2").returncode == 2
    assert "--dry-run cannot be used with --into" in recall_program("index", album, "--into", "x", "--dry-run").stderr


def test_a_killed_run_leaves_only_complete_parts(album: Path, tmp_path: Path, recall_program: Program) -> None:
    arguments: list[str | Path] = [recall_program.path, "index", album, "--into", tmp_path / "parts", "--workers", "1"]
    with subprocess.Popen(arguments, env=recall_program.env, cwd=tmp_path, stderr=subprocess.DEVNULL) as run:
        deadline = time.monotonic() + 120
        while not manifest(tmp_path / "parts", 0).exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        run.kill()
    report = recall_program("index", album, "--into", tmp_path / "parts", "--workers", "1", "--json")
    counts = json.loads(report.stdout)
    assert counts["existing"] >= 1
    assert counts["existing"] + counts["written"] == 3
    with Library.open(tmp_path / "a.recall") as library:
        assert library.import_(tmp_path / "parts").added == COUNT - 7


def test_two_importers_at_once_add_each_item_once(album: Path, tmp_path: Path, recall_program: Program) -> None:
    embed_parts(album, tmp_path / "parts", encoder="compact", workers=1)
    arguments: list[str | Path] = [recall_program.path, "import", tmp_path / "parts", "--json"]
    runs = [
        subprocess.Popen(arguments, env=recall_program.env, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    counts = [json.loads(run.communicate(timeout=200)[0]) for run in runs]
    assert sorted(count["added"] for count in counts) == [0, COUNT - 7]
