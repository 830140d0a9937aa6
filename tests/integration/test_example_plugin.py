"""The example package, installed by pip: an encoder, a reranker, an importer and a command, used by the program."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.program import Program, assert_error

PACKAGE = Path(__file__).parents[1] / "support" / "example_plugin"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder into which pip has installed the package, without a network."""
    folder = tmp_path_factory.mktemp("site")
    options = ["--no-build-isolation", "--no-deps", "--no-index", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(PACKAGE)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def program(recall_program: Program, installed: Path) -> Program:
    """Return the program of an environment with the package."""
    path = os.pathsep.join([str(installed), recall_program.env["PYTHONPATH"]])
    return replace(recall_program, env={**recall_program.env, "PYTHONPATH": path})


def test_the_help_lists_the_command_and_the_others_have_theirs(program: Program) -> None:
    summary = "of recall-example: One of everything that a package can add to Recall."
    _, _, others = program("--help").stdout.partition("Other packages:\n")
    assert " ".join(others.split()).startswith(f"cameras {summary[:-1]}")
    assert f"oldest[:VALUE]: {summary}" in " ".join(program("search", "--help").stdout.split())
    assert f"captions: {summary}" in " ".join(program("import", "--help").stdout.split())
    assert "Count the photos of each camera." in program("cameras", "--help").stdout


def test_an_importer_is_named_by_its_format(program: Program, photos: Path) -> None:
    listed = photos / "captions.json"
    listed.write_text(json.dumps({"coffee.png": "a hot drink", "chelsea.png": "our cat", "gone.png": "nothing"}))
    done = program("import", listed, "--format", "captions", "--json")
    assert done.returncode == 3, done  # some items failed
    report = json.loads(done.stdout)
    assert (report["added"], report["existing"], report["failed"]) == (2, 0, 1)
    again = json.loads(program("import", listed, "--format", "captions", "--json").stdout)
    assert (again["added"], again["existing"]) == (0, 2)
    found = json.loads(program("search", "a cat", "--json", "-k", "1").stdout.splitlines()[0])
    assert found["id"] == "chelsea.png"


def test_a_command_has_the_options_of_all_commands(program: Program, photos: Path) -> None:
    program("index", photos)
    done = program("--library", program.env["RECALL_LIBRARY"], "cameras", "-q")
    assert (done.returncode, done.stderr) == (0, "")
    counts = {line[8:]: int(line[:6]) for line in done.stdout.splitlines()}
    assert sum(counts.values()) == 21
    assert counts["unknown"] < 21


def test_a_reranker_is_used_by_its_name_alone_and_in_a_chain(program: Program, photos: Path) -> None:
    for number, file in enumerate(sorted(photos.iterdir())):
        os.utime(file, (1_000_000_000 + number * 86400,) * 2)
    program("index", photos)
    done = program("search", "a picture", "--rerank", "oldest", "--all", "--json", "-k", "100")
    times = [json.loads(line)["taken_at"] for line in done.stdout.splitlines()]
    assert len(times) > 10
    assert times == sorted(times)
    chained = program("search", "a picture", "--rerank", "mmr", "--rerank", "oldest", "--all", "--paths")
    assert chained.returncode == 0, chained
    assert_error(program("search", "a cat", "--rerank", "oldest:1"), "oldest takes no value after a colon, but has '1'")


def test_an_encoder_makes_a_library(program: Program, photos: Path) -> None:
    done = program("index", photos, "--encoder", "brightness")
    assert done.returncode == 0, done
    hits = [json.loads(line) for line in program("search", "bright", "--all", "--json", "-k", "3").stdout.splitlines()]
    assert hits[0]["score"] > 0.9


def test_a_mistyped_name_suggests_that_of_a_package(program: Program) -> None:
    assert "Did you mean 'cameras'?" in program("camera").stderr
    assert "Did you mean 'oldest'?" in program("search", "a cat", "--rerank", "oldst").stderr
    unknown = program("import", "x", "--format", "caption")
    assert_error(unknown, "no format 'caption' to import; expected recall, clip-retrieval or captions")


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["search", "--help"], ["import", "--help"], ["status"]])
def test_no_module_of_a_package_is_loaded_until_it_is_used(program: Program, args: list[str]) -> None:
    code = (
        "import sys\nfrom retrieval.cli import main\ntry:\n    main()\nexcept SystemExit:\n"
        "    print('\\nloaded', 'recall_example' in sys.modules, 'importlib.metadata' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *args], env=program.env, capture_output=True, text=True, timeout=60, check=False
    )
    loaded, metadata = run.stdout.splitlines()[-1].split()[1:]
    assert loaded == "False"
    if args == ["--version"]:
        assert metadata == "False"
