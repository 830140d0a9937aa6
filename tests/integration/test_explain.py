"""Explanations: of photos of one colour, whose scores can be computed in the head, and by the program."""

from __future__ import annotations

import json
import os
import re
import shutil
from datetime import date, datetime
from pathlib import Path

import pytest
from PIL import Image

from indexer.errors import LibraryError, QueryError
from retrieval import Library, Query
from retrieval.explain import save_heatmap
from tests.support.blocks import xmp_block
from tests.support.color_photos import advance_mtime, paint
from tests.support.contents import rows
from tests.support.encoders import FakeEncoder
from tests.support.program import Program
from tests.support.records import stored_vector


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of five photos; one is red on its left and blue on its right."""
    for day, colour in enumerate(("red", "tomato", "blue", "lime"), start=1):
        paint(folder / f"{colour}.png", colour, taken_at=datetime(2024, 5, day))  # noqa: DTZ001 - cameras write local time
    both = Image.new("RGB", (48, 48), "red")
    both.paste((0, 0, 255), (24, 0, 48, 48))
    both.save(folder / "both.png")
    library.sync(folder)
    return library


def test_a_photo_among_the_results_has_its_rank_and_score(colours: Library, folder: Path) -> None:
    explanation = colours.explain("something red", folder / "tomato.png", k=3)
    assert (explanation.in_results, explanation.rank, explanation.total, list(explanation.reasons)) == (True, 2, 5, [])
    assert round(explanation.score or 0, 2) == 0.9  # tomato (255, 99, 71) with red
    assert explanation.score == colours.search("something red", k=3)[1].score


def test_the_rank_is_that_of_the_search_also_with_equal_scores(library: Library, folder: Path) -> None:
    for name in ("z", "m", "a"):
        paint(folder / f"{name}.png", "red")
        library.sync(folder)  # one by one, so that item ids have this order
    for rank, hit in enumerate(library.search("red", k=3), start=1):
        assert library.explain("red", hit.path).rank == rank


def test_the_effect_of_a_word_is_the_loss_without_it(colours: Library, folder: Path) -> None:
    # with "red": 1 on a red photo. Without it "something" is grey (1, 1, 1): .577. Without "something" still 1
    explanation = colours.explain("something red", folder / "red.png")
    effects = {effect.word: round(effect.effect, 3) for effect in explanation.word_effects}
    assert effects == {"something": 0.0, "red": 0.423}
    assert colours.explain("red", folder / "red.png").word_effects == []  # without it the text would be empty


def test_each_part_of_a_query_has_an_effect(colours: Library, folder: Path) -> None:
    query = Query(texts=["red", "blue"], weights=[1, -0.5])
    explanation = colours.explain(query, folder / "red.png")
    effects = {effect.part: round(effect.effect, 3) for effect in explanation.word_effects}
    # (1, 0, -.5) has .894 with red; without "blue" 1; without "red" (0, 0, -1) 0
    assert effects == {0: 0.894, 1: -0.106}


def test_regions_that_match_have_the_best_scores(colours: Library, folder: Path) -> None:
    regions = colours.explain("red", folder / "both.png").regions
    assert regions is not None
    assert len(regions.tiles) == 34  # 3 x 3 and 5 x 5
    assert (round(regions.tiles[0].score, 3), regions.tiles[0].right <= 0.5) == (1.0, True)
    assert round(regions.tiles[-1].score, 3) == 0.0
    assert regions.heatmap[:, 0].min() > regions.heatmap[:, -1].max()


def test_a_heat_map_is_written_and_overwrites_no_file(colours: Library, folder: Path, tmp_path: Path) -> None:
    explanation = colours.explain("red", folder / "both.png")
    assert explanation.picture is not None
    assert explanation.regions is not None
    save_heatmap(explanation.picture, explanation.regions, tmp_path / "heat.png")
    with Image.open(tmp_path / "heat.png") as heat:
        assert heat.size == (48, 48)
        left, right = heat.getpixel((4, 24)), heat.getpixel((44, 24))
        assert isinstance(left, tuple)
        assert isinstance(right, tuple)
        assert sum(left) > sum(right) + 200  # hot is light, cold is dark
    for name, reason in (
        ("heat.png", "exists already"),
        ("heat.txt", "cannot be written"),
        ("no/heat.png", "cannot be"),
    ):
        with pytest.raises(QueryError, match=reason):
            save_heatmap(explanation.picture, explanation.regions, tmp_path / name)
    assert sorted(path.name for path in tmp_path.glob("*heat*")) == ["heat.png"]


def test_the_reason_of_an_outranked_photo_has_both_scores(colours: Library, folder: Path) -> None:
    explanation = colours.explain("red", folder / "blue.png", k=2)
    assert (explanation.in_results, explanation.rank) == (False, 4)
    (reason,) = explanation.reasons
    assert reason.startswith(
        "it is outranked: 3 others match better, and 2 results were requested; the last has a score of 0."
    )


def test_a_photo_below_the_cut_off_is_hidden_whether_or_not_it_is_among_the_results(
    recall_program: Program, photos: Path
) -> None:
    recall_program("index", photos)
    for k in ("1", "1000"):
        run = recall_program("explain", "a submarine", photos / "brick.png", "-k", k)
        assert re.search(r"recall search hides it as an unlikely match: its match probability is 0\.0\d\d", run.stdout)
        assert "the cut-off 0.05; --all shows it" in run.stdout


def test_a_filter_that_excludes_the_photo_is_named(colours: Library, folder: Path) -> None:
    explanation = colours.explain("red", folder / "red.png", before=date(2024, 5, 1), after=date(2024, 4, 1))
    assert (explanation.in_results, explanation.rank) == (False, None)
    assert list(explanation.reasons) == ["it does not pass the filter taken(after=2024-04-01, before=2024-05-01)"]


def test_the_reason_names_why_a_file_was_never_indexed(colours: Library, folder: Path, tmp_path: Path) -> None:
    paint(tmp_path / "elsewhere.png", "red")
    paint(folder / ".hidden.png", "red")
    paint(folder / "new.png", "red")
    (folder / "notes.pdf").write_text("red")
    (folder / "sub").mkdir()
    colours.sync(folder, exclude=["private*"])
    paint(folder / "private" / "a.png", "red")
    for path, expected in (
        (tmp_path / "elsewhere.png", "it is in no folder of the library; run: recall index"),
        (folder / ".hidden.png", "the name .hidden.png begins with a dot, and hidden files are excluded"),
        (folder / "private" / "a.png", "it is excluded by the pattern 'private*'"),
        (folder / "notes.pdf", "Recall reads no photos or texts with the extension .pdf"),
        (folder / "nowhere.png", "there is no file"),
        (folder / "sub", "is a folder; name one file in it"),
        (paint(folder / "later.png", "red"), "it did not exist when"),
    ):
        explanation = colours.explain("red", path)
        assert (explanation.in_results, explanation.rank, explanation.score) == (False, None, None)
        assert expected in explanation.reasons[0]


def test_the_reason_of_a_failed_file_is_that_of_the_sync(colours: Library, folder: Path) -> None:
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    colours.sync(folder)
    (reason,) = colours.explain("red", folder / "broken.png").reasons
    assert reason.startswith("it could not be indexed (damaged): ")


def test_a_changed_or_deleted_file_is_noted(colours: Library, folder: Path) -> None:
    advance_mtime(folder / "red.png")
    explanation = colours.explain("red", folder / "red.png")
    assert explanation.in_results
    assert list(explanation.reasons) == ["its file has changed since it was indexed; run: recall index"]
    os.remove(folder / "lime.png")
    deleted = colours.explain("lime", folder / "lime.png")
    assert deleted.regions is None
    assert deleted.reasons[0].startswith("its file cannot be found now (")
    assert deleted.reasons[1].startswith("its regions cannot be scored: the file does not exist")


def test_texts_and_table_rows_are_explained(colours: Library, folder: Path, tmp_path: Path) -> None:
    (folder / "notes.txt").write_text("all is red")
    table = tmp_path / "table" / "t.csv"
    paint(table.parent / "lime.png", "lime")
    table.write_text("what,image\na lime wall,lime.png\n")
    colours.sync(folder)
    reasons = colours.explain("red", table).reasons
    assert reasons[0].startswith("it was never indexed: it is in no folder")
    colours.sync(table, text_columns=["what"], image_column="image")
    text = colours.explain("something red", folder / "notes.txt", k=1)
    assert (text.rank, text.total, text.text, text.regions) == (1, 2, "all is red", None)
    row = colours.explain("lime", table.parent / "lime.png")
    assert (row.in_results, row.path, list(row.reasons)) == (True, table.parent / "lime.png", [])
    assert [hit.row for hit in colours.search("lime", k=9) if hit.path == row.path] == ["1"]


def test_explaining_with_an_empty_library_is_an_error(library: Library, folder: Path) -> None:
    with pytest.raises(LibraryError, match="holds nothing yet"):
        library.explain("red", folder / "red.png")


def test_the_program_explains_a_real_photo(
    recall_program: Program, photos: Path, tmp_path: Path, skimage_photos: Path
) -> None:
    recall_program("index", photos)
    done = recall_program("explain", "a red cup of coffee", photos / "coffee.png", "--save", "heat.png")
    assert done.returncode == 0
    assert "rank 1 of 21" in done.stdout
    assert "\ncup " in done.stdout
    assert done.stderr == "saved: heat.png\n"
    with Image.open(tmp_path / "heat.png") as heat:
        assert heat.size == (600, 400)
    other = recall_program("explain", "a cup of coffee", photos / "chelsea.png", "-k", "1", "--json")
    explanation = json.loads(other.stdout)
    assert (other.returncode, explanation["in_results"], len(explanation["regions"])) == (1, False, 34)
    shutil.copy(skimage_photos / "chelsea.png", tmp_path / "copy.png")
    again = recall_program("explain", "a cat", "copy.png")
    assert (again.returncode, again.stderr) == (1, "")
    assert "not in the results: it was never indexed: it is in no folder" in again.stdout


def test_full_text_search_takes_part_as_in_a_search(colours: Library, folder: Path) -> None:
    (folder / "blue.xmp").write_bytes(xmp_block(title="Sunset over Rome"))
    colours.sync(folder)
    assert colours.search("red sunset", k=1)[0].path.stem == "blue"  # first by its title, one of five by similarity
    assert colours.explain("red sunset", folder / "blue.png", k=1).in_results
    red = colours.explain("red sunset", folder / "red.png", k=1)
    assert (red.in_results, red.rank) == (False, 1)
    assert "it is outranked by items of another kind or with the query's words in their texts" in red.reasons[0]


def test_a_damaged_embedding_is_an_error(colours: Library, folder: Path) -> None:
    rows(colours, "UPDATE embeddings SET vector = ?", stored_vector(0))
    for file in colours.path.glob("index-*.faiss"):
        file.unlink()
    with (
        Library.open(colours.name, encoder=FakeEncoder()) as again,
        pytest.raises(LibraryError, match="has damaged embeddings"),
    ):
        again.explain("red", folder / "red.png")
