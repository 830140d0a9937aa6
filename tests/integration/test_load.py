"""The load of a service on one open library: 50 threads search, 10 add, one syncs, and every answer is right."""

from __future__ import annotations

import logging
import os
import shutil
import sys
from pathlib import Path

import pytest

from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.load import STEADY, Adder, Load, Replacer, Searcher, Syncer, fill

logger = logging.getLogger(__name__)

SECONDS = float(os.environ.get("RECALL_LOAD_SECONDS", "30"))  # read here: fixtures hide Recall's variables

SEARCHING, ADDING = 50, 10


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory of its process from /proc")
def test_threads_that_search_add_and_sync_get_right_answers_in_the_same_memory(tmp_path: Path) -> None:
    path, frozen, changing = tmp_path / "load.recall", tmp_path / "frozen", tmp_path / "changing"
    with Library.open(path, encoder=FakeEncoder(), workers=1) as library:
        questions = fill(library, frozen)
    shutil.copytree(path, tmp_path / "copy.recall")
    with Library.open(tmp_path / "copy.recall", encoder=FakeEncoder()) as copy:
        answers = [question.ask(copy) for question in questions]
        frozen_count = len(copy) - STEADY
    with Library.open(path, encoder=FakeEncoder(), workers=1, wait=600) as library:
        adders, syncer = [Adder(library, number) for number in range(ADDING - 1)], Syncer(library, changing)
        searchers = [Searcher(library, questions, answers, seed) for seed in range(SEARCHING)]
        load = Load([*searchers, *adders, Replacer(library), syncer])
        load.run(SECONDS)
        third, end = load.memory_between(0.3, 0.4), load.memory_between(0.9, 1)
        figures = ", ".join(f"{count / SECONDS:.1f} {name}" for name, count in sorted(load.done.items()))
        curve = [load.memory_between(share / 10, share / 10 + 0.1) >> 20 for share in range(10)]
        logger.info("a second: %s; MB of memory in each tenth of the time: %s", figures, curve)
        assert set(load.done) == {"searches", "added", "replaced", "syncs"}
        library.sync(changing)
        assert syncer.found() == syncer.files()
        assert len(library) == frozen_count + STEADY + len(syncer.files()) + sum(len(adder.added) for adder in adders)
        assert library.check() == []
    with Library.open(path, encoder=FakeEncoder()) as library:  # as another process opens it
        assert [question.ask(library) for question in questions] == answers
        stored = {(item.collection, item.id): item.metadata for item in library.scan()}
        expected = {(adder.collection, id_): metadata for adder in adders for id_, metadata in adder.added.items()}
        assert expected.items() <= stored.items()
    assert end - third < 32 << 20
