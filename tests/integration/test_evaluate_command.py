"""`recall evaluate` as an installed program, with the encoder that ships, on real photos."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.program import Program

PHOTOS = {"chelsea.png": "a cat", "coffee.png": "a cup of coffee", "rocket.jpg": "a rocket", "camera.png": "a man"}

ONE_WAY = ["R@1", "R@5", "R@10", "MRR", "nDCG@10", "mAP"]


@pytest.fixture
def place(tmp_path: Path, skimage_photos: Path) -> Path:
    """Return a folder with a table of each kind and the photos of both."""
    (tmp_path / "images").mkdir()
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, tmp_path / "images")
    captions = [f"{name},{caption}" for name, caption in PHOTOS.items()]
    queries = [f"{caption},images/{name}" for name, caption in PHOTOS.items()]
    (tmp_path / "captions.csv").write_text("\n".join(["image,caption", *captions]) + "\n")
    (tmp_path / "queries.csv").write_text("\n".join(["query,relevant", *queries]) + "\n")
    return tmp_path


def test_captions_give_a_table_of_both_directions_with_intervals(recall_program: Program, place: Path) -> None:
    done = recall_program("evaluate", place / "captions.csv")
    assert (done.returncode, done.stderr) == (0, "")
    first, head, *rows = done.stdout.splitlines()
    assert first == "compact: 4 photos, 4 captions; 95 % intervals in parentheses"
    assert head.split("  ")[-1] == "photo to text"
    assert [row.split()[0] for row in rows] == ONE_WAY
    assert rows[1].startswith("R@5      100.0% (100.0% to 100.0%)")  # there are but four


def test_queries_are_searched_in_the_library_and_saved_as_printed(recall_program: Program, place: Path) -> None:
    assert recall_program("index", place / "images").returncode == 0
    done = recall_program("evaluate", place / "queries.csv", "--json", "--save", place / "found.json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert list(result["search"]) == ONE_WAY
    assert (result["queries"], result["relevant"], result["encoder"]) == (4, 4, "compact")
    assert result["search"]["R@5"] == 1
    assert result == json.loads((place / "found.json").read_text())
    table = recall_program("evaluate", place / "queries.csv").stdout.splitlines()
    assert table[0].endswith(
        "test.recall: 4 queries, 4 relevant, the first 1,000 hits of each; 95 % intervals in parentheses"
    )


def test_two_encoders_are_compared_on_captions(recall_program: Program, place: Path, small_model: str) -> None:
    done = recall_program("evaluate", place / "captions.csv", "--compare", "compact", small_model)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0] == f"compact and {small_model}: 4 photos, 4 captions"
    assert lines[2].startswith("text to photo  compact  ")
    assert lines[4].split() == ["R@5", "100.0%", "100.0%", "+0.0%", "+0.0%", "to", "+0.0%", "1.000"]


def test_two_libraries_are_compared_on_queries(recall_program: Program, place: Path) -> None:
    for name, photos in (("all.recall", ["images"]), ("some.recall", ["images/chelsea.png", "images/coffee.png"])):
        paths = [place / photo for photo in photos]
        assert recall_program("index", *paths, "--library", place / name).returncode == 0
    done = recall_program(
        "evaluate", place / "queries.csv", "--compare", place / "all.recall", place / "some.recall", "--json"
    )
    assert done.returncode == 0
    result = json.loads(done.stdout)
    assert [system["missing"] for system in result["systems"]] == [0, 2]
    lost = result["differences"]["search"]["R@5"]
    assert (lost["first"], lost["second"], lost["difference"]) == (1, 0.5, -0.5)
    assert lost["low"] <= -0.5 <= lost["high"]
    assert done.stderr.count(f"not in {place / 'some.recall'}, counts as not found: ") == 2


def test_two_chains_of_rerankers_are_compared_on_one_library(recall_program: Program, place: Path) -> None:
    assert recall_program("index", place / "images").returncode == 0
    chains = ("none", "encoder:compact+int8:2+blend:0.5+mmr:0")
    done = recall_program("evaluate", place / "queries.csv", "--compare", *chains, "--json")
    assert done.returncode == 0
    assert "reranked" not in done.stderr  # one line per query would hide the rest
    result = json.loads(done.stdout)
    assert [system["name"] for system in result["systems"]] == list(chains)
    assert [system["depth"] for system in result["systems"]] == [100, 100]
    metrics = result["differences"]["search"]
    assert (metrics["R@5"]["difference"], metrics["R@5"]["p"]) == (0, 1)  # there are but four photos
    alone = recall_program("evaluate", place / "queries.csv", "--rerank", "mmr:0", "--json")
    assert json.loads(alone.stdout)["search"]["R@5"] == 1
    lines = recall_program("evaluate", place / "queries.csv", "--compare", "none", "exact").stdout.splitlines()
    assert lines[0] == "none and exact: 4 queries, 4 relevant, the first 100 hits of each"
    assert lines[3].split()[-5:] == ["+0.0%", "+0.0%", "to", "+0.0%", "1.000"]  # exact changes nothing


def test_a_query_of_parts_means_the_same_as_for_search(recall_program: Program, place: Path) -> None:
    assert recall_program("index", place / "images").returncode == 0
    (place / "parts.csv").write_text(
        "query,relevant\nimages/chelsea.png + images/coffee.png - a cat,images/camera.png\n"
        "2: a cat + a rocket,images/chelsea.png\n"
    )
    result = json.loads(recall_program("evaluate", place / "parts.csv", "--json").stdout)
    assert (result["queries"], result["failed"]) == (2, 0)
    searched = recall_program("search", "2: a cat", "+", "a rocket", "--paths", "--threshold", "0").stdout.splitlines()
    rank_of_cat = searched.index(str(place / "images" / "chelsea.png")) + 1
    alone = place / "alone.csv"
    alone.write_text("query,relevant\n2: a cat + a rocket,images/chelsea.png\n")
    assert json.loads(recall_program("evaluate", alone, "--json").stdout)["search"]["MRR"] == 1 / rank_of_cat


def test_photos_that_cannot_be_read_are_named_and_the_exit_code_says_so(recall_program: Program, place: Path) -> None:
    (place / "images" / "rocket.jpg").write_text("no picture")
    done = recall_program("evaluate", place / "captions.csv")
    assert done.returncode == 3
    assert done.stderr.startswith(f"left out: {place / 'images' / 'rocket.jpg'}: ")
    assert done.stdout.startswith("compact: 3 photos, 3 captions")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["nowhere.csv"],
            "there is no nowhere.csv; expected a table with the columns image,caption,yes,no, or image,caption, or ",
        ),
        (["images"], "images cannot be read"),
        (["captions.csv", "--split", "dev"], "captions.csv has the columns image, caption but not split"),
        (["captions.csv", "--encoder", "bert"], "no encoder is called 'bert'"),
        (["captions.csv", "--compare", "compact", "bert"], "no encoder is called 'bert'"),
        (["captions.csv", "--compare", "compact", "compact"], "--compare names 'compact' twice"),
        (["captions.csv", "--compare", "compact", "x", "--encoder", "y"], "--compare names both systems itself"),
        (["captions.csv", "--save", "no/found.json"], "no/found.json cannot be written: there is no folder no"),
        (["queries.csv"], "test.recall"),  # there is no library yet
        (["captions.csv", "--rerank", "mmr"], "--rerank is for a set with the columns query and relevant"),
        (["queries.csv", "--compare", "none", "mmr", "--rerank", "mmr"], "--compare names both systems itself"),
        (["queries.csv", "--compare", "none", "best"], "names 'best', which is neither a library nor"),
        (["queries.csv", "--compare", "images", "mmr"], "names the rerankers 'mmr' and a library; name two"),
        (["queries.csv", "--compare", "none", "mmr:high"], "mmr has 'high', which is not a number"),
        (["queries.csv", "--compare", "none", "mmr+best"], "no reranker is called 'mmr+best'; expected blend:WEIGHT"),
    ],
)
def test_a_wrong_argument_is_an_error_of_one_line(
    recall_program: Program, place: Path, args: list[str], message: str
) -> None:
    done = recall_program("evaluate", *args, cwd=place)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Usage: ") or done.stderr.count("\n") == 1
