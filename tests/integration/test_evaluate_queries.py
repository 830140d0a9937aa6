"""Sets of queries with known answers: reading them, and evaluating the search of a library of colours on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import EvaluationError, LibraryError
from indexer.types import Progress
from retrieval import Library
from retrieval.evaluate import JudgedQuery, read_queries, set_kind
from tests.support.colours import paint

LONG = "a very long text " * 40 + "that ends like a file.jpg"


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    for name in ("red", "tomato", "orange", "lime", "blue", "navy"):
        paint(folder / f"{name}.png", name)
    library.sync(folder)
    return library


def write(folder: Path, *lines: str) -> Path:
    table = folder / "queries.csv"
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return table


def test_lines_of_one_query_are_its_relevant_files_with_grades(folder: Path) -> None:
    table = write(
        folder,
        "query,relevant,grade",
        "red,red.png,3",
        "blue sky,blue.png,",
        "red,b/../tomato.png,1",
        "red,tomato.png,2",
        "./like this.png,/photos/a.png,1",
        "like.jpg,red.png,1",
        f"{LONG},red.png,1",
        ",,",
    )
    assert set_kind(table) == "queries"
    assert read_queries(table) == [
        JudgedQuery("red", "red", {folder / "red.png": 3, folder / "tomato.png": 2}),  # the higher of two grades
        JudgedQuery("blue sky", "blue sky", {folder / "blue.png": 1}),
        JudgedQuery("./like this.png", "./like this.png", {Path("/photos/a.png"): 1}),  # no such file: words
        JudgedQuery("like.jpg", folder / "like.jpg", {folder / "red.png": 1}),
        JudgedQuery(LONG, LONG, {folder / "red.png": 1}),
    ]


def test_a_split_chooses_queries(folder: Path) -> None:
    table = write(folder, "query,relevant,split", "red,red.png,dev", "blue,blue.png,test")
    assert [query.name for query in read_queries(table, "test")] == ["blue"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["query,relevant"], r"holds no query; expected lines with a query and a relevant file; add some"),
        (
            ["query,relevant,grade", "red,red.png,0"],
            r"line 2 of .* has the grade '0'; expected a whole number from 1 to",
        ),
        (["query,relevant,grade", "red,red.png,-2"], r"has the grade '-2'; expected"),
        (["query,relevant,grade", "red,red.png,1", "red,red.png,high"], r"line 3 of .* has the grade 'high'; expected"),
        (["query,relevant,grade", "red,red.png,2147483648"], r"line 2 of .* has the grade '2147483648'; expected"),
        (["query,relevant", "red,red\0.png"], r"line 2 of .* holds a zero byte"),
        (["query,relevant", "red,"], r"line 2 of .* has a query but no relevant; expected both"),
        (["query,relevant", ",red.png"], r"line 2 of .* has a relevant but no query; expected both"),
    ],
)
def test_lines_that_cannot_be_used_say_where_and_why(folder: Path, lines: list[str], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_queries(write(folder, *lines))


def test_columns_of_neither_kind_are_named_beside_those_that_are_needed(folder: Path) -> None:
    with pytest.raises(EvaluationError, match=r"columns query, photo; expected the columns image,caption, or query,re"):
        set_kind(write(folder, "query,photo", "red,red.png"))


def test_a_search_is_measured_by_the_places_of_what_is_relevant(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant,grade", "red,red.png,2", "red,orange.png,1", "lime,blue.png,1")
    steps: list[Progress] = []
    found = colours.evaluate(table, progress=steps.append)
    # "red" finds red, tomato, orange, …; "lime" (0, 1, 0) finds lime, orange (.54), tomato (.34), then red, blue, navy
    # with a cosine of 0, of which blue was indexed first
    search = found.directions["search"]
    by_query = [dict(zip(search.metrics, row, strict=True)) for row in search.values.tolist()]
    assert (by_query[0]["R@1"], by_query[0]["MRR"]) == (1, 1)
    assert by_query[0]["mAP"] == pytest.approx((1 + 2 / 3) / 2)
    assert (by_query[1]["R@1"], by_query[1]["R@5"], by_query[1]["MRR"]) == (0, 1, 1 / 4)
    assert found.about == {
        "queries": 2,
        "relevant": 3,
        "library": str(colours.path),
        "encoder": "fake/colours",
        "missing": 0,
    }
    assert [(step.stage, step.done) for step in steps] == [("searching", 1), ("searching", 2), ("measuring", 2)]


def test_what_is_not_in_the_library_is_named_and_counts_as_not_found(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant", "red,red.png", "red,gone.png", "blue,away.png")
    found = colours.evaluate(table)
    assert found.missing == (str(folder / "gone.png"), str(folder / "away.png"))
    search = found.directions["search"].means
    assert search["R@1"] == 1 / 2
    assert search["mAP"] == 1 / 4  # "red" has 1 of 2, "blue" none
    assert found.to_dict()["missing"] == 2


def test_a_query_picture_of_the_library_is_no_answer_to_itself(colours: Library, folder: Path) -> None:
    found = colours.evaluate(write(folder, "query,relevant", "red.png,tomato.png"))
    assert found.directions["search"].means["R@1"] == 1
    itself = colours.evaluate(write(folder, "query,relevant", "red.png,tomato.png", "red.png,red.png"))
    assert itself.directions["search"].means["mAP"] == 1  # the set says that it is one: red first, tomato second


def test_a_query_picture_that_cannot_be_read_is_named_and_left_out(colours: Library, folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    table = write(folder, "query,relevant", "text.png,red.png", "gone.png,red.png", "red,red.png")
    found = colours.evaluate(table)
    assert [name for name, _ in found.failures] == ["text.png", "gone.png"]
    assert all("cannot be used as a query" in reason for _, reason in found.failures)
    assert (found.about["queries"], found.directions["search"].means["R@1"]) == (1, 1)
    with pytest.raises(EvaluationError, match=r"none of the 1 queries of .* can be answered: .*text\.png cannot be"):
        colours.evaluate(write(folder, "query,relevant", "text.png,red.png"))


def test_a_set_of_another_library_and_an_empty_library_are_refused(
    colours: Library, folder: Path, tmp_path: Path
) -> None:
    table = write(folder, "query,relevant", "red,elsewhere/red.png")
    with pytest.raises(EvaluationError, match=r"none of the 1 relevant files .*elsewhere/red\.png; name their library"):
        colours.evaluate(table)
    with Library.open(tmp_path / "empty.recall") as empty, pytest.raises(LibraryError, match="holds nothing yet"):
        empty.evaluate(table)
