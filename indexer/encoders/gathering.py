"""GatheringEncoder: encodes the texts of several threads in one call."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from indexer.encoders.base import Encoder
from indexer.encoders.full_encoder import EncoderView
from indexer.types import Vectors

_MOST_TEXTS = 64
"""Texts of one call of the encoder, unless one thread brings more."""


@dataclass(slots=True)
class _Call:
    """What one thread wants to have encoded.

    Attributes:
        texts: The texts.
        wakes: Set when the thread need not wait any longer.
        leads: Whether the thread is to encode what waits.
        vectors: The result; None if the thread has to encode its texts itself.
    """

    texts: list[str]
    wakes: threading.Event = field(default_factory=threading.Event)
    leads: bool = False
    vectors: Vectors | None = None


class TextGatherer:
    """Encodes the texts of several threads together; safe to use from any.

    One thread encodes. What others bring meanwhile is encoded by the next call, in one batch. So a single thread never
    waits, and of many each waits for one call in progress, at most, before its own begins.
    """

    def __init__(self, encode: Callable[[Sequence[str]], Vectors]) -> None:
        """Gather texts for the method of an encoder."""
        self._encode = encode
        self._lock = threading.Lock()  # for the next two
        self._waiting: list[_Call] = []  # empty if no thread encodes
        self._is_busy = False

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim), as the encoder returns it."""
        call = _Call(list(texts))
        with self._lock:
            self._waiting.append(call)
            call.leads, self._is_busy = not self._is_busy, True
        if not call.leads:
            call.wakes.wait()
        if call.leads:
            try:
                self._encode_waiting()
            finally:
                self._pass_on()
        return self._encode(call.texts) if call.vectors is None else call.vectors

    def _encode_waiting(self) -> None:
        """Encode what waits, the texts of this thread first, as much as fits one call."""
        with self._lock:
            calls = [self._waiting.pop(0)]
            count = len(calls[0].texts)
            while self._waiting and (count := count + len(self._waiting[0].texts)) <= _MOST_TEXTS:
                calls.append(self._waiting.pop(0))
        try:
            vectors = self._encode([text for call in calls for text in call.texts])
            ends = accumulate(len(call.texts) for call in calls)
            for call, end in zip(calls, ends, strict=True):
                call.vectors = vectors[end - len(call.texts) : end]
        except Exception:
            if len(calls) == 1:
                raise
            # each thread encodes its own texts, so that only the one whose texts caused the error gets it
        finally:
            for call in calls[1:]:
                call.wakes.set()

    def _pass_on(self) -> None:
        """Have the thread that waits for longest encode next."""
        with self._lock:
            if self._waiting:
                self._waiting[0].leads = True
                self._waiting[0].wakes.set()
            else:
                self._is_busy = False


class GatheringEncoder(EncoderView):
    """An encoder whose texts are encoded together if several threads bring them at the same time; pictures are not."""

    def __init__(self, encoder: Encoder) -> None:
        """Gather the texts for an encoder."""
        super().__init__(encoder)
        object.__setattr__(self, "_gatherer", TextGatherer(encoder.encode_texts))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim)."""
        gatherer: TextGatherer = object.__getattribute__(self, "_gatherer")
        return gatherer(texts)
