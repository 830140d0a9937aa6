"""Every command once, as an installed program on real photos, through a small model that is quick and blind."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from retrieval import Library
from retrieval.cli.group import command_names
from tests.conftest import PHOTOS
from tests.support.program import Program, program_env


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, skimage_photos: Path) -> Path:
    """Return a folder with six real photos and a broken one in `photos`."""
    folder = tmp_path_factory.mktemp("commands")
    (folder / "photos" / "old").mkdir(parents=True)
    for name in ("chelsea.png", "coffee.png", "rocket.jpg", "astronaut.png"):
        shutil.copy(skimage_photos / name, folder / "photos")
    for name in ("camera.png", "moon.png"):
        shutil.copy(skimage_photos / name, folder / "photos" / "old")
    (folder / "photos" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    return folder


@pytest.fixture(scope="module")
def recall(place: Path, recall_path: Path, encoder_cache: Path) -> Program:
    """Return the program with one library for all tests of this file."""
    return Program(path=recall_path, env={**program_env(place), "RECALL_CACHE": str(encoder_cache)}, cwd=place)


@pytest.fixture(scope="module")
def indexed(recall: Program, small_model: str) -> subprocess.CompletedProcess[str]:
    """Return the run that made the library."""
    warm_up = recall("index", "photos/chelsea.png", "--encoder", small_model, "--library", "other.recall")
    assert warm_up.returncode == 0  # it may have exported the model and logged that
    return recall("index", "photos", "--encoder", small_model, "--json")


def test_index_prints_one_object_of_counts_and_seconds(indexed: subprocess.CompletedProcess[str]) -> None:
    assert (indexed.returncode, indexed.stderr) == (3, "")  # done, but one failed
    (line,) = indexed.stdout.splitlines()
    report = json.loads(line)
    counts = {name: report[name] for name in ("added", "changed", "moved", "removed", "unchanged", "failed")}
    assert counts == {"added": 6, "changed": 0, "moved": 0, "removed": 0, "unchanged": 0, "failed": 1}
    assert {"scan", "load", "decode", "encode", "write", "index", "total"} == set(report["seconds"])
    assert all(seconds >= 0 for seconds in report["seconds"].values())
    assert [Path(failure["path"]).name for failure in report["failures"]] == ["broken.jpg"]


def test_index_without_paths_updates_all_sources(recall: Program, indexed: object) -> None:
    done = recall("index")
    assert done.returncode == 3
    assert done.stdout.startswith("0 added, 6 unchanged, 1 failed in ")
    assert done.stderr.startswith("failed: ")
    assert "broken.jpg: " in done.stderr


def test_search_by_a_picture_finds_it_first(recall: Program, indexed: object, place: Path) -> None:
    done = recall("search", "photos/coffee.png", "--json")
    hits = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(hits) == 6
    assert hits[0]["path"] == str(place / "photos" / "coffee.png")
    assert hits[0]["score"] == pytest.approx(1, abs=1e-3)
    assert (hits[0]["format"], hits[0]["width"], hits[0]["height"]) == ("PNG", 600, 400)


def test_search_by_words_and_a_picture_prints_the_score_of_each_part(recall: Program, indexed: object) -> None:
    done = recall("search", "at night", "--image", "photos/rocket.jpg", "--json", "-k", "1")
    (hit,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert [part["part"] for part in hit["part_scores"]] == ["at night", "photos/rocket.jpg"]


def test_search_takes_a_picture_or_words_from_standard_input(recall: Program, indexed: object, place: Path) -> None:
    coffee = (place / "photos" / "coffee.png").read_bytes()
    assert recall("search", "-", "--paths", "-k", "1", stdin=coffee).stdout == f"{place}/photos/coffee.png\n"
    both = recall("search", "-", "+", "photos/coffee.png", "-", "2:moon", "--json", "-k", "1", stdin="a cup\n")
    (hit,) = [json.loads(line) for line in both.stdout.splitlines()]
    assert [(part["part"], part["weight"]) for part in hit["part_scores"]] == [
        ("a cup", 1),
        ("moon", -2),
        ("photos/coffee.png", 1),
    ]


@pytest.mark.parametrize(
    ("query", "stdin", "message"),
    [
        (["-"], b"", "standard input is empty; expected a picture or words"),
        (["-"], b"\xff\xfe\xfd", "standard input is neither a picture nor words in UTF-8"),
        (["-", "+", "-"], b"cat", "standard input was named twice by '-'"),
        (["cat", "-", "cat"], b"", "the parts of the query cancel out"),
        (["cat", "+", "gone.jpg"], b"", "there is no file gone.jpg"),
    ],
)
def test_a_wrong_query_is_an_error_of_one_line(
    recall: Program, indexed: object, query: list[str], stdin: bytes, message: str
) -> None:
    done = recall("search", *query, stdin=stdin)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"recall: {message}")
    assert done.stderr.count("\n") == 1


def test_a_query_longer_than_the_encoder_reads_is_truncated_with_a_warning(recall: Program, indexed: object) -> None:
    done = recall("search", "a very " * 100 + "long query", "-k", "1", "--paths", "--all")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert done.stderr.count("\n") == 1
    assert "longer than the encoder reads" in done.stderr


def test_a_damaged_query_picture_is_an_error_of_one_line(recall: Program, indexed: object) -> None:
    done = recall("search", "photos/broken.jpg")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("recall: photos/broken.jpg cannot be used as a query: ")
    assert done.stderr.count("\n") == 1


def test_similar_prints_paths_for_pipes(recall: Program, indexed: object, place: Path) -> None:
    expected = {str(path) for path in (place / "photos").rglob("*.*g") if path.name not in {"moon.png", "broken.jpg"}}
    lines = recall("similar", "photos/old/moon.png", "--paths")
    assert (lines.returncode, lines.stderr, set(lines.stdout.splitlines())) == (0, "", expected)
    with_null = recall("similar", "photos/old/moon.png", "-0", "--folder", "photos/old")
    assert with_null.stdout == f"{place}/photos/old/camera.png\0"


def test_nothing_found_is_exit_code_1(recall: Program, indexed: object) -> None:
    done = recall("similar", "photos/old/moon.png", "--before", "1900-01-01")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "recall: nothing found\n")


def test_status_prints_what_the_library_holds(recall: Program, indexed: object, place: Path, small_model: str) -> None:
    status = json.loads(recall("status", "--json").stdout)
    assert (status["photos"], status["failed"], status["dim"]) == (6, 1, 32)
    assert status["encoder"] == small_model
    assert [source["path"] for source in status["sources"]] == [str(place / "photos")]
    assert status["catalog_bytes"] > 0
    table = recall("status")
    assert (table.returncode, table.stderr) == (0, "")
    assert "photos   6\n" in table.stdout
    failed = recall("status", "--failed")
    assert "broken.jpg" in failed.stdout.splitlines()[1]


def test_encoder_available_lists_the_ways_to_name_one(recall: Program) -> None:
    done = recall("encoder", "available", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["name"] for row in rows if row["kind"] == "form"] == [
        "compact", "SHORT-NAME", "MODEL/WEIGHTS", "hf-hub:ORG/REPO", "local-dir:PATH", "PACKAGE:MODEL", "NAME+int8",
    ]  # fmt: skip
    best = next(row for row in rows if row["name"] == "mobileclip2-s0")
    assert (best["full_name"], best["research_only"]) == ("MobileCLIP2-S0/dfndr2b", True)
    head, first, *_ = recall("encoder", "available").stdout.splitlines()
    assert head.split()[:3] == ["name", "million", "download"]
    assert first.startswith("compact  ")


def test_forget_and_check_print_what_they_did(recall: Program, indexed: object, place: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.recall"
    shutil.copytree(place / "test.recall", copy)
    env = {"RECALL_LIBRARY": str(copy)}
    assert recall("check", env=env).stdout == "catalog, index and disk agree\n"
    (index,) = copy.glob("index-*.faiss")
    index.write_bytes(b"torn")
    torn = recall("check", "--json", env=env)
    assert torn.returncode == 3
    assert [json.loads(line)["kind"] for line in torn.stdout.splitlines()] == ["index"]
    mended = recall("check", "--repair", env=env)
    assert (mended.returncode, mended.stdout) == (0, "catalog, index and disk agree\n")
    forgotten = recall("forget", "photos/old", env=env)
    assert (forgotten.returncode, forgotten.stdout) == (0, "2 items forgotten; no file was touched\n")
    assert (place / "photos" / "old" / "moon.png").exists()
    assert json.loads(recall("status", "--json", env=env).stdout)["photos"] == 4


def test_evaluate_prints_one_object_of_metrics(recall: Program, place: Path, small_model: str) -> None:
    folder = place / "captioned"
    (folder / "images").mkdir(parents=True)
    for name in ("chelsea.png", "coffee.png"):
        shutil.copy(place / "photos" / name, folder / "images")
    (folder / "captions.csv").write_text(
        "image,caption\nchelsea.png,a cat\nchelsea.png,a striped cat\ncoffee.png,a cup\n"
    )
    done = recall("evaluate", "captioned/captions.csv", "--encoder", small_model, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert list(result)[:5] == ["text_to_image", "image_to_text", "images", "captions", "encoder"]
    assert (result["images"], result["captions"], result["encoder"]) == (2, 3, small_model)
    for way in ("text_to_image", "image_to_text"):
        assert list(result[way]) == ["R@1", "R@5", "R@10", "MRR", "nDCG@10", "mAP"]
        assert all(0 <= share <= 1 for share in result[way].values())
        assert result[way]["R@5"] == 1.0  # two pictures, three captions: all are among the first five


@pytest.mark.parametrize("command", command_names())
def test_the_help_of_each_command_shows_an_example_and_its_options(recall: Program, command: str) -> None:
    done = recall(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"\n  recall {command}" in done.stdout.split("Options:")[0]
    options = done.stdout.split("Options:")[1]
    assert "-h, --help" in options
    if "  -k, " in options:
        default = {"judge": "by default 10 of QUERY", "list": "by default all"}.get(command, "[default: 10]")
        assert default in " ".join(options.split())


def test_help_lists_the_commands_and_version_prints_the_version(recall: Program) -> None:
    shown = recall("--help").stdout
    assert all(f"\n  {name} " in shown for name in command_names())
    assert recall("--version").stdout.startswith("recall, version ")


@pytest.fixture(scope="module")
def compact_recall(tmp_path_factory: pytest.TempPathFactory, recall_path: Path, skimage_photos: Path) -> Program:
    """Return the program with a library of 21 photos under the encoder that ships with Recall."""
    folder = tmp_path_factory.mktemp("compact")
    (folder / "photos").mkdir()
    for name in PHOTOS:
        shutil.copy(skimage_photos / name, folder / "photos")
    program = Program(path=recall_path, env=program_env(folder), cwd=folder)
    done = program("index", "photos")
    assert (done.returncode, "failed" in done.stderr) == (0, False)
    assert done.stdout.startswith(f"{len(PHOTOS)} added in ")
    return program


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("a cat", "chelsea.png"),
        ("a cup of coffee", "coffee.png"),
        ("a rocket launch", "rocket.jpg"),
        ("an astronaut in an orange suit", "astronaut.png"),
    ],
)
def test_plain_words_find_the_photo_among_the_first_three(compact_recall: Program, words: str, name: str) -> None:
    # not all of them are likely; the names of some are among the words
    done = compact_recall("search", words, "-k", "3", "--all", "--no-hybrid")
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["match", "score", "taken", "photo"]
    scores = [float(line.split()[2]) for line in lines]
    assert len(lines) == 3
    assert scores == sorted(scores, reverse=True)
    assert str(compact_recall.cwd / "photos" / name) in [line.split()[-1] for line in lines]


def test_every_photo_finds_itself_first(compact_recall: Program) -> None:
    with Library.open(compact_recall.env["RECALL_LIBRARY"], device="cpu") as library:
        for path in (compact_recall.cwd / "photos").iterdir():
            best = library.search(path, k=1)[0]
            assert best.path == path
            assert best.score > 0.99
