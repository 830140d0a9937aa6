"""Match probabilities for the queries of one library."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from numpy.typing import ArrayLike

from indexer.catalog.filters.expression import Filter
from indexer.forking import ForkSafe, watch_forks
from indexer.store import Store
from indexer.types import Modality, Vectors
from retrieval.calibration.expected import expected_number
from retrieval.calibration.fitted import CALIBRATED, FITTED
from retrieval.calibration.null_scores import NullScores, shipped_null_scores
from retrieval.calibration.probability import Form, ModelKey, Numbers, QueryFacts, QueryModel, query_model
from retrieval.calibration.sample import Sample, passing_rows, read_sample
from retrieval.calibration.word_counts import WordFacts, word_facts

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


_MIN_ROWS = 30
"""If fewer units of the sample pass a filter, the whole sample says what the scores of the others are."""


class LibraryModel(NamedTuple):
    """The probabilities of one query for one kind of unit, with the sample that they were made for.

    Attributes:
        model: Turns scores into probabilities.
        sample: The sample of the library.
        scores: Cosines of the query with the sample's units of the kind, shape (s,).
    """

    model: QueryModel
    sample: Sample
    scores: Vectors

    def probabilities(self, scores: ArrayLike) -> Numbers:
        """Return the match probability of units with these cosines, 0 to 1, shape (n,)."""
        return self.model.probabilities(scores)


class Calibrator(ForkSafe):
    """Computes match probabilities for one library. Any thread may use it."""

    def __init__(self, store: Store) -> None:
        """Prepare a calibrator for a library. Nothing is read before the first query."""
        self._store = store
        self._sample: Sample | None = None
        self._lock = threading.Lock()
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have a lock of this process."""
        self._lock = threading.Lock()

    def model(self, query: Vectors, *, text: str, photo_shares: Sequence[float], kind: Modality) -> LibraryModel | None:
        """Return the probabilities of a query for units of a kind; None if the library's encoder is not calibrated.

        Args:
            query: The query's vector, shape (d,), unit length.
            text: Its words, "" for none.
            photo_shares: How much of each part's vector comes from photos, 0 to 1, (p,).
            kind: Kind of the units.
        """
        encoder = self._store.encoder
        if encoder is None or encoder.fingerprint not in CALIBRATED:
            return None
        form = query_form(photo_shares)
        facts = query_facts(query, text if form is Form.WORDS else "", shipped_null_scores()[kind])
        sample = self._current_sample()
        with _one_thread():
            scores: Vectors = sample.kinds[kind].vectors @ query
        return LibraryModel(query_model(facts, FITTED[ModelKey(form, kind)], scores), sample, scores)

    def expected(
        self,
        model: LibraryModel,
        best: Vectors,
        *,
        kind: Modality,
        where: Filter | None,
        passing: int | None,
    ) -> float:
        """Return the expected number of units of a kind that match.

        Args:
            model: The model of the query for this kind.
            best: Scores of the best units that were searched, best first.
            kind: The kind.
            where: The filter; None lets everything pass.
            passing: Number of units of the kind that pass it; None if that is not known.
        """
        scores = model.scores
        population = model.sample.kinds[kind].population if passing is None else passing
        if where is not None and (passing is None or passing > len(best)):
            rows, checked = passing_rows(self._store, model.sample, kind, where)
            if passing is None:
                population = round(population * len(rows) / max(checked, 1))
            scores = scores[rows] if len(rows) >= _MIN_ROWS else scores
        return expected_number(model.model, best, scores, population)

    def _current_sample(self) -> Sample:
        with self._lock:
            self._sample = read_sample(self._store, self._sample)
            return self._sample


def query_form(photo_shares: Sequence[float]) -> Form:
    """Return the form of a query: words, pictures (also words that mean photos), or both."""
    if not any(photo_shares):
        return Form.WORDS
    return Form.PICTURE if min(photo_shares) == 1 else Form.MIXED


def query_facts(query: Vectors, text: str, null: NullScores) -> QueryFacts:
    """Return what is known of a query: a unit vector of shape (d,), and its words, "" for none."""
    return QueryFacts(*null.mean_and_deviation(query), word_facts(text) if text else WordFacts(0.0, 0.0))


def _one_thread() -> AbstractContextManager[object]:
    """Limit matrix products to one thread: on a busy machine, several threads wait for each other.

    The products of one query take 0.3 ms on one thread; on two they took up to 25 ms while other programs ran.
    """
    limited: AbstractContextManager[object] = _controller().limit(limits=1, user_api="blas")
    return limited


@cache
def _controller() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController  # late: it inspects all loaded libraries

    return ThreadpoolController()
