"""From a query to hits: candidates, order, what each part of the query has to do with each of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from math import hypot, isnan
from pathlib import Path
from typing import Literal

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.catalog.statements.fulltext import query_words
from indexer.catalog.statements.items import ItemDetails
from indexer.errors import QueryError
from indexer.store import Store
from indexer.types import Modality, Vectors
from indexer.vectors.base import inner_products
from retrieval.calibration import DEPTH as JUDGED
from retrieval.calibration import CalibrationQuery, Calibrator
from retrieval.query.embed import combine_parts
from retrieval.search.candidates import NONE, Candidates, find, has_kind
from retrieval.search.hits import Hit, Hits, PartScore, RerankScore
from retrieval.search.hybrid import DEPTH, depth_for, fuse, has_words, words_in
from retrieval.search.probabilities import Likelihood
from retrieval.search.rerank.chain import Chain, rerank
from retrieval.search.rerank.protocol import Ranking

SearchKind = Literal["photos", "texts", "all"]
"""What to search."""

_KINDS: dict[Modality, SearchKind] = {Modality.PHOTO: "photos", Modality.TEXT: "texts"}

_SHARED = [field.name for field in fields(Hit) if field.name in ItemDetails._fields and field.name != "path"]
"""What a hit takes over from the catalog."""


@dataclass(frozen=True, slots=True)
class EncodedQuery:
    """A query whose parts are encoded.

    Attributes:
        terms: A name for each part of the query, (p,).
        parts: Unit vectors of the parts, shape (p, d), float32.
        weights: What each part counts, (p,).
        where: What may be returned; None lets everything pass.
        kind: What to search.
        leave_out: An item that is not returned: the query's own.
        words: What full-text search looks for beside; "" for nothing.
        pictures: How many of the parts are pictures, the last ones.
        taught: How much of the vector of each text comes from photos of private words, 0 to 1; () for none of any.
    """

    terms: Sequence[str]
    parts: Vectors
    weights: Sequence[float]
    where: Filter | None
    kind: SearchKind = "all"
    leave_out: int | None = None
    words: str = ""
    pictures: int = 0
    taught: Sequence[float] = ()

    @property
    def asked(self) -> CalibrationQuery:
        """The query as the calibration sees it: a text with private words is words and a picture."""
        texts = len(self.terms) - self.pictures
        shares = [*(self.taught or [0.0] * texts), *[1.0] * self.pictures]
        weights: list[float] = []
        pictured: list[bool] = []
        for weight, share in zip(self.weights, shares, strict=True):
            kinds = [(False, 1 - share), (True, share)]
            own = [(kind, much / hypot(share, 1 - share)) for kind, much in kinds if much]
            weights += [weight * much for _, much in own]  # words and photos are almost at right angles
            pictured += [kind for kind, _ in own]
        return CalibrationQuery(combine_parts(self.parts, self.weights), weights, pictured)


def check_count(k: int) -> None:
    """Refuse a number of results below 1; apart, so that it can be done before an encoder is loaded.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"{k} results were asked for; expected at least 1")


def search(
    store: Store, question: EncodedQuery, *, k: int, chain: Chain | None = None, calibrator: Calibrator | None = None
) -> Hits:
    """Return the k best items, best first, equal scores by item id; with rerankers, in the order that these give.

    Photos and texts have scores of different scales (the modality gap): where both are found, their order comes from
    their probabilities, within each kind from the scores. Where words are looked for too, the order is that of both
    rankings together. The scores stay cosines.

    Args:
        store: The library.
        question: What is asked.
        k: Results wanted, at least 1.
        chain: Rerankers; None leaves the order as it is.
        calibrator: Gives the hits their probabilities; without one they have none.

    Raises:
        QueryError: k is below 1, or the parts cancel out.
    """
    check_count(k)
    asked = question.asked
    likelihood = None if calibrator is None else Likelihood(calibrator, asked)
    run = _Search(store, question, asked.vector, likelihood)
    if chain is None:
        ranking = Ranking.from_candidates(run.found(k))
    else:
        ranking = rerank(chain, store, asked.vector, run.found, count=k)
    return Hits(
        run.hits(ranking),
        expected=likelihood.expected if likelihood else None,
        query_word_count=len(query_words(question.words)) if run.has_words else 0,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """One search on its way from a query's vector, shape (d,), to hits."""

    store: Store
    question: EncodedQuery
    query: Vectors
    likelihood: Likelihood | None

    @property
    def has_words(self) -> bool:
        """Whether words are looked for, in a library that has any."""
        return bool(self.question.words) and has_words(self.store)

    def found(self, count: int) -> Candidates:
        """Return the best items by looks, or by looks and words together."""
        if self.store.encoder is None:
            return NONE
        with self.store.locked_index() as index:
            count = min(count, len(index))
        if not self.has_words:
            return self._near(count)
        near = self._near(depth_for(count))
        where = self.question.where
        kind = next((modality for modality, name in _KINDS.items() if name == self.question.kind), None)
        return fuse(self.store, near, self.query, self.question.words, where=where, kind=kind, count=count)

    def _near(self, count: int) -> Candidates:
        """Return the best items of the kinds that are searched, by looks."""
        held = [kind for kind in Modality if has_kind(self.store, kind)]
        kinds: list[Modality | None] = [kind for kind in held if self.question.kind in ("all", _KINDS[kind])]
        if len(kinds) == len(held):
            kinds = kinds if len(kinds) > 1 else [None]  # all that there is: nothing to select by
        if len(kinds) == 1:
            return self._judged(kinds, count)[0]
        return self._of_several(kinds, depth_for(count)).first(count)

    def _of_several(self, kinds: Sequence[Modality | None], depth: int) -> Candidates:
        """Return so many of each kind in one list; what half as many give stays in front, see `depth_for`."""
        front = self._of_several(kinds, depth // 2) if depth > DEPTH else NONE
        merged = self._merged(self._judged(kinds, depth))
        row_of = {item.item_id: row for row, item in enumerate(merged.items)}
        before = [row_of[item.item_id] for item in front.items if item.item_id in row_of]
        return merged.take(list(dict.fromkeys((*before, *range(len(merged)))))).first(depth)

    def _judged(self, kinds: Sequence[Modality | None], count: int) -> list[Candidates]:
        """Return the best items of each kind."""
        where, own = self.question.where, self.question.leave_out
        depth = JUDGED if self.likelihood else 0
        lists = [
            find(self.store, self.query, count, where=where, kind=kind, leave_out=own, depth=depth) for kind in kinds
        ]
        if self.likelihood:
            self.likelihood.judge(lists)
        return lists

    def _merged(self, lists: Sequence[Candidates]) -> Candidates:
        """Return one list of several, best first; of an item that is in several its better unit."""
        lists = [each for each in lists if len(each)]
        if not lists:
            return NONE
        merged = Candidates(
            [item for each in lists for item in each.items],
            np.concatenate([each.scores for each in lists]),
            np.concatenate([each.vectors for each in lists]),
            sum(each.searched for each in lists),
        )
        values = self.likelihood.merging_values(merged) if self.likelihood else None
        ranks = merged.scores if values is None else values
        order = sorted(
            range(len(merged)), key=lambda row: (-ranks[row], -merged.scores[row], merged.items[row].item_id)
        )
        seen: dict[int, int] = {}
        for row in order:
            seen.setdefault(merged.items[row].item_id, row)
        return merged.take(list(seen.values()))

    def hits(self, ranking: Ranking) -> Iterator[Hit]:
        """Yield a hit for each candidate, and in it those that it stands for."""
        found = ranking.candidates
        words = words_in(self.store, self.question.words, found) if self.has_words else {}
        chances = self.likelihood.of(found) if self.likelihood else [None] * len(found)
        for row, (item, value, vector) in enumerate(zip(found.items, found.scores, found.vectors, strict=True)):
            steps = [RerankScore(step.name, float(step.scores[row])) for step in ranking.steps]
            yield replace(
                _hit(item, float(value), self.question, inner_products(vector, self.question.parts)),
                probability=chances[row],
                words=words.get(item.unit_id, ()),
                rerank=tuple(step for step in steps if not isnan(step.score)),
                members=tuple(member for group in ranking.members[row] for member in self.hits(group)),
            )


def _hit(item: ItemDetails, value: float, question: EncodedQuery, cosines: Vectors) -> Hit:
    parts = zip(question.terms, cosines.tolist(), question.weights, strict=True)
    return Hit(
        path=Path(item.file),
        row=item.row,
        score=value,
        part_scores=tuple(PartScore(*part) for part in parts),
        **{name: getattr(item, name) for name in _SHARED},
    )
