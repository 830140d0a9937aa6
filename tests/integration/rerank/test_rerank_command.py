"""`recall search --rerank` as the installed program prints it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from indexer.registry import expected
from retrieval.search.rerank.registry import reranker_entries
from tests.support.contents import count
from tests.support.pictures import encoded, exif_block
from tests.support.program import Program
from tests.support.second_encoder import MORNING


@pytest.fixture
def burst(photos: Path) -> Path:
    """Return the folder of photos with three frames of a cat, taken within two seconds."""
    with Image.open(photos / "chelsea.png") as cat:
        for second in range(3):
            frame = cat.convert("RGB").crop((second * 2, 0, 440 + second * 2, 300))
            exif = exif_block(taken_at=MORNING + timedelta(seconds=second))
            (photos / f"cat-{second}.jpg").write_bytes(encoded(frame, "JPEG", quality=90, exif=exif))
    (photos / "chelsea.png").unlink()
    return photos


def test_a_burst_is_one_row_and_expand_lists_its_photos(recall_program: Program, burst: Path) -> None:
    assert recall_program("index", burst).returncode == 0
    search = ("search", "a cat", "-k", "2", "--rerank", "bursts", "--all")
    table = recall_program(*search)
    assert table.returncode == 0, table.stderr
    head, first, _ = table.stdout.splitlines()
    assert head.split() == ["match", "score", "photos", "taken", "photo", "found"]
    assert first.split()[3] == "3"
    assert "cat-" in first
    best, second = map(json.loads, recall_program(*search, "--json").stdout.splitlines())
    cats = {str(burst / f"cat-{number}.jpg") for number in range(3)}
    assert {best["path"], *best["members"]} == cats
    assert (best["count"], second["count"], second["members"]) == (3, 1, [])
    opened = recall_program(*search, "--expand", "--paths").stdout.splitlines()
    assert (set(opened[:3]), len(opened)) == (cats, 4)


def test_a_second_encoder_reports_its_time_on_stderr(recall_program: Program, photos: Path) -> None:
    assert recall_program("index", "--precision", "int8", photos).returncode == 0
    run = recall_program(
        "search", "a cat", "-k", "1", "--rerank", "encoder:compact:5", "--rerank", "blend:0.5", "--json"
    )
    assert "reranked 5 of 5 by compact in " in run.stderr
    hit = json.loads(run.stdout)
    assert Path(hit["path"]).name == "chelsea.png"
    assert [step["step"] for step in hit["rerank"]] == ["encoder:compact", "blend:0.5"]


@pytest.mark.parametrize(
    ("rerank", "message"),
    [
        ("diverse", f"recall: no reranker is called 'diverse'; expected {expected(reranker_entries())}"),
        ("mmr:2", "recall: mmr has lambda 2; expected a number from 0"),
        ("encoder:compact:0", "recall: the encoder would score 0 candidates; expected at least 1"),
        ("encoder:local-dir:/nowhere", "recall: encoder 'local-dir:/nowhere' cannot be loaded: "),
        ("blend:0.5", "recall: blend:0.5 has no second score; "),
    ],
)
def test_a_wrong_reranker_is_an_error_of_one_line(
    recall_program: Program, photos: Path, rerank: str, message: str
) -> None:
    for name in photos.iterdir():
        if name.name != "chelsea.png":
            name.unlink()
    assert recall_program("index", photos).returncode == 0
    run = recall_program("search", "a cat", "--rerank", rerank)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert run.stderr.startswith(message)
    assert count(recall_program.cwd / "test.recall", "encoders") == 1
