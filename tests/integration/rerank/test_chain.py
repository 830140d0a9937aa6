"""Rerankers applied to whole libraries: order, pool, pages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from indexer.errors import QueryError
from retrieval import Context, Library, Ranking, Reranker
from retrieval.search.rerank.second_encoder import SecondEncoder
from tests.support.color_photos import paint
from tests.support.second_encoder import MORNING, TurnedEncoder, names


def test_mmr_changes_the_order_but_no_score(colors: Library) -> None:
    # after red: blue and lime are worth 0, orange .5 * .84 - .5 * .84 = 0, all by rounding; tomato too
    plain = {hit.path: hit.score for hit in colors.search("red")}
    hits = colors.search("red", rerank=["mmr:0.4"])
    assert names(hits)[:3] == ["red.png", "blue.png", "lime.png"]
    assert {hit.path: hit.score for hit in hits} == plain
    assert [step.step for step in hits[0].rerank] == ["mmr:0.4"]
    assert names(colors.search("red", k=2, rerank=["mmr:0.4"])) == ["red.png", "blue.png"]


def test_an_object_with_a_method_rerank_is_a_reranker(colors: Library) -> None:
    class Backwards:
        def rerank(self, ranking: Ranking, context: Context) -> Ranking:
            return ranking.take(range(len(ranking) - 1, -1, -1))

    assert names(colors.search("red", rerank=[Backwards()])) == names(colors.search("red"))[::-1]


def test_k_hits_come_back_if_a_burst_is_larger_than_the_pool(library: Library, folder: Path) -> None:
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


def test_rerankers_are_applied_in_their_order(colors: Library, turned: TurnedEncoder) -> None:
    hits = colors.search("red", rerank=[SecondEncoder(turned), "mmr:1"])
    assert names(hits) == names(colors.search("red", rerank=[SecondEncoder(turned)]))
    assert [step.step for step in hits[0].rerank] == ["encoder:fake/turned", "mmr:1"]


def test_blend_weighs_two_encoders(colors: Library, turned: TurnedEncoder) -> None:
    first, second = names(colors.search("red")), names(colors.search("red", rerank=[SecondEncoder(turned)]))
    assert names(colors.search("red", rerank=[SecondEncoder(turned), "blend:1"])) == first
    assert names(colors.search("red", rerank=[SecondEncoder(turned), "blend:0"])) == second
    # z of the first scores: red 1.05, tomato .82, orange .69; of the second: -1.12, -.07, .49: orange is good in both
    assert names(colors.search("red", rerank=[SecondEncoder(turned), "blend:0.5"]))[0] == "orange.png"


def test_rerankers_begin_with_the_order_of_hybrid_search(colors: Library, folder: Path, turned: TurnedEncoder) -> None:
    (folder / "wall.txt").write_text("the blue wall of the house")
    (folder / "grass.txt").write_text("lime grass at the wall")
    colors.sync(folder)
    plain = names(colors.search("red wall"))
    assert plain != names(colors.search("red wall", hybrid=False))
    chains: list[list[str | Reranker]] = [["exact"], ["mmr:1"], [SecondEncoder(turned), "blend:1"]]
    by_encoder = names(colors.search("red wall", rerank=[SecondEncoder(turned)]))
    assert names(colors.search("red wall", rerank=[SecondEncoder(turned), "exact"])) == by_encoder != plain
    for rerank in chains:
        assert names(colors.search("red wall", rerank=rerank)) == plain


def test_pages_are_cut_from_the_reranked_list(colors: Library, turned: TurnedEncoder) -> None:
    steps: list[str | Reranker] = [SecondEncoder(turned, 4), "mmr:0.6"]
    whole = names(colors.search("red", rerank=steps))
    pages = [names(colors.search("red", k=2, offset=offset, rerank=steps)) for offset in (0, 2, 4)]
    assert [name for page in pages for name in page] == whole
    assert names(colors.search("red", rerank=steps, sort="name")) == sorted(whole)


def test_an_unknown_reranker_is_refused_before_an_encoder_is_loaded(colors: Library) -> None:
    with (
        Library.open(colors.name) as other,  # no encoder "fake/colours" can be loaded
        pytest.raises(QueryError, match="no reranker is called 'diverse'"),
    ):
        other.search("red", rerank=["diverse"])
