"""Explanation of one file's place in the results of one query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import failed_criteria, matching_ids
from indexer.catalog.statements import items
from indexer.catalog.statements.items import ItemState, Unit
from indexer.encoders.base import Encoder
from indexer.errors import LibraryError, PictureError, StorageError
from indexer.object_path import file_path
from indexer.store import Store
from indexer.types import Modality, ProgressCallback, Vectors, collection_of, file_of, item_id
from indexer.vectors.base import inner_products
from retrieval.calibration.calibrator import Calibrator
from retrieval.explain.missing import absence_reason, staleness_reason
from retrieval.explain.rank import find_rank
from retrieval.explain.regions import Regions, score_regions
from retrieval.explain.word_effects import WordEffect, word_effects
from retrieval.query.embed import encode_query
from retrieval.query.encoded import EncodedQuery
from retrieval.query.private_words import text_vectors
from retrieval.query.query import Query
from retrieval.search.engine import part_scores, search
from retrieval.search.exclusion import exclusion_of
from retrieval.search.hits import Hits, PartScore
from retrieval.search.named_item import NamedItem, catalog_path
from retrieval.search.word_evidence import telling_words

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a file is or is not among the results of a query.

    Attributes:
        path: The file; of an added item without one, "collection:" and the name of its collection.
        in_results: Whether it is among the k best.
        reasons: Why it is not, and anything else to know about the file; for people.
        rank: Its rank among all items of its kind that pass the filters, 1 for the best; None if it has none.
        total: Number of units that it was ranked among.
        score: Cosine of query and unit; None if the file is not in the library.
        probability: Match probability, 0 to 1, as in `search`; None if it cannot be estimated.
        last_score: Score of the last result; None if there are no results.
        kind: Photo or text.
        text: The text of the unit.
        part_scores: Cosine with each part of the query.
        word_effects: Effect of each word and part on the score.
        regions: Scores of the regions of the picture; None for texts and for files that cannot be read.
        picture: The picture, upright, in RGB; for `save_heatmap`. Of an added item the stored one, if there is one.
        id: The id of an added item; else its path, of a table's row followed by # and the row's id.
        collection: The collection of an added item; None for other items.
    """

    path: Path
    in_results: bool
    reasons: Sequence[str]
    rank: int | None = None
    total: int | None = None
    score: float | None = None
    probability: float | None = None
    last_score: float | None = None
    kind: Modality | None = None
    text: str | None = None
    part_scores: Sequence[PartScore] = ()
    word_effects: Sequence[WordEffect] = ()
    regions: Regions | None = None
    picture: Image.Image | None = None
    id: str = ""
    collection: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as a JSON object; of the regions only the tiles."""
        names = ("in_results", "rank", "total", "score", "probability", "last_score", "kind", "text")
        return {name: getattr(self, name) for name in (*names, "id", "collection")} | {
            "path": str(self.path),
            "reasons": list(self.reasons),
            "part_scores": [asdict(score) for score in self.part_scores],
            "word_effects": [asdict(effect) for effect in self.word_effects],
            "regions": [asdict(tile) for tile in self.regions.tiles] if self.regions else None,
        }


def explain(
    store: Store,
    query: Query,
    name: NamedItem,
    *,
    load: Callable[[], Encoder],
    calibrator: Calibrator,
    hybrid: bool,
    k: int,
    progress: ProgressCallback | None = None,
) -> Explanation:
    """Return why a file is or is not among the results of a query.

    Args:
        store: The library.
        query: The query, with its filter.
        name: The file, indexed or not; a hit, an item, or the id of an added item.
        load: Returns the encoder; not called for a file that is not in the library.
        calibrator: Estimates the match probability.
        hybrid: Whether full-text search takes part.
        k: Number of results.
        progress: Called with the number of encoded regions.

    Raises:
        LibraryError: The library is empty.
        QueryError: The query cannot be used.
    """
    encoder = store.encoder
    if encoder is None:
        raise LibraryError(f"{store.name} holds nothing yet; run: recall index FOLDER")
    with store.reading() as connection:
        file = catalog_path(connection, name)
        item = items.item_state(connection, file)
        units = items.units_of(connection, item.id, encoder.id) if item else []
        absent = _unindexed_reason(item, file, has_units=bool(units)) if item else absence_reason(connection, file)
    if item is None or absent:
        path, id_, collection = file_path(file_of(file)), item_id(file), collection_of(file)
        return Explanation(path, in_results=False, reasons=[absent or ""], id=id_, collection=collection)
    return _Explainer(store, query, item, units, load(), calibrator, hybrid, k, progress).explanation()


def _unindexed_reason(item: ItemState, file: str, *, has_units: bool) -> str | None:
    """Return why an item has no embedding, None if it has one."""
    if item.failure is not None:
        return f"it could not be indexed ({item.failure}): {item.failure_message}"
    return None if has_units else f"{file} has no embedding; run: recall check --repair, then recall index"


@dataclass(frozen=True, slots=True)
class _Explainer:
    """Explains one item of the library for one query."""

    store: Store
    query: Query
    item: ItemState
    units: Sequence[Unit]
    encoder: Encoder
    calibrator: Calibrator
    hybrid: bool
    k: int
    progress: ProgressCallback | None

    def explanation(self) -> Explanation:
        """Return the explanation."""
        encoded = encode_query(self.query, self.encoder, store=self.store)
        vector = encoded.vector
        exclusion = exclusion_of(encoded, self.encoder)
        hits = search(
            self.store, encoded, k=self.k, hybrid=self.hybrid, calibrator=self.calibrator, exclusion=exclusion
        )
        unit, embedding = self._best_unit(vector)
        score = float(inner_products(vector, embedding[None])[0])
        reasons = self._failed_filters()
        if exclusion and exclusion.shows(embedding):
            reasons.append(f"it probably shows what the query excludes: {', '.join(self.query.excluded)}")
        rank, total = (None, None) if reasons else self._rank(vector, score, unit.kind)
        hit = next((hit for hit in hits if hit.item_id == self.item.id), None)
        probability = hit.probability if hit else self._probability(encoded, score, unit.kind)
        if rank is not None and (hit not in hits.above(hits.cutoff) if hit else (probability or 1) < hits.cutoff):
            reasons.append(_hidden_reason(probability, hits.cutoff))
        if rank is not None and hit is None:
            reasons.append(_outranked_reason(rank, self.k, score, hits, self._index_recall()))
        picture, regions, unreadable = self._regions(vector) if unit.kind is Modality.PHOTO else (None, None, None)
        return Explanation(
            path=file_path(self.item.file),
            in_results=hit is not None,
            reasons=[*reasons, *filter(None, (staleness_reason(self.item), unreadable))],
            rank=rank,
            total=total,
            score=score,
            probability=probability,
            last_score=hits[-1].score if hits else None,
            kind=unit.kind,
            text=unit.text,
            part_scores=part_scores(encoded, embedding),
            word_effects=word_effects(encoded, embedding, self._encode_texts),
            regions=regions,
            picture=picture,
            id=item_id(self.item.path),
            collection=collection_of(self.item.path),
        )

    def _encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (n, d)."""
        return text_vectors(self.store, texts, self.encoder)

    def _best_unit(self, vector: Vectors) -> tuple[Unit, Vectors]:
        """Return the unit of the item that is most similar to the query, and its embedding, shape (d,)."""
        with self.store.locked_index() as index:
            ids = np.array([unit.embedding_id for unit in self.units], dtype=np.int64)
            units = [unit for unit, exists in zip(self.units, index.contains(ids), strict=True) if exists]
            if not units:
                raise LibraryError(
                    f"the embedding of {self.item.file} is damaged or is being changed; run: recall check"
                )
            vectors = index.vectors(np.array([unit.embedding_id for unit in units], dtype=np.int64))
        best = int(inner_products(vector, vectors).argmax())
        return units[best], vectors[best]

    def _probability(self, query: EncodedQuery, score: float, kind: Modality) -> float | None:
        """Return the match probability of a unit that is not among the results."""
        if not self.query.parts or self.query.vectors:
            return None
        keywords = self.query.keywords
        text = telling_words(self.store, keywords).visible(keywords) if self.hybrid else keywords
        model = self.calibrator.model(query.vector, text=text, photo_shares=query.photo_shares, kind=kind)
        return None if model is None else float(model.probabilities([score])[0])

    def _index_recall(self) -> float | None:
        """Return the share of the ten best results that the index finds, None for an exact index."""
        choice = self.store.choice()
        measured = choice[0].measurements[0] if choice else None
        return None if measured is None or measured.kind == "exact" else measured.recall

    def _failed_filters(self) -> list[str]:
        """Return the filters that the item does not pass, for people."""
        with self.store.reading() as connection:
            return [] if self.query.where is None else failed_criteria(connection, self.item.id, self.query.where)

    def _rank(self, vector: Vectors, score: float, kind: Modality) -> tuple[int, int]:
        """Return the item's rank among the units of its kind that pass the filters, and how many they are."""
        with self.store.searching() as (index, connection):
            encoder = self.store.encoder
            if encoder is None:
                return 1, 1  # everything was forgotten a moment ago
            where = Filter.kind(kind) if self.query.where is None else self.query.where & Filter.kind(kind)
            allowed = matching_ids(connection, encoder.id, where)
            return find_rank(index, connection, vector, score=score, item_id=self.item.id, allowed=allowed)

    def _regions(self, vector: Vectors) -> tuple[Image.Image | None, Regions | None, str | None]:
        """Return the picture and the scores of its regions, or why it cannot be read."""
        try:
            if collection_of(self.item.path) is None:
                picture, _ = self.store.pictures.picture(file_path(self.item.file))
            else:
                picture = self.store.item_pictures.open(self.item.id, file_path(self.item.file))
        except (PictureError, StorageError) as error:
            return None, None, f"its regions cannot be scored: {error}"
        return picture, score_regions(picture, vector, self.encoder, progress=self.progress), None


def _hidden_reason(probability: float | None, cutoff: float) -> str:
    """Return why an item is hidden by the cut-off, for people."""
    measured = "" if probability is None else f": its match probability is {probability:.3f}, the cut-off {cutoff:.3g}"
    return f"recall search hides it as an unlikely match{measured}; --all shows it"


def _outranked_reason(rank: int, k: int, score: float, hits: Hits, index_recall: float | None) -> str:
    """Return why an item that passes all filters is not among the results, for people."""
    if rank <= k and index_recall is not None:
        return (
            "it is outranked by items of another kind or with the query's words in their texts, or the index missed "
            f"it, which finds {index_recall:.3f} of the ten best results (recall optimize --recall 1 finds all)"
        )
    if rank <= k:
        return "it is outranked by items of another kind or with the query's words in their texts"
    last = f"; the last has a score of {hits[-1].score:.3f}, this one {score:.3f}" if hits else ""
    return f"it is outranked: {rank - 1:,} others match better, and {k} results were requested{last}"
