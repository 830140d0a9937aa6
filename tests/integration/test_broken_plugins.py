"""Packages whose rerankers, importers and commands are broken: Recall says which, and everything else works."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from indexer.errors import QueryError, TransferError
from indexer.plugins import COMMANDS, plugins
from indexer.transfer.importers import import_formats
from retrieval import Library
from retrieval.search.rerank.registry import all_entries, is_chain, make_rerankers, split_chain
from tests.support.encoders import FakeEncoder
from tests.support.program import Program, assert_error

MODULE = '''
import click

class Reversed:
    depth = 7
    def rerank(self, ranking, context):
        return ranking.take(list(range(len(ranking)))[::-1])

class Failing:
    def rerank(self, ranking, context):
        raise KeyError("a\\nb")

class Forgetful:
    def rerank(self, ranking, context):
        pass

def make(argument):
    return {"": Reversed, "fails": Failing, "forgets": Forgetful, "odd": int}[argument]()

def importer(library, path, **options):
    raise ValueError("no")

def forgetful(library, path, **options):
    pass

@click.command("any")
def command():
    """Fail."""
    raise LookupError("nobody knows")

@click.command("done")
def done():
    """Work."""
    click.echo("done")
'''

ENTRIES = """
[recall.rerankers]
backwards = recall_mixed:make
mmr = recall_mixed:make
no/name = recall_mixed:make
-x = recall_mixed:make
gone = recall_mixed:gone
absent = no_such_module:make
number = recall_mixed:__name__

[recall.importers]
recall = recall_mixed:importer
failing = recall_mixed:importer
forgetful = recall_mixed:forgetful
absent = no_such_module:make

[recall.commands]
failing = recall_mixed:command
done = recall_mixed:done
search = recall_mixed:done
import = recall_mixed:done
--library = recall_mixed:done
number = recall_mixed:make
absent = no_such_module:command
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder on `sys.path` with a package whose entry points are mostly broken."""
    folder = tmp_path / "site"
    info = folder / "recall_mixed-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: recall-mixed\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (folder / "recall_mixed.py").write_text(MODULE)
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def program(recall_program: Program, site: Path) -> Program:
    path = os.pathsep.join([str(site), recall_program.env["PYTHONPATH"]])
    return replace(recall_program, env={**recall_program.env, "PYTHONPATH": path})


def damage(site: Path, entry_points: str) -> None:
    """Install another package whose list of entry points is damaged."""
    info = site / "aaa_damaged-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-damaged\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)


def test_names_of_recall_and_names_that_nobody_can_type_are_not_taken(site: Path) -> None:
    names = [entry.name for entry in all_entries()]
    assert names.count("mmr") == 1
    assert not {"no/name", "-x"} & {*names}
    assert type(make_rerankers(["mmr"])[0]).__name__ != "_PluginReranker"
    assert [entry.name for entry in import_formats()].count("recall") == 1


def test_a_chain_may_have_the_reranker_of_a_package(site: Path) -> None:
    assert is_chain("backwards+mmr")
    assert split_chain("mmr:0.5+backwards:fails+bursts") == ["mmr:0.5", "backwards:fails", "bursts"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("absent", "'absent' of recall-mixed .* cannot be loaded .ModuleNotFoundError: .*; reinstall or remove it"),
        ("gone", "'gone' of recall-mixed .* cannot be loaded .AttributeError"),
        ("number", "is a str; expected a function or class"),
        ("backwards:unknown", "reranker 'backwards': .* failed .KeyError: 'unknown'"),
        ("backwards:odd", "returned a int; expected a Reranker"),
        ("backwards:", "no reranker is called 'backwards:'"),
    ],
)
def test_a_reranker_that_cannot_be_made_is_an_error_of_one_line(site: Path, spec: str, message: str) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        make_rerankers([spec])
    assert "\n" not in str(caught.value)


def test_a_reranker_that_fails_is_an_error_and_the_next_search_works(site: Path, tmp_path: Path) -> None:
    for name in ("red", "green", "blue"):
        (tmp_path / f"{name}.txt").write_text(name)
    with Library.open(tmp_path / "l.recall", encoder=FakeEncoder()) as library:
        for name in ("red", "green", "blue"):
            library.sync(tmp_path / f"{name}.txt")
        plain = [hit.item_id for hit in library.search("red")]
        assert [hit.item_id for hit in library.search("red", rerank=["backwards"])] == plain[::-1]
        with pytest.raises(QueryError, match=r"reranker 'backwards': .* failed .KeyError"):
            library.search("red", rerank=["backwards:fails"])
        with pytest.raises(QueryError, match="returned a NoneType; expected a Ranking"):
            library.search("red", rerank=["backwards:forgets"])
        assert make_rerankers(["backwards"])[0].depth == 7  # type: ignore[attr-defined]


def test_an_importer_that_fails_is_an_error_of_one_line(site: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "l.recall", encoder=FakeEncoder()) as library:
        for format, message in (
            (
                "failing",
                "photos.json: .*'failing' of recall-mixed .* failed .ValueError: no.; what it has added is kept",
            ),
            ("forgetful", "returned a NoneType; expected an ImportReport"),
            ("absent", "cannot be loaded"),
            ("unknown", "no format 'unknown' to import; expected recall, clip-retrieval, absent, failing or forgetful"),
        ):
            with pytest.raises(TransferError, match=message):
                library.import_(tmp_path / "photos.json", format=format)
        with pytest.raises(TransferError, match="takes no encoder"):
            library.import_(tmp_path, format="failing", encoder="compact")
        with pytest.raises(TransferError, match="is not a folder"):
            library.import_(tmp_path / "photos.json", format="recall")


def test_commands_that_are_broken_are_named_and_the_others_work(program: Program) -> None:
    shown = program("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    others = shown.stdout.partition("Other packages:\n")[2].split("\n\n")[0]
    assert [line.split()[0] for line in others.splitlines()] == ["absent", "done", "failing", "number"]
    assert program("done").stdout == "done\n"
    assert_error(program("absent"), "the entry point 'absent' of recall-mixed", "cannot be loaded (ModuleNotFoundError")
    assert_error(program("number"), "is a function; expected a click command")
    assert_error(program("failing"), "'failing' of recall-mixed", "failed (LookupError: nobody knows)")
    assert "Traceback" in program("failing", "-v").stderr
    assert program("search", "--help").stdout.startswith("Usage: recall search")
    assert not Path(program.env["RECALL_LIBRARY"]).exists()


def test_the_shell_completes_the_names_of_commands_that_can_be_loaded(program: Program) -> None:
    line = {"_RECALL_COMPLETE": "bash_complete", "COMP_WORDS": "recall ", "COMP_CWORD": "1"}
    done = program(env=line)
    names = {line.partition(",")[2] for line in done.stdout.splitlines()}
    assert {"search", "done", "failing"} <= names
    assert not {"absent", "number"} & names
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("entry_points", ["[recall.commands]\nno equals sign\n", "[broken\nx", "\udcff\n"])
def test_a_package_with_damaged_metadata_is_named_once_and_the_others_work(
    program: Program, site: Path, entry_points: str
) -> None:
    damage(site, "")
    (site / "aaa_damaged-1.0.dist-info" / "entry_points.txt").write_bytes(entry_points.encode(errors="surrogateescape"))
    done = program("done")
    assert (done.returncode, done.stdout) == (0, "done\n"), done
    assert done.stderr.count("\n") <= 1
    assert "Traceback" not in done.stderr
    if "no equals" in entry_points:
        assert "recall: the entry points of aaa-damaged cannot be read" in done.stderr
    assert "done" in plugins(COMMANDS)


def test_an_import_that_no_importer_does_makes_no_library(program: Program, tmp_path: Path) -> None:
    assert_error(program("import", tmp_path, "--format", "absent"), "cannot be loaded")
    assert_error(program("import", tmp_path, "--format", "none"), "no format 'none'")
    assert_error(program("import", tmp_path, "--format", "recall"), "is not an export")
    assert not Path(program.env["RECALL_LIBRARY"]).exists()
