"""Searches a library: from an encoded query to hits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from functools import partial
from math import isnan
from operator import attrgetter
from typing import Any, Literal

from indexer.catalog.statements.items import ItemDetails
from indexer.errors import QueryError
from indexer.object_path import file_path
from indexer.store import Store
from indexer.types import Modality, Vectors, collection_of, item_id
from indexer.vectors.base import inner_products
from retrieval.calibration import THRESHOLD
from retrieval.calibration.calibrator import Calibrator
from retrieval.calibration.expected import DEPTH as EXPECTED_DEPTH
from retrieval.calibration.probability import with_words
from retrieval.query.encoded import EncodedQuery
from retrieval.search.candidates import NO_CANDIDATES, Candidates, concat, find_candidates, has_kind
from retrieval.search.exclusion import Exclusion
from retrieval.search.hits import Hit, Hits, PartScore, RerankScore
from retrieval.search.hybrid import FUSION_DEPTH, changes_order, fuse, fusion_depth
from retrieval.search.probabilities import MatchProbabilities
from retrieval.search.query_batch import BatchRow
from retrieval.search.rerank.chain import Chain, rerank
from retrieval.search.rerank.protocol import Ranking
from retrieval.search.word_evidence import NO_WORDS, QueryWords, telling_words

SearchKind = Literal["photos", "texts", "all"]
"""What to search."""

_MODALITIES: dict[SearchKind, Modality | None] = {"photos": Modality.PHOTO, "texts": Modality.TEXT, "all": None}

_ITEM_FIELDS = [
    field.name for field in fields(Hit) if field.name in ItemDetails._fields and field.name not in ("path", "metadata")
]
"""The fields of a hit that the catalog provides."""

_item_values = attrgetter(*_ITEM_FIELDS)


_MOST_NEW = 10_000
"""Units that other threads may add while a search is under way: two transactions of `Library.add`."""

_CUTOFF_SHARE = 0.1
"""Beside a hit of 90 %, one of 8 % is unlikely. Of what people call right in the judged captions this hides .3 % more
than the fixed threshold, and two fifths of the hits for nouns in libraries of many subjects."""


def check_count(k: int) -> None:
    """Check the number of results; a function of its own, so that it can be called before an encoder is loaded.

    Raises:
        QueryError: k is below 1.
    """
    if k < 1:
        raise QueryError(f"{k} results were asked for; expected at least 1")


def check_kind(kind: str) -> None:
    """Refuse a kind that cannot be searched.

    Raises:
        QueryError: It is unknown.
    """
    if kind not in _MODALITIES:
        raise QueryError(f"there is no kind {kind!r}; expected one of: {', '.join(_MODALITIES)}")


def modality_of(kind: SearchKind) -> Modality | None:
    """Return the kind of units that are searched; None for all."""
    return _MODALITIES[kind]


def search(
    store: Store,
    query: EncodedQuery,
    *,
    k: int,
    kind: SearchKind = "all",
    hybrid: bool = True,
    leave_out: int | None = None,
    chain: Chain | None = None,
    calibrator: Calibrator | None = None,
    exclusion: Exclusion | None = None,
    batch: BatchRow | None = None,
) -> Hits:
    """Return the k best items, best first, ties by item id; with rerankers, in the order that these return.

    Scores of photos and texts have different scales (the modality gap). If both are found, they are merged by match
    probability, and each kind is ordered by score. In hybrid search the order is that of both rankings together. Scores
    remain cosines.

    Args:
        store: The library.
        query: The query.
        k: Number of results, at least 1.
        kind: What to search.
        hybrid: Whether to use full-text search too.
        leave_out: Id of an item that is left out: the query's own.
        chain: Rerankers; None keeps the order.
        calibrator: Computes the match probabilities; without it hits have none.
        exclusion: What no result may show.
        batch: The query in a batch of others, if it has one.

    Raises:
        QueryError: k is below 1, the kind is unknown, or the parts of the query cancel out.
    """
    check_count(k)
    check_kind(kind)
    vector = query.vector
    # of a vector nobody knows whether it is a text's or a photo's, and these have different scores
    has_model = calibrator is not None and bool(query.query.parts) and not query.query.vectors
    words = telling_words(store, query.query.keywords) if hybrid else NO_WORDS
    text = words.visible(query.query.keywords)
    probabilities = MatchProbabilities(calibrator, query, vector, text) if calibrator and has_model else None
    run = _Search(store, query, vector, _MODALITIES[kind], words, leave_out, probabilities, exclusion, batch)
    if chain is None:
        ranking = Ranking.from_candidates(run.find_candidates(k))
    else:
        ranking = rerank(chain, store, query.query, vector, run.find_candidates, count=k)
    hits = list(run.hits(ranking))
    return Hits(
        hits,
        expected=probabilities.estimate(words) if probabilities and exclusion is None else None,
        cutoff=max((THRESHOLD, *(_CUTOFF_SHARE * (hit.probability or 0.0) for hit in hits))),
        fingerprint=store.fingerprint,
    )


@dataclass(frozen=True, slots=True)
class _Search:
    """One search.

    Attributes:
        store: The library.
        query: The query.
        vector: Its vector, shape (d,).
        kind: Kind of units to search; None searches all.
        words: Words for full-text search.
        leave_out: Id of an item that is left out.
        probabilities: Match probabilities of the candidates.
        exclusion: What no result may show.
        batch: The query in a batch of others, if it has one.
    """

    store: Store
    query: EncodedQuery
    vector: Vectors
    kind: Modality | None
    words: QueryWords
    leave_out: int | None
    probabilities: MatchProbabilities | None
    exclusion: Exclusion | None
    batch: BatchRow | None

    def find_candidates(self, count: int) -> Candidates:
        """Return the best items that probably show nothing that is excluded."""
        if self.exclusion is None:
            return self._find_candidates(count)
        return self.exclusion.remaining(self._find_candidates, self._probabilities, count)

    def _find_candidates(self, count: int) -> Candidates:
        """Return the best items by vector search, or by vector and full-text search together."""
        if self.store.encoder is None:
            return NO_CANDIDATES
        if count > _MOST_NEW:
            with self.store.locked_index() as index:
                count = min(count, len(index) + _MOST_NEW)  # fewer levels of fusion; see `fusion_depth`
        if not changes_order(self.words):
            return self._nearest(count)
        return fuse(
            self.store,
            self._nearest(fusion_depth(count)),
            self.vector,
            self.words,
            where=self.query.query.where,
            kind=self.kind,
            count=count,
            probabilities=self._probabilities if self.probabilities else None,
        )

    def _nearest(self, count: int) -> Candidates:
        """Return the best items by vector search."""
        existing = [kind for kind in Modality if has_kind(self.store, kind)]
        kinds: list[Modality | None] = [kind for kind in existing if self.kind in (None, kind)]
        if len(kinds) == len(existing):
            # all units have this kind, or are ordered by score alone: no filter is needed
            kinds = kinds if len(kinds) > 1 and self.probabilities else [None]
        if len(kinds) == 1:
            return self._nearest_by_kind(kinds, count)[0]
        return self._merged(kinds, fusion_depth(count)).first(count)

    def _merged(self, kinds: Sequence[Modality | None], depth: int) -> Candidates:
        """Return the best of several kinds in one list; results of lower depths stay in front, see `fusion_depth`."""
        front = self._merged(kinds, depth // 2) if depth > FUSION_DEPTH else NO_CANDIDATES
        merged = self._merge(self._nearest_by_kind(kinds, depth))
        row_of = {item.item_id: row for row, item in enumerate(merged.items)}
        front_rows = [row_of[item.item_id] for item in front.items if item.item_id in row_of]
        return merged.take(list(dict.fromkeys((*front_rows, *range(len(merged)))))).first(depth)

    def _nearest_by_kind(self, kinds: Sequence[Modality | None], count: int) -> list[Candidates]:
        """Return the best items of each kind, and compute their match probabilities."""
        where, depth = self.query.query.where, EXPECTED_DEPTH if self.probabilities else 0
        find = partial(find_candidates, batch=self.batch)
        lists = [
            find(self.store, self.vector, count, where=where, kind=kind, leave_out=self.leave_out, depth=depth)
            for kind in kinds
        ]
        if self.probabilities:
            self.probabilities.score(lists)
        return lists

    def _merge(self, lists: Sequence[Candidates]) -> Candidates:
        """Return several lists as one, best first; an item that is in several keeps its better unit."""
        merged = concat(lists)
        keys = self.probabilities.merge_keys(merged) if self.probabilities else None
        scores, items = merged.scores, merged.items
        ranks = scores if keys is None else keys
        order = sorted(range(len(merged)), key=lambda row: (-ranks[row], -scores[row], items[row].item_id))
        row_of: dict[int, int] = {}
        for row in order:
            row_of.setdefault(items[row].item_id, row)
        return merged.take(list(row_of.values()))

    def hits(self, ranking: Ranking) -> Iterator[Hit]:
        """Yield a hit for each candidate, with the hits of its members."""
        candidates = ranking.candidates
        probabilities = self._probabilities(candidates)
        for row, (item, score, vector) in enumerate(
            zip(candidates.items, candidates.scores, candidates.vectors, strict=True)
        ):
            found = self.words.in_item(item)
            evidence, value = self.words.evidence(found), probabilities[row]
            steps = [RerankScore(step.name, float(step.scores[row])) for step in ranking.steps]
            yield self._hit(
                item,
                float(score),
                vector,
                probability=None if value is None else with_words(value, evidence),
                found=found,
                word_evidence=evidence,
                rerank=tuple(step for step in steps if not isnan(step.score)),
                members=tuple(member for group in ranking.members[row] for member in self.hits(group)),
            )

    def _probabilities(self, candidates: Candidates) -> list[float | None]:
        """Return the probability that each candidate matches the query and shows nothing that is excluded."""
        values: list[float | None] = [None] * len(candidates)
        if self.probabilities:
            values = self.probabilities.probabilities(candidates)
        elif self.exclusion and not self.query.query.parts:
            values = [1.0] * len(candidates)
        if self.exclusion is None or not len(candidates):
            return values
        others = (1 - self.exclusion.probabilities(candidates)).tolist()
        return [None if value is None else value * other for value, other in zip(values, others, strict=True)]

    def _hit(self, item: ItemDetails, score: float, vector: Vectors, **values: Any) -> Hit:
        """Return a hit with the scores of a unit that has this embedding, and other values by the names of fields."""
        return Hit(
            path=file_path(item.file),
            row=item.row,
            id=item_id(item.path),
            collection=collection_of(item.path),
            metadata=item.metadata or {},
            score=score,
            part_scores=part_scores(self.query, vector),
            _pictures=self.store.item_pictures,
            **dict(zip(_ITEM_FIELDS, _item_values(item), strict=True)),
            **values,
        )


def part_scores(query: EncodedQuery, vector: Vectors) -> tuple[PartScore, ...]:
    """Return the cosine of a unit, whose embedding has shape (d,), with each part of a query."""
    cosines = inner_products(vector, query.vectors).tolist()
    return tuple(
        PartScore(part.name, cosine, part.weight) for part, cosine in zip(query.query.parts, cosines, strict=True)
    )
