"""Everything about one file and one query."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.catalog.filters.expression import Filter
from indexer.catalog.filters.matching import failed_criteria, matching_ids
from indexer.catalog.statements import items, sources
from indexer.catalog.statements.items import ItemState, Unit
from indexer.config import Settings
from indexer.encoders.base import Encoder
from indexer.errors import LibraryError, PictureError
from indexer.images import Limits, open_picture
from indexer.store import Store
from indexer.types import Modality, ProgressCallback, Vectors
from indexer.vectors.base import inner_products
from retrieval.calibration import THRESHOLD, Calibrator
from retrieval.explain.missing import why_absent, why_stale
from retrieval.explain.rank import standing
from retrieval.explain.regions import Regions, tile_scores
from retrieval.explain.word_effects import WordEffect, word_effects
from retrieval.query.embed import combine_parts, encode_query
from retrieval.query.private_words import photo_shares, text_vectors
from retrieval.query.query import Query
from retrieval.search.engine import EncodedQuery, search
from retrieval.search.hits import Hits, PartScore

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a file is in the answer to a query, or not.

    Attributes:
        path: The file.
        in_results: Whether it is among the k best.
        reasons: Why it is not, or what is to be known beside; in words for people.
        rank: Its place among all items of its kind that pass the filters, 1 for the best; None where it has none.
        total: How many there are.
        score: Cosine of query and unit; None where the file is not in the library.
        probability: That it is right, 0 to 1, as `search` gives it; None where that cannot be known.
        last_score: Score of the last item of the answer, which it would have to beat; None where the answer is empty.
        kind: A photo, or a piece of text.
        text: The piece of text.
        part_scores: Cosine with each part of the query.
        word_effects: What each word and part does for the score.
        regions: What the tiles of the picture have to do with the query; None for texts and files that cannot be read.
        picture: The picture, upright, in RGB; for `save_heat`.
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

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as values that json can write; of the regions only the tiles."""
        plain = {
            name: getattr(self, name)
            for name in ("in_results", "rank", "total", "score", "probability", "last_score", "kind", "text")
        }
        return plain | {
            "path": str(self.path),
            "reasons": list(self.reasons),
            "part_scores": [asdict(part) for part in self.part_scores],
            "word_effects": [asdict(effect) for effect in self.word_effects],
            "regions": [asdict(tile) for tile in self.regions.tiles] if self.regions else None,
        }


def explain(
    store: Store,
    query: Query,
    path: str | os.PathLike[str],
    *,
    load: Callable[[], Encoder],
    settings: Settings,
    calibrator: Calibrator,
    hybrid: bool,
    k: int,
    progress: ProgressCallback | None = None,
) -> Explanation:
    """Return why a file is in the answer to a query, or not.

    Args:
        store: The library.
        query: What was asked, with its filters.
        path: The file, indexed or not.
        load: Gives the encoder; not called for a file that is not in the library.
        settings: Limits of the pictures.
        calibrator: Gives the probability.
        hybrid: Whether words are looked for too.
        k: Length of the answer.
        progress: Told how many regions are encoded.

    Raises:
        LibraryError: The library holds nothing yet.
        QueryError: The query cannot be used.
    """
    known = store.encoder
    if known is None:
        raise LibraryError(f"{store.path} holds nothing yet; run: recall index FOLDER")
    with store.reading() as connection:
        place = sources.canonical_path(connection, path)
        item = items.item_state(connection, place)
        units = items.units_of(connection, item.id, known.id) if item else []
        absent = _why_without(item, place, found=bool(units)) if item else why_absent(connection, place)
    if item is None or absent:
        return Explanation(Path(place), in_results=False, reasons=[absent or ""])
    return _Explaining(store, query, item, units, load(), settings, calibrator, hybrid, k, progress).explanation()


def _why_without(item: ItemState, place: str, *, found: bool) -> str | None:
    """Return why an item has no embedding, None where it has one."""
    if item.failure is not None:
        return f"it could not be indexed ({item.failure}): {item.failure_message}"
    return None if found else f"{place} has no embedding; run: recall check --repair, then recall index"


@dataclass(frozen=True, slots=True)
class _Explaining:
    """An item of the library and a query, on the way to an explanation."""

    store: Store
    query: Query
    item: ItemState
    units: Sequence[Unit]
    encoder: Encoder
    settings: Settings
    calibrator: Calibrator
    hybrid: bool
    k: int
    progress: ProgressCallback | None

    def explanation(self) -> Explanation:
        """Return the explanation."""
        parts = encode_query(self.query, self.encoder, self.settings, store=self.store)
        weights = self.query.part_weights
        vector = combine_parts(parts, weights)
        words = self.query.words if self.hybrid else ""
        pictures = len(self.query.images)
        taught = photo_shares(self.store, self.query.texts)
        question = EncodedQuery(
            self.query.terms, parts, weights, self.query.where, words=words, pictures=pictures, taught=taught
        )
        answer = search(self.store, question, k=self.k, calibrator=self.calibrator)
        found, unit = self._best_unit(vector)
        value = float(inner_products(vector, unit[None])[0])
        removed = self._removed_by()
        rank, among = (None, None) if removed else self._rank(vector, value, found.kind)
        hit = next((hit for hit in answer if hit.item_id == self.item.id), None)
        probability = hit.probability if hit else self._probability(question, unit, found.kind, among)
        if rank is not None and hit is None:
            removed = [_outranked(rank, self.k, value, answer, self._found_by_index())]
        elif hit is not None and hit not in answer.above(THRESHOLD):
            removed = ["recall search hides it as unlikely, unless it is asked for --all"]
        picture, regions, unreadable = self._regions(vector) if found.kind is Modality.PHOTO else (None, None, None)
        scores = zip(self.query.terms, inner_products(unit, parts).tolist(), weights, strict=True)
        return Explanation(
            path=Path(self.item.file),
            in_results=hit is not None,
            reasons=[*removed, *filter(None, (why_stale(self.item), unreadable))],
            rank=rank,
            total=among,
            score=value,
            probability=probability,
            last_score=answer[-1].score if answer else None,
            kind=found.kind,
            text=found.text,
            part_scores=[PartScore(*part) for part in scores],
            word_effects=word_effects(self.query, parts, unit, self._encoded),
            regions=regions,
            picture=picture,
        )

    def _encoded(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of texts, shape (n, d)."""
        return text_vectors(self.store, texts, self.encoder)

    def _best_unit(self, vector: Vectors) -> tuple[Unit, Vectors]:
        """Return the unit of the item that is nearest to the query, and its embedding, shape (d,)."""
        with self.store.locked_index() as index:
            units = [unit for unit in self.units if unit.embedding_id in index.ids]
            if not units:
                raise LibraryError(f"the embedding of {self.item.file} is damaged or just changing; run: recall check")
            vectors = index.vectors(np.array([unit.embedding_id for unit in units], dtype=np.int64))
        best = int(inner_products(vector, vectors).argmax())
        return units[best], vectors[best]

    def _probability(self, question: EncodedQuery, unit: Vectors, kind: Modality, among: int | None) -> float | None:
        """Return the probability of a unit that is in no answer."""
        found = self.calibrator.probabilities(question.asked, unit[None], kind=kind, searched=among or 1)
        return None if found is None else float(found[0])

    def _found_by_index(self) -> float | None:
        """Return the part of the ten best that the index finds, None where it looks at everything."""
        chosen = self.store.choice()
        figures = chosen[0].measurements[0] if chosen else None
        return None if figures is None or figures.kind == "exact" else figures.recall

    def _removed_by(self) -> list[str]:
        """Return the filters that the item does not pass, in words."""
        with self.store.reading() as connection:
            return [] if self.query.where is None else failed_criteria(connection, self.item.id, self.query.where)

    def _rank(self, vector: Vectors, value: float, kind: Modality) -> tuple[int, int]:
        """Return the item's place among the units of its kind that pass the filters, and how many these are."""
        with self.store.locked_index() as index, self.store.reading() as connection:
            known = self.store.encoder
            if known is None:
                return 1, 1  # all was forgotten a moment ago
            kept = Filter.kind(kind) if self.query.where is None else self.query.where & Filter.kind(kind)
            allowed = matching_ids(connection, known.id, kept)
            better, among = standing(index, connection, vector, value=value, item_id=self.item.id, allowed=allowed)
        return better + 1, among

    def _regions(self, vector: Vectors) -> tuple[Image.Image | None, Regions | None, str | None]:
        """Return the picture, what its tiles have to do with the query, and what is wrong where it cannot be read."""
        limits = Limits(max_pixels=self.settings.max_pixels, max_bytes=self.settings.max_bytes)
        try:
            picture, _ = open_picture(Path(self.item.file), limits=limits)
        except PictureError as error:
            return None, None, f"its regions cannot be looked at: {error}"
        return picture, tile_scores(picture, vector, self.encoder, progress=self.progress), None


def _outranked(rank: int, k: int, value: float, answer: Hits, found: float | None) -> str:
    """Return why an item that passes all filters is not in an answer, in words."""
    if rank <= k and found is not None:
        return (
            "it is outranked by others, of another kind or with the query's words in their texts, or the index passed "
            f"it over, which finds {found:.3f} of the ten best (recall optimize --recall 1 looks at everything)"
        )
    if rank <= k:
        return "it is outranked: others, of another kind or with the query's words in their texts, come before it"
    last = f", the last of them with {answer[-1].score:.3f} against {value:.3f}" if answer else ""
    return f"it is outranked: {rank - 1:,} others fit better, and {k} were asked for{last}"
