"""Evaluation sets of queries: parsing them, and evaluating the search of a library of coloured photos on them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from indexer.errors import EvaluationError, LibraryError, QueryError
from indexer.types import Progress
from retrieval import Library
from retrieval.evaluation import JudgedQuery, compare, read_queries, set_kind
from retrieval.evaluation.query_column import parse_query_cell
from retrieval.query.part import Part
from retrieval.query.query import Query
from tests.support.color_photos import paint

pytestmark = pytest.mark.folder

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
        JudgedQuery(
            "red", Query(["red"]), {folder / "red.png": 3, folder / "tomato.png": 2}
        ),  # the higher of two grades
        JudgedQuery("blue sky", Query(["blue sky"]), {folder / "blue.png": 1}),
        JudgedQuery("./like this.png", Query(["./like this.png"]), {Path("/photos/a.png"): 1}),  # no such file
        JudgedQuery("like.jpg", Query(images=[folder / "like.jpg"]), {folder / "red.png": 1}),
        JudgedQuery(LONG, Query([LONG]), {folder / "red.png": 1}),
    ]


@pytest.mark.parametrize(
    ("cell", "parts"),
    [
        ("a dog's ball", [("a dog's ball", 1)]),
        ("a red-brown dog + a dog's ball", [("a red-brown dog", 1), ("a dog's ball", 1)]),
        ("a boat + ./sunset.jpg - people", [("a boat", 1), ("people", -1), (Path("sunset.jpg"), 1)]),
        ("2: red car - truck", [("red car", 2), ("truck", -1)]),
        ("0.5: red car + night", [("red car", 0.5), ("night", 1)]),
        ("2001: A Space Odyssey", [("2001: A Space Odyssey", 1)]),  # a weight means nothing without another part
        ("12:30 on a clock", [("12:30 on a clock", 1)]),  # a time of the day: no space after the colon
        ("+ or -", [("+ or -", 1)]),  # no sign has a part on both sides
        ('"a man - and his dog"', [("a man - and his dog", 1)]),
        ('like "no other" dog + "a # b"', [("like no other dog", 1), ("a # b", 1)]),
        ("C:\\new\\a.jpg + night", [("night", 1), (Path("C:\\new\\a.jpg"), 1)]),
    ],
)
def test_a_cell_with_signs_between_spaces_has_several_parts(
    folder: Path, cell: str, parts: list[tuple[str | Path, float]]
) -> None:
    expected = [Part(folder / value if isinstance(value, Path) else value, weight) for value, weight in parts]
    assert parse_query_cell(cell, folder) == Query(parts=expected)


def test_a_split_chooses_queries(folder: Path) -> None:
    table = write(folder, "query,relevant,split", "red,red.png,dev", "blue,blue.png,test")
    assert [query.name for query in read_queries(table, "test")] == ["blue"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["query,relevant"], r"has no query; expected lines with a query and a relevant file; add some"),
        (
            ["query,relevant,grade", "red,red.png,0"],
            r"line 2 of .* has the grade '0'; expected a whole number from 1 to",
        ),
        (["query,relevant,grade", "red,red.png,-2"], r"has the grade '-2'; expected"),
        (["query,relevant,grade", "red,red.png,1", "red,red.png,high"], r"line 3 of .* has the grade 'high'; expected"),
        (["query,relevant,grade", "red,red.png,2147483648"], r"line 2 of .* has the grade '2147483648'; expected"),
        (
            ["query,relevant", "red + - blue,red.png"],
            r"line 2 of .* cannot be used as a query: there is nothing between '\+' and",
        ),
        (["query,relevant", "red -  ,red.png", "0: red + blue,red.png"], r"line 3 of .* has the weight 0"),
        (["query,relevant", "- + red,red.png"], r"line 2 of .* cannot contain '-'; name a file"),
        (["query,relevant", "clipboard:,red.png"], r"line 2 of .* cannot contain 'clipboard:'; name a file"),
        (["query,relevant", "red + https://a.b/c.jpg,red.png"], r"cannot contain 'https://a\.b/c\.jpg'; name a file"),
        (["query,relevant", '"a 5"" nail - wood",red.png'], r"line 2 of .* has a double quote that is not closed"),
        (["query,relevant", "red,red\0.png"], r"line 2 of .* contains a zero byte"),
        (["query,relevant", "red,"], r"line 2 of .* has a query but no relevant; expected both"),
        (["query,relevant", ",red.png"], r"line 2 of .* has a relevant but no query; expected both"),
    ],
)
def test_the_message_about_an_unusable_line_has_its_number_and_the_reason(
    folder: Path, lines: list[str], message: str
) -> None:
    with pytest.raises(EvaluationError, match=message):
        read_queries(write(folder, *lines))


def test_the_message_about_unknown_columns_names_them_and_the_required_ones(folder: Path) -> None:
    with pytest.raises(
        EvaluationError,
        match=r"columns query, photo; expected the columns image,caption,yes,no, or image,caption, or query,re",
    ):
        set_kind(write(folder, "query,photo", "red,red.png"))


def test_a_search_is_measured_by_the_ranks_of_the_relevant_files(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant,grade", "red,red.png,2", "red,orange.png,1", "lime,blue.png,1")
    steps: list[Progress] = []
    result = colours.evaluate(table, progress=steps.append)
    # "red" finds red, tomato, orange, …; "lime" (0, 1, 0) finds lime, orange (.54), tomato (.34), then red, blue, navy
    # with a cosine of 0, of which blue was indexed first
    search = result.directions["search"]
    by_query = [dict(zip(search.metrics, row, strict=True)) for row in search.values.tolist()]
    assert (by_query[0]["R@1"], by_query[0]["MRR"]) == (1, 1)
    assert by_query[0]["mAP"] == pytest.approx((1 + 2 / 3) / 2)
    assert (by_query[1]["R@1"], by_query[1]["R@5"], by_query[1]["MRR"]) == (0, 1, 1 / 4)
    assert result.about == {
        "queries": 2,
        "relevant": 3,
        "depth": 1000,
        "library": str(colours.path),
        "encoder": "fake/colours",
        "missing": 0,
    }
    assert [(step.stage, step.done) for step in steps] == [("searching", 1), ("searching", 2), ("measuring", 2)]


def test_files_that_are_not_in_the_library_are_named_and_count_as_not_found(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant", "red,red.png", "red,missing.png", "blue,away.png")
    result = colours.evaluate(table)
    assert result.missing == (str(folder / "missing.png"), str(folder / "away.png"))
    search = result.directions["search"].means
    assert search["R@1"] == 1 / 2
    assert search["mAP"] == 1 / 4  # "red" has 1 of 2, "blue" none
    assert result.to_dict()["missing"] == 2


def test_an_indexed_query_picture_is_removed_from_its_own_results(colours: Library, folder: Path) -> None:
    result = colours.evaluate(write(folder, "query,relevant", "red.png,tomato.png"))
    assert result.directions["search"].means["R@1"] == 1
    itself = colours.evaluate(write(folder, "query,relevant", "red.png,tomato.png", "red.png,red.png"))
    assert itself.directions["search"].means["mAP"] == 1  # the set declares it relevant: red first, tomato second


def test_parts_of_a_query_are_added_and_subtracted(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant", "red.png + lime.png,orange.png", "tomato.png - red,lime.png")
    # red (1, 0, 0) plus lime (0, 1, 0) is closest to orange (1, .65, 0); tomato (1, .39, .28) minus red is
    # (-.10, .36, .26) before it has unit length: lime has a cosine of .79 with it, blue of .57, red of -.22
    result = colours.evaluate(table)
    assert result.directions["search"].means["R@1"] == 1
    weighted = colours.evaluate(write(folder, "query,relevant", "2: tomato.png + red,red.png"))
    assert weighted.directions["search"].means["R@1"] == 1  # tomato.png would be first, but is the query


def test_rerankers_are_evaluated_on_the_hits_that_they_see(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant", "red,tomato.png")
    plain = colours.evaluate(table, depth=100)
    diverse = colours.evaluate(table, rerank=["mmr:0"])
    assert [result.about["depth"] for result in (plain, diverse)] == [100, 100]
    assert diverse.system == f"{colours.path}, mmr:0"
    # by score red, tomato, …; by diversity alone tomato, which is similar to red and orange, comes after lime or blue
    assert plain.directions["search"].means["MRR"] == 1 / 2
    assert diverse.directions["search"].means["MRR"] < 1 / 2
    assert compare(plain, diverse).differences["search"]["MRR"].difference < 0


def test_answers_below_the_depth_are_not_found(colours: Library, folder: Path) -> None:
    table = write(folder, "query,relevant", "red,tomato.png")
    result = colours.evaluate(table, depth=1)
    assert result.directions["search"].means["MRR"] == 0
    with pytest.raises(
        EvaluationError, match=r"was evaluated with depth 1 and .* with depth 1000; expected the same depth"
    ):
        compare(result, colours.evaluate(table))
    with pytest.raises(QueryError, match="0 results were asked for; expected at least 1"):
        colours.evaluate(table, depth=0)
    with pytest.raises(QueryError, match="no reranker is called 'best'"):
        colours.evaluate(table, rerank=["best"])


def test_photos_of_a_burst_are_one_answer(library: Library, folder: Path) -> None:
    for name in ("red", "tomato"):
        paint(folder / f"{name}.png", name)
        os.utime(folder / f"{name}.png", (1_600_000_000, 1_600_000_000))  # bursts compares file times
    paint(folder / "orange.png", "orange")
    library.sync(folder)
    table = write(folder, "query,relevant,grade", "red,tomato.png,2", "red,red.png,1", "lime,red.png,1")
    plain, grouped = (library.evaluate(table, rerank=rerank) for rerank in (["exact"], ["bursts"]))
    # red: red and tomato are hits 1 and 2, or one hit. lime: orange, tomato, red, or orange and the hit of both
    assert plain.directions["search"].values[:, 3].tolist() == [1, pytest.approx(1 / 3)]  # MRR
    assert grouped.directions["search"].values[:, 3].tolist() == [1, 1 / 2]
    assert grouped.directions["search"].values[0, 4] == 1  # nDCG: the one answer has the better grade
    assert grouped.about["relevant"] == 3


def test_an_unreadable_query_picture_is_named_and_left_out(colours: Library, folder: Path) -> None:
    (folder / "text.png").write_text("no picture")
    table = write(folder, "query,relevant", "text.png,red.png", "missing.png,red.png", "red,red.png")
    result = colours.evaluate(table)
    assert [name for name, _ in result.failures] == ["text.png", "missing.png"]
    assert all("cannot be used as a query" in reason for _, reason in result.failures)
    assert (result.about["queries"], result.directions["search"].means["R@1"]) == (1, 1)
    with pytest.raises(EvaluationError, match=r"no query of .* can be answered \(1 tried\): .*text\.png cannot be"):
        colours.evaluate(write(folder, "query,relevant", "text.png,red.png"))


def test_a_set_of_another_library_and_an_empty_library_are_errors(
    colours: Library, folder: Path, tmp_path: Path
) -> None:
    table = write(folder, "query,relevant", "red,elsewhere/red.png")
    with pytest.raises(
        EvaluationError, match=r"no relevant file .* \(1 named\), first .*elsewhere/red\.png; name their library"
    ):
        colours.evaluate(table)
    with Library.open(tmp_path / "empty.recall") as empty, pytest.raises(LibraryError, match="holds nothing yet"):
        empty.evaluate(table)
