"""`recall add`, `get`, `update`, `delete` and `list` with items that have no file, by the installed program."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import Library
from tests.support.program import Program


def as_lines(rows: Iterable[Any]) -> str:
    """Return rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


SHOP = [
    {"id": "mug", "text": "a cup of coffee", "price": 8, "shop": "Berlin"},
    {"id": "bike", "text": "a red bicycle", "price": 250.5, "tags": ["old", "red"]},
    {"id": "cat", "picture": "chelsea.png", "text": "my cat", "sold": False},
]


@pytest.fixture
def shop(recall_program: Program, skimage_photos: Path) -> Program:
    """Return the program with a library of three added items, one of which has a file."""
    shutil.copy(skimage_photos / "chelsea.png", recall_program.cwd)
    done = recall_program("add", "-", stdin=as_lines(SHOP))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("3 added in ")
    return recall_program


def ids_of(program: Program, *options: str) -> list[str]:
    """Return the ids that `recall list` prints, sorted."""
    return sorted(json.loads(line)["id"] for line in program("list", "--json", *options).stdout.splitlines())


def test_items_are_found_listed_and_shown_by_their_ids(shop: Program) -> None:
    assert shop("search", "something to drink", "--all", "-k", "1").stdout.rstrip().endswith("mug   a cup of coffee")
    listed = shop("list").stdout
    assert listed.splitlines()[1].split()[:5] == ["default", "bike", "a", "red", "bicycle"]
    assert "price=8, shop=Berlin" in listed
    assert "tags=old red" in listed
    assert "collection:" not in listed
    shown = shop("get", "cat", "mug", "none")
    assert shown.stdout.index("chelsea.png") < shown.stdout.index("a cup of coffee")
    assert (shown.returncode, shown.stderr) == (0, "recall: there is no item 'none'\n")
    assert shop("get", "none").returncode == 1
    assert [json.loads(line)["id"] for line in shop("get", "bike", "cat", "--json").stdout.splitlines()] == [
        "bike",
        "cat",
    ]


def test_paths_leave_out_items_without_a_file_and_say_so(shop: Program) -> None:
    listed = shop("list", "--paths")
    assert listed.stdout == f"{shop.cwd / 'chelsea.png'}\n"
    assert listed.stderr == "recall: 2 items without a file left out; --json shows them\n"
    found = shop("search", "a cup of coffee", "--all", "--paths")
    assert found.stdout == f"{shop.cwd / 'chelsea.png'}\n"
    assert "2 hits without a file left out" in found.stderr


def test_bad_lines_are_reported_and_the_others_are_added(shop: Program) -> None:
    rows = [{"id": "lamp", "text": "a lamp", "price": "cheap"}, {"id": "sofa", "text": "a sofa"}, {"id": "x"}, 5]
    rows += [{"id": "rug", "picture": "missing.png"}, {"id": "sofa", "text": "again"}, {"id": "bed", "vector": [1, 2]}]
    done = shop("add", "-", "--json", stdin=as_lines(rows) + "{broken\n")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert (report["added"], report["failed"], report["ids"]) == (1, 7, ["sofa"])
    assert [failure["line"] for failure in report["failures"]] == [1, 3, 4, 5, 6, 7, 8]
    assert done.stderr.count("failed: line ") == 7
    assert "Traceback" not in done.stderr
    assert ids_of(shop) == ["bike", "cat", "mug", "sofa"]


def test_columns_collection_and_conflicts_are_options(shop: Program) -> None:
    row = {"sku": "mug", "name": "a tea cup", "id": 5, "link": "https://example.org"}
    options = ("--id-column", "sku", "--text-column", "name", "--uri-column", "link", "--collection", "tea")
    assert shop("add", "-", *options, stdin=as_lines([row])).returncode == 0
    (item,) = (json.loads(line) for line in shop("list", "--collection", "tea", "--json").stdout.splitlines())
    assert (item["id"], item["text"], item["uri"], item["metadata"]) == ("mug", "a tea cup", row["link"], {"id": 5})
    skipped = shop("add", "-", "--on-conflict", "skip", stdin=as_lines([{"id": "mug", "text": "new"}]))
    assert skipped.stdout.startswith("0 added, 1 unchanged in ")
    refused = shop("add", "-", "--on-conflict", "error", stdin=as_lines([{"id": "mug", "text": "new"}]))
    assert refused.returncode == 2
    assert "mug" in refused.stderr


def test_a_file_of_vectors_needs_no_encoder_and_no_decoder(recall_program: Program) -> None:
    vectors = np.random.default_rng(0).standard_normal((1200, 384)).astype(np.float32)
    rows = [{"id": str(number), "vector": vector.tolist(), "n": number} for number, vector in enumerate(vectors)]
    (recall_program.cwd / "vectors.jsonl").write_text(as_lines(rows))
    assert recall_program("add", "vectors.jsonl").stdout.startswith("1,200 added in ")
    with Library.open(recall_program.cwd / "test.recall") as library:
        hits = library.search(vectors[7], k=1)
        assert (hits[0].id, hits[0].metadata) == ("7", {"n": 7})


def test_update_changes_metadata_and_texts(shop: Program) -> None:
    assert (
        shop("update", "mug", "price=9", "sold=true", "shop=null", 'note="35"', "tags=[]").stdout == "1 item updated\n"
    )
    assert shop("update", "bike", "--text", "a blue boat").returncode == 0
    (mug,) = (json.loads(line) for line in shop("get", "mug", "--json").stdout.splitlines())
    assert mug["metadata"] == {"price": 9, "shop": None, "sold": True, "note": "35", "tags": []}
    assert shop("search", "a boat", "--all", "-k", "1").stdout.rstrip().endswith("bike  in the text: boat  a blue boat")


def test_update_reads_lines_and_reports_bad_ones(shop: Program) -> None:
    rows = [{"id": "mug", "price": 10}, {"price": 3}, {"id": "bike", "price": "dear"}, {"id": "cat", "sold": True}]
    done = shop("update", "-", "--json", stdin=as_lines([*rows, {"id": "none", "price": 1}]) + "no\n")
    assert done.returncode == 3
    report = json.loads(done.stdout)
    assert (report["updated"], report["failed"]) == (2, 3)
    assert [failure["line"] for failure in report["failures"]] == [2, 3, 6]
    assert ids_of(shop, "--meta", "price=10") == ["mug"]
    assert ids_of(shop, "--meta", "sold=true") == ["cat"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("mug",), "nothing to change was given; expected KEY=VALUE or --text TEXT"),
        (("mug", "price"), "'price' is no change; expected KEY=VALUE"),
        (("mug", "price=cheap"), "price"),
        (("-", "price=3"), "- reads the changes from standard input; leave out KEY=VALUE"),
    ],
)
def test_an_update_that_cannot_be_made_is_an_error(shop: Program, arguments: tuple[str, ...], message: str) -> None:
    done = shop("update", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert ids_of(shop, "--meta", "price=8") == ["mug"]


def test_an_update_of_an_unknown_id_finds_nothing(shop: Program) -> None:
    done = shop("update", "none", "price=3")
    assert (done.returncode, done.stderr) == (1, "recall: there is no added item 'none'\n")


def test_delete_takes_ids_and_filters_and_never_files(shop: Program) -> None:
    shop("index", "chelsea.png")
    assert shop("delete", "--meta", "price>100").stdout == "1 item deleted; no file was touched\n"
    assert ids_of(shop) == sorted(["cat", "mug", str(shop.cwd / "chelsea.png")])
    assert shop("delete", "cat", "mug", "--meta", "price<100").returncode == 0
    assert shop("delete", "--name", "chelsea.png").returncode in (0, 1)
    assert (shop.cwd / "chelsea.png").exists()
    assert str(shop.cwd / "chelsea.png") in ids_of(shop)
    assert shop("delete", "none").returncode == 1
    nothing = shop("delete")
    assert nothing.returncode == 2
    assert "nothing says what to delete; give ids, --collection or another filter" in nothing.stderr


def test_many_items_are_deleted_only_with_yes(shop: Program) -> None:
    shop("add", "-", "--collection", "many", stdin=as_lines({"text": f"number {n}"} for n in range(12)))
    refused = shop("delete", "--collection", "many")
    assert refused.returncode == 2
    assert "12 items would be deleted; add --yes to delete them" in refused.stderr
    assert len(ids_of(shop)) == 15
    assert shop("delete", "--collection", "many", "--yes").stdout == "12 items deleted; no file was touched\n"
    assert ids_of(shop) == ["bike", "cat", "mug"]


def test_a_file_that_is_missing_makes_no_library(recall_program: Program) -> None:
    done = recall_program("add", "none.jsonl")
    assert done.returncode == 2
    assert "there is no file none.jsonl" in done.stderr
    assert not (recall_program.cwd / "test.recall").exists()
