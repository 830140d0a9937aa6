"""Reranking in whole libraries: what comes back, what another encoder leaves in the catalog, what is printed."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from indexer.catalog.locking import write_lock
from indexer.catalog.statements import encoders, sources, writes
from indexer.errors import QueryError
from indexer.types import Modality, Pixels, Vectors, utc_now
from retrieval import Context, Hit, Library, Query, Ranking, Reranker
from retrieval.search.candidates import find
from retrieval.search.rerank.exact import Exact
from retrieval.search.rerank.second_encoder import SecondEncoder
from tests.support.colours import later, paint
from tests.support.contents import count, rows
from tests.support.encoders import FakeEncoder
from tests.support.pictures import encoded, exif_block
from tests.support.program import Program

MORNING = datetime(2024, 5, 1, 9)  # noqa: DTZ001 - cameras write local time

COLOURS = {"red.png": "red", "tomato.png": "tomato", "orange.png": "orange", "lime.png": "lime", "blue.png": "blue"}
"""By their cosine with red: 1, .90, .84, then two at right angles in the order of their paths: blue, lime."""


@dataclass
class Turned(FakeEncoder):
    """Sees green where there is red, and so on, in pictures only: lime is most like "red", then red's green: none."""

    name: str = "fake/turned"
    fingerprint: str = "d1" * 20

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return the mean colours of pictures whose channels moved by one."""
        return super().encode_images(np.roll(pixels, -1, axis=-1))


def names(hits: Sequence[Hit]) -> list[str]:
    """Return the names of the photos found, in order."""
    return [hit.path.name for hit in hits]


@pytest.fixture
def colours(library: Library, folder: Path) -> Library:
    """Return a library of five photos."""
    for name, colour in COLOURS.items():
        paint(folder / name, colour)
    library.sync(folder)
    return library


@pytest.fixture
def turned() -> Turned:
    """Return an encoder that sees other colours, and counts what it encodes."""
    return Turned()


def test_exact_changes_nothing_since_the_index_is_exact(colours: Library) -> None:
    for query in ("red", "lime and orange", "grey"):
        assert colours.search(query, rerank=["exact"]) == colours.search(query)


def test_exact_puts_right_what_an_index_estimated(colours: Library) -> None:
    red = np.array([1, 0, 0], dtype=np.float32)
    store = colours._store
    found = find(store, red, 5, where=None)
    estimated = np.array([0.9, 0.8, 0.7, 0.6, 0.5], dtype=np.float32)
    lossy = replace(found.take([2, 4, 0, 1, 3]), scores=estimated, vectors=found.vectors * 0.5)
    context = Context(Query(["red"]), red, store, colours._settings, lambda _: None)
    exact = Exact().rerank(Ranking.from_candidates(lossy), context)
    assert [item.path for item in exact.candidates.items] == [item.path for item in found.items]
    assert exact.candidates.scores.tolist() == exact.score.tolist() == found.scores.tolist()
    assert np.array_equal(exact.candidates.vectors, found.vectors)


def test_exact_leaves_an_order_that_words_made(colours: Library) -> None:
    red = np.array([1, 0, 0], dtype=np.float32)
    found = find(colours._store, red, 5, where=None).take([3, 0, 4, 1, 2])
    context = Context(Query(["red"]), red, colours._store, colours._settings, lambda _: None)
    exact = Exact().rerank(Ranking.from_candidates(found), context)
    assert exact.candidates.items == found.items
    assert exact.candidates.scores.tolist() == found.scores.tolist()
    assert exact.score.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_mmr_changes_the_order_and_leaves_the_scores(colours: Library) -> None:
    # after red: blue and lime are worth 0, orange .5 * .84 - .5 * .84 = 0, all by rounding; tomato too
    plain = {hit.path: hit.score for hit in colours.search("red")}
    hits = colours.search("red", rerank=["mmr:0.4"])
    assert names(hits)[:3] == ["red.png", "blue.png", "lime.png"]
    assert {hit.path: hit.score for hit in hits} == plain
    assert [step.step for step in hits[0].rerank] == ["mmr:0.4"]
    assert names(colours.search("red", k=2, rerank=["mmr:0.4"])) == ["red.png", "blue.png"]


def test_a_reranker_of_ones_own_is_an_object_with_a_method(colours: Library) -> None:
    class Backwards:
        def rerank(self, ranking: Ranking, context: Context) -> Ranking:
            return ranking.take(range(len(ranking) - 1, -1, -1))

    assert names(colours.search("red", rerank=[Backwards()])) == names(colours.search("red"))[::-1]


def test_as_many_hits_as_were_asked_for_come_back_although_more_than_the_pool_is_one_moment(
    library: Library, folder: Path
) -> None:
    for number in range(120):
        paint(folder / f"burst-{number:03}.png", "red", taken_at=MORNING + timedelta(seconds=number))
    for day, name in enumerate(("tomato", "orange", "lime"), start=1):
        paint(folder / f"{name}.png", name, taken_at=MORNING + timedelta(days=day))
    library.sync(folder)
    hits = library.search("red", k=3, rerank=["bursts"])
    assert names(hits) == ["burst-000.png", "tomato.png", "orange.png"]
    assert [hit.count for hit in hits] == [120, 1, 1]
    assert names(hits[0].members) == [f"burst-{number:03}.png" for number in range(1, 120)]
    assert all(round(hit.score, 3) == 1 for hit in hits[0].expanded())


def kept(library: Library, encoder: FakeEncoder) -> list[str]:
    """Return the names of the files whose embeddings under an encoder are in the catalog."""
    statement = (
        "SELECT items.name FROM embeddings JOIN encoders ON encoder_id = encoders.id JOIN units ON unit_id = units.id "
        "JOIN items ON item_id = items.id WHERE fingerprint = ? ORDER BY items.path"
    )
    return [name for (name,) in rows(library.path, statement, encoder.fingerprint)]


def test_another_encoder_orders_the_best_and_the_others_follow(colours: Library, turned: Turned) -> None:
    # it sees lime (0, 1, 0) as (1, 0, 0), orange (255, 165, 0) as (165, 0, 255): .54, red as (0, 0, 1)
    assert names(colours.search("red", rerank=[SecondEncoder(turned, 5)]))[:3] == [
        "lime.png",
        "orange.png",
        "tomato.png",
    ]
    hits = colours.search("red", rerank=[SecondEncoder(turned, 3)])
    assert names(hits) == ["orange.png", "tomato.png", "red.png", "blue.png", "lime.png"]
    assert [[(step.step, round(step.score, 2)) for step in hit.rerank] for hit in hits] == [
        [("encoder:fake/turned", 0.54)],
        [("encoder:fake/turned", 0.35)],
        [("encoder:fake/turned", 0)],
        [],
        [],
    ]
    assert round(hits[0].score, 2) == 0.84  # the cosine under the library's own encoder


def test_each_photo_is_encoded_at_most_once(colours: Library, turned: Turned, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "retrieval")
    before = colours.search("red", rerank=[SecondEncoder(turned, 3)])
    assert sum(turned.pictures) == 3
    assert "reranked 3 of 3 by fake/turned in " in caplog.text
    assert colours.search("red", rerank=[SecondEncoder(turned, 3)]) == before
    assert sum(turned.pictures) == 3
    colours.search("red", rerank=[SecondEncoder(turned, 5)])
    assert sum(turned.pictures) == 5
    with Library.open(colours.path, encoder=FakeEncoder()) as again:
        again.search("red", rerank=[SecondEncoder(turned, 5)])
    assert sum(turned.pictures) == 5


def test_the_embeddings_of_another_encoder_go_with_the_photo_and_with_its_content(
    colours: Library, turned: Turned, folder: Path
) -> None:
    colours.search("red", rerank=[SecondEncoder(turned)])
    assert kept(colours, turned) == ["blue.png", "lime.png", "orange.png", "red.png", "tomato.png"]
    later(paint(folder / "red.png", "green"))
    (folder / "tomato.png").unlink()
    colours.sync(folder)
    colours.forget(folder / "lime.png")
    assert kept(colours, turned) == ["blue.png", "orange.png"]
    colours.search("red", rerank=[SecondEncoder(turned)])
    assert sum(turned.pictures) == 5 + 1  # the one that changed
    assert kept(colours, turned) == ["blue.png", "orange.png", "red.png"]


def test_the_embeddings_of_another_encoder_stay_with_a_photo_that_moves_and_go_with_its_copy(
    colours: Library, turned: Turned, folder: Path, encoder: FakeEncoder
) -> None:
    colours.search("red", rerank=[SecondEncoder(turned)])
    before = sum(encoder.pictures)
    (folder / "red.png").rename(folder / "moved.png")
    shutil.copy(folder / "lime.png", folder / "copy.png")
    colours.sync(folder)
    colours.search("red", rerank=[SecondEncoder(turned)])
    assert (sum(encoder.pictures), sum(turned.pictures)) == (before, 5)
    assert kept(colours, turned) == ["blue.png", "copy.png", "lime.png", "moved.png", "orange.png", "tomato.png"]


def test_another_encoder_disturbs_nothing(colours: Library, turned: Turned, folder: Path) -> None:
    hits, status = colours.search("red"), colours.status()
    colours.search("red", rerank=[SecondEncoder(turned)])
    assert colours.search("red") == hits
    now = colours.status()
    assert (now.photos, now.encoder, now.fingerprint, now.dim) == (5, status.encoder, status.fingerprint, status.dim)
    assert colours.check() == []
    assert colours.check(repair=True) == []
    assert kept(colours, turned) == sorted(COLOURS)
    paint(folder / "navy.png", "navy")
    assert colours.sync(folder).added == 1
    with Library.open(colours.path, encoder=FakeEncoder()) as again:  # the library's own encoder is still that
        assert names(again.search("blue", k=2)) == ["blue.png", "navy.png"]
        assert len(again._store.index()) == 6
    assert colours.check() == []


def test_a_photo_that_is_gone_or_changed_keeps_its_place_among_the_others(
    colours: Library, turned: Turned, folder: Path
) -> None:
    (folder / "red.png").unlink()
    later(paint(folder / "tomato.png", "lime"))
    hits = colours.search("red", rerank=[SecondEncoder(turned)])
    # by the old score red and tomato are above all others, and nothing says otherwise
    assert names(hits)[:2] == ["red.png", "tomato.png"]
    assert [hit.rerank for hit in hits[:2]] == [(), ()]
    assert names(hits)[2:4] == ["lime.png", "orange.png"]
    assert kept(colours, turned) == ["blue.png", "lime.png", "orange.png"]


def test_a_photo_that_the_other_encoder_cannot_encode_keeps_its_place_and_is_not_kept(colours: Library) -> None:
    broken = Turned(unusable=((0, 0, 255),))  # red, as it sees it
    hits = colours.search("red", rerank=[SecondEncoder(broken)])
    # own scores of the others: mean .43, deviation .44; the new ones: .47 and .36; so lime's 1 counts 1.07, red stays 1
    assert names(hits)[:3] == ["lime.png", "red.png", "orange.png"]
    assert hits[1].rerank == ()
    assert "red.png" not in kept(colours, broken)


def test_a_damaged_embedding_of_another_encoder_is_made_again(colours: Library, turned: Turned) -> None:
    before = colours.search("red", rerank=[SecondEncoder(turned)])
    rows(colours.path, "UPDATE embeddings SET vector = x'00' WHERE encoder_id = 2 AND unit_id < 3")
    assert colours.search("red", rerank=[SecondEncoder(turned)]) == before
    assert sum(turned.pictures) == 5 + 2
    assert colours.search("red", rerank=[SecondEncoder(turned)]) == before
    assert sum(turned.pictures) == 5 + 2


def test_while_another_process_writes_nothing_is_kept_and_the_answer_is_the_same(
    colours: Library, turned: Turned, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "retrieval")
    with write_lock(colours.path, "indexing", seconds=0):
        hits = colours.search("red", rerank=[SecondEncoder(turned)])
    assert caplog.text.count("embeddings by fake/turned are not stored: process ") == 1
    assert sum(turned.pictures) == 5  # in two batches
    assert kept(colours, turned) == []
    assert colours.search("red", rerank=[SecondEncoder(turned)]) == hits
    assert sum(turned.pictures) == 10


def test_a_search_that_takes_more_candidates_encodes_nothing_twice(
    library: Library, folder: Path, turned: Turned
) -> None:
    for number in range(104):
        paint(folder / f"{number:03}.png", "red", taken_at=MORNING + timedelta(seconds=number))
    library.sync(folder)
    with write_lock(library.path, "indexing", seconds=0):
        assert len(library.search("red", k=2, rerank=[SecondEncoder(turned, 5), "bursts"])) == 1
    assert sum(turned.pictures) == 5


def test_an_encoder_scores_more_than_the_pool_where_it_is_asked_to(
    library: Library, folder: Path, turned: Turned
) -> None:
    for number in range(110):
        paint(folder / f"{number:03}.png", "red")
    library.sync(folder)
    library.search("red", k=1, rerank=[SecondEncoder(turned, 105)])
    assert sum(turned.pictures) == 105


def test_texts_are_scored_text_to_text(colours: Library, turned: Turned) -> None:
    with colours._store.transaction() as connection:
        (source,) = sources.sources(connection)
        known = encoders.active_encoder(connection)
        assert known is not None
        values = {"source_id": source.id, "path": source.root + "/z.txt", "modality": "text", "size": 1, "mtime_ns": 1}
        (item,) = writes.save_items(connection, [values | {"indexed_at": utc_now()}])
        vectors = np.array([[0, 0.6, 0.8]], dtype=np.float32)
        writes.add_embeddings(connection, [item], known.id, vectors, kind=Modality.TEXT, texts=["as red as blood"])
    (text,) = colours.search("red", kind="texts", rerank=[SecondEncoder(turned)])
    assert [round(step.score, 3) for step in text.rerank] == [1.0]  # "red" and "as red as blood" are one to it
    assert turned.texts == ["red", "as red as blood"]
    assert kept(colours, turned) == ["z.txt"]


def test_blend_stands_between_two_encoders(colours: Library, turned: Turned) -> None:
    own, other = names(colours.search("red")), names(colours.search("red", rerank=[SecondEncoder(turned)]))
    assert names(colours.search("red", rerank=[SecondEncoder(turned), "blend:1"])) == own
    assert names(colours.search("red", rerank=[SecondEncoder(turned), "blend:0"])) == other
    # z of the own scores: red 1.05, tomato .82, orange .69; of the other: -1.12, -.07, .49: orange is good in both
    assert names(colours.search("red", rerank=[SecondEncoder(turned), "blend:0.5"]))[0] == "orange.png"


def test_steps_are_done_in_their_order(colours: Library, turned: Turned) -> None:
    hits = colours.search("red", rerank=[SecondEncoder(turned), "mmr:1"])
    assert names(hits) == names(colours.search("red", rerank=[SecondEncoder(turned)]))
    assert [step.step for step in hits[0].rerank] == ["encoder:fake/turned", "mmr:1"]


def test_the_order_that_words_and_looks_made_together_is_where_rerankers_begin(
    colours: Library, folder: Path, turned: Turned
) -> None:
    (folder / "wall.txt").write_text("the blue wall of the house")
    (folder / "grass.txt").write_text("lime grass at the wall")
    colours.sync(folder)
    plain = names(colours.search("red wall"))
    assert plain != names(colours.search("red wall", hybrid=False))
    chains: list[list[str | Reranker]] = [["exact"], ["mmr:1"], [SecondEncoder(turned), "blend:1"]]
    turned_about = names(colours.search("red wall", rerank=[SecondEncoder(turned)]))
    assert names(colours.search("red wall", rerank=[SecondEncoder(turned), "exact"])) == turned_about != plain
    for rerank in chains:
        assert names(colours.search("red wall", rerank=rerank)) == plain


def test_a_page_is_cut_out_of_the_reranked_list(colours: Library, turned: Turned) -> None:
    steps: list[str | Reranker] = [SecondEncoder(turned, 4), "mmr:0.6"]
    whole = names(colours.search("red", rerank=steps))
    pages = [names(colours.search("red", k=2, offset=offset, rerank=steps)) for offset in (0, 2, 4)]
    assert [name for page in pages for name in page] == whole
    assert names(colours.search("red", rerank=steps, sort="name")) == sorted(whole)


def test_an_unknown_reranker_is_refused_before_an_encoder_is_loaded(colours: Library) -> None:
    with (
        Library.open(colours.path) as other,  # nobody can load an encoder "fake/colours"
        pytest.raises(QueryError, match="no reranker is called 'diverse'"),
    ):
        other.search("red", rerank=["diverse"])


def test_int8_reranked_by_float32_is_float32(photos: Path, tmp_path: Path) -> None:
    with (
        Library.open(tmp_path / "int8.recall", encoder="compact+int8") as fast,
        Library.open(tmp_path / "float32.recall", encoder="compact") as exact,
    ):
        fast.sync(photos)
        exact.sync(photos)
        for query in ("a cat", "a rocket", "stones on the ground"):
            hits, alone = fast.search(query, rerank=["encoder:compact"]), exact.search(query)
            assert names(hits) == names(alone)
            assert [hit.rerank[0].score for hit in hits] == pytest.approx([hit.score for hit in alone], abs=1e-5)


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


def test_the_program_collapses_a_burst_and_opens_it(recall_program: Program, burst: Path) -> None:
    assert recall_program("index", burst).returncode == 0
    search = ("search", "a cat", "-k", "2", "--rerank", "bursts", "--all")
    table = recall_program(*search)
    assert table.returncode == 0, table.stderr
    head, first, _ = table.stdout.splitlines()
    assert head.split() == ["likely", "score", "photos", "taken", "photo"]
    assert first.split()[2] == "3"
    assert "cat-" in first
    best, second = map(json.loads, recall_program(*search, "--json").stdout.splitlines())
    cats = {str(burst / f"cat-{number}.jpg") for number in range(3)}
    assert {best["path"], *best["members"]} == cats
    assert (best["count"], second["count"], second["members"]) == (3, 1, [])
    opened = recall_program(*search, "--expand", "--paths").stdout.splitlines()
    assert (set(opened[:3]), len(opened)) == (cats, 4)


def test_the_program_reranks_by_another_encoder_and_says_how_long_it_took(
    recall_program: Program, photos: Path
) -> None:
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
        ("diverse", "recall: no reranker is called 'diverse'; expected blend:WEIGHT[,WEIGHT…], bursts[:COSINE], "),
        ("mmr:2", "recall: mmr has lambda 2; expected a number from 0"),
        ("encoder:compact:0", "recall: the encoder would score 0 candidates; expected at least 1"),
        ("encoder:local-dir:/nowhere", "recall: encoder 'local-dir:/nowhere' cannot be loaded: "),
        ("blend:0.5", "recall: blend:0.5 has no second score; "),
    ],
)
def test_what_cannot_rerank_is_one_line_and_exit_code_1(
    recall_program: Program, photos: Path, rerank: str, message: str
) -> None:
    for name in photos.iterdir():
        if name.name != "chelsea.png":
            name.unlink()
    assert recall_program("index", photos).returncode == 0
    run = recall_program("search", "a cat", "--rerank", rerank)
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (1, "", 1)
    assert run.stderr.startswith(message)
    assert count(recall_program.cwd / "test.recall", "encoders") == 1
