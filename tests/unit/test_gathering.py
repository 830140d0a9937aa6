"""Texts of several threads that are encoded in one call."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from indexer.encoders.gathering import GatheringEncoder, TextGatherer
from indexer.types import Vectors
from tests.support.encoders import FakeEncoder


class Slow:
    """Encodes a text as its length, and waits in its first call until it may go on."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()

    def __call__(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        if len(self.calls) == 1:
            self.has_begun.set()
            assert self.may_go_on.wait(10)
        if "bad" in texts:
            raise ValueError("bad")
        return np.array([[len(text)] for text in texts], dtype=np.float32)


def answers(slow: Slow, others: list[list[str]]) -> list[list[float] | str]:
    """Return what threads get that bring texts while "first" is encoded."""
    gather = TextGatherer(slow)

    def ask(texts: list[str]) -> list[float] | str:
        try:
            return [float(vector[0]) for vector in gather(texts)]
        except ValueError as error:
            return str(error)

    with ThreadPoolExecutor(1 + len(others)) as threads:
        first = threads.submit(ask, ["first"])
        assert slow.has_begun.wait(10)
        futures = []
        for number, texts in enumerate(others, 1):
            futures.append(threads.submit(ask, texts))
            while len(gather._waiting) < number:
                pass
        slow.may_go_on.set()
        assert first.result(10) == [5.0]
        results = [future.result(10) for future in futures]
    assert not gather._is_busy
    return results


def test_texts_that_come_during_a_call_are_encoded_together_by_the_next() -> None:
    slow = Slow()
    assert answers(slow, [["a"], ["bb", "ccc"], [], ["dddd"]]) == [[1.0], [2.0, 3.0], [], [4.0]]
    assert slow.calls == [["first"], ["a", "bb", "ccc", "dddd"]]


def test_a_call_has_at_most_64_texts() -> None:
    slow = Slow()
    assert answers(slow, [["a"] * 40, ["b"] * 40, ["c"] * 20, ["d"] * 100]) == [
        [1.0] * 40, [1.0] * 40, [1.0] * 20, [1.0] * 100,
    ]  # fmt: skip
    assert [len(call) for call in slow.calls] == [1, 40, 60, 100]


def test_texts_that_cannot_be_encoded_fail_in_their_own_thread_only() -> None:
    slow = Slow()
    assert answers(slow, [["a"], ["bad"], ["cc"]]) == [[1.0], "bad", [2.0]]


def test_a_thread_that_is_alone_gets_its_error_once() -> None:
    slow = Slow()
    slow.may_go_on.set()
    with pytest.raises(ValueError, match="bad"):
        TextGatherer(slow)(["bad"])
    assert slow.calls == [["bad"]]


def test_a_gathering_encoder_returns_what_its_encoder_returns() -> None:
    encoder = FakeEncoder()
    gathering = GatheringEncoder(encoder)
    assert isinstance(gathering, FakeEncoder)
    assert (gathering.name, gathering.fingerprint, gathering.dim) == (encoder.name, encoder.fingerprint, encoder.dim)
    np.testing.assert_array_equal(gathering.encode_texts(["red", "blue"]), encoder.encode_texts(["red", "blue"]))
