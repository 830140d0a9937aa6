"""The result of a search: Hit and Hits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from indexer.catalog.statements.item import PictureSource, open_picture
from indexer.errors import QueryError
from indexer.types import Modality, with_offset
from retrieval.calibration import THRESHOLD
from retrieval.query.understanding.understood import Understood
from retrieval.search.frames import hits_frame
from retrieval.search.word_evidence import WordHit

if TYPE_CHECKING:
    from pandas import DataFrame
    from PIL import Image

    from retrieval.calibration.expected import Expected

_HALF = 0.5
"""Word evidence from which on hits are shown whatever their probability."""


@dataclass(frozen=True, slots=True)
class PartScore:
    """The score of a hit for one part of the query.

    Attributes:
        part: The text, or the name of the picture.
        score: Cosine of part and unit, -1 to 1.
        weight: Weight of the part in the query; a negative one pushes similar items away.
    """

    part: str
    score: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class RerankScore:
    """The score of a hit by one reranker.

    Attributes:
        step: The reranker, as it was written in the search.
        score: Its score, on a scale of its own.
    """

    step: str
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of a search.

    Attributes:
        item_id: Id of the item in the catalog.
        unit_id: Id of the unit that was found.
        path: Path of the item's file; for a row of a table, its picture, or the table if it has none; for an added
            item without a file, "collection:" and the name of its collection.
        score: Cosine of query and unit, -1 to 1, higher is better. Text and picture queries have different scales:
            with `compact` a good match scores about .3 for a text and .7 for a picture.
        part_scores: Cosine with each part of the query.
        probability: Match probability, 0 to 1; None if it cannot be known.
        kind: Kind of the unit: a photo or a text.
        text: The text that was found; for a photo, its searchable metadata, None if it has none.
        format: File format, for instance "JPEG".
        width: Width in pixels, upright.
        height: Height in pixels, upright.
        taken_at: Time of the photo, local time of the camera.
        taken_from: Origin of `taken_at`: "exif", "xmp" (also a sidecar), "iptc", "png" (its own text), "takeout"
            (Google Takeout's JSON file), "name" for a date in the file's name, or "file" for the file's own time.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
        lens: Name of the lens.
        utc_offset: Minutes by which `taken_at` is ahead of UTC; None if the camera does not record it.
        rating: 0 to 5; -1 for rejected.
        title: Title by the photographer.
        description: Description by the photographer, or by the camera.
        tags: Keywords.
        people: Names of the people in the photo.
        places: Names of the places where it was taken or that it shows.
        approximate: Whether the embedding is derived from a former encoder's, so that the score is an estimate.
        row: Id of the row in a table, or of an added item; None for other items.
        id: The id of an added item; else its path, of a table's row followed by # and the row's id.
        collection: The collection of an added item; None for other items.
        uri: Where an added item is from, as the app gave it.
        metadata: The metadata of an added item; empty for other items.
        found: Words of the query that the item has in its names, metadata or text, in hybrid search, and where.
        word_evidence: Share of what the query's words tell that these words tell, 0 to 1.
        rerank: Scores by the rerankers, in their order; those without a score for the hit are left out.
        members: Other photos of the same burst, in their order, if the reranker `bursts` grouped them.
    """

    item_id: int
    unit_id: int
    path: Path
    score: float
    part_scores: tuple[PartScore, ...]
    probability: float | None = None
    kind: Modality = Modality.PHOTO
    text: str | None = None
    format: str | None = None
    width: int | None = None
    height: int | None = None
    taken_at: datetime | None = None
    taken_from: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    camera: str | None = None
    lens: str | None = None
    utc_offset: int | None = None
    rating: int | None = None
    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    approximate: bool = False
    row: str | None = None
    id: str = ""
    collection: str | None = None
    uri: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    found: tuple[WordHit, ...] = ()
    word_evidence: float = 0.0
    rerank: tuple[RerankScore, ...] = ()
    members: tuple[Hit, ...] = ()
    _pictures: PictureSource | None = field(default=None, repr=False, compare=False)

    def picture(self) -> Image.Image:
        """Return the item's picture as the library stores it, original or preview, else that of its file; upright RGB.

        Raises:
            PictureError: It has none, or it cannot be read.
            LibraryError: The library is closed, or the hit does not come from one.
        """
        return open_picture(self._pictures, self.item_id, self.path)

    @property
    def words(self) -> tuple[str, ...]:
        """The words of `found`."""
        return tuple(hit.word for hit in self.found)

    @property
    def count(self) -> int:
        """Number of photos in the hit, itself included."""
        return 1 + sum(member.count for member in self.members)

    def expanded(self) -> Iterator[Hit]:
        """Yield the hit and all its members."""
        yield self
        for member in self.members:
            yield from member.expanded()

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as values for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "_pictures"}
        return plain | {
            "metadata": dict(self.metadata),
            "path": str(self.path),
            "score": round(self.score, 6),
            "probability": None if self.probability is None else round(self.probability, 4),
            "part_scores": [
                {"part": part.part, "score": round(part.score, 6), "weight": part.weight} for part in self.part_scores
            ],
            "kind": str(self.kind),
            "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
            "tags": list(self.tags),
            "people": list(self.people),
            "places": list(self.places),
            "words": list(self.words),
            "found": [hit._asdict() for hit in self.found],
            "word_evidence": round(self.word_evidence, 4),
            "rerank": [{"step": step.step, "score": round(step.score, 6)} for step in self.rerank],
            "count": self.count,
            "members": [str(member.path) for member in self.expanded()][1:],
        }


class Hits(list[Hit]):
    """The hits of one query, best first: a list with six more attributes.

    Attributes:
        expected: Number of photos and texts in the library that are expected to match, with a 90 % interval. It does
            not depend on how many hits were asked for. None without probabilities, and if a part is excluded.
        cutoff: Hits with a lower match probability are unlikely, and the program hides them: 5 %, or a tenth of the
            best.
        offset: Number of results before the first of these, on earlier pages.
        fingerprint: Fingerprint of the encoder that ranked them, its adapter included; "" if it is not known.
        understood: What dates, places, cameras and negations in the words of the query were understood as; None if all
            words were searched for as they are.
        unknown_words: Words of the query that the encoder does not know, each with up to three suggestions. Always
            empty for encoders whose vocabulary nobody has listed, which are all but `compact`.
    """

    expected: Expected | None
    cutoff: float
    understood: Understood | None
    unknown_words: Mapping[str, Sequence[str]]

    def __init__(
        self,
        hits: Iterable[Hit] = (),
        *,
        expected: Expected | None = None,
        cutoff: float = THRESHOLD,
        offset: int = 0,
        fingerprint: str = "",
        understood: Understood | None = None,
        unknown_words: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        super().__init__(hits)
        self.expected = expected
        self.cutoff = cutoff
        self.offset = offset
        self.fingerprint = fingerprint
        self.understood = understood
        self.unknown_words = unknown_words

    @overload
    def __getitem__(self, index: SupportsIndex) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Hit | Hits:
        """Return a hit, or the hits of a slice, which are `Hits` with the same attributes."""
        return self._with(super().__getitem__(index)) if isinstance(index, slice) else super().__getitem__(index)

    def above(self, threshold: float) -> Hits:
        """Return the hits with at least this match probability.

        Hits without a probability stay. So do hits that have at least half of what the query's words tell: the look of
        a photo does not tell who is in it.

        Raises:
            QueryError: The threshold is not from 0 to 1.
        """
        if not 0 <= threshold <= 1:
            raise QueryError(f"the threshold is {threshold:g}; expected a probability from 0 to 1")
        return self._with(hit for hit in self if _passes(hit, threshold))

    def expanded(self) -> Hits:
        """Return the hits, each followed by the other photos of its burst."""
        return self._with(member for hit in self for member in hit.expanded())

    def _with(self, hits: Iterable[Hit]) -> Hits:
        """Return other hits of the same search."""
        return Hits(
            hits,
            expected=self.expected,
            cutoff=self.cutoff,
            offset=self.offset,
            fingerprint=self.fingerprint,
            understood=self.understood,
            unknown_words=self.unknown_words,
        )

    def to_frame(self) -> DataFrame:
        """Return the hits as a pandas DataFrame with one row per hit, best first; its columns are the fields of `Hit`.

        Each entry of `part_scores`, `rerank` and `metadata` has a column: the cosine with the part "a cat" is in
        "part: a cat", the metadata `price` in "metadata: price".

        Raises:
            MissingPackageError: pandas is not installed.
        """
        columns = [field.name for field in fields(Hit) if field.name not in ("part_scores", "rerank", "_pictures")]
        return hits_frame(self, columns)

    def _repr_html_(self) -> str:
        """Return the hits for a notebook: the first 24 with thumbnails, ranks and match probabilities."""
        from retrieval.search.gallery import hits_html  # late: only notebooks need it

        return hits_html(self, offset=self.offset)


def _passes(hit: Hit, threshold: float) -> bool:
    """Return whether a hit is probable enough, or has half of what the query's words tell."""
    return hit.probability is None or hit.probability >= threshold or hit.word_evidence >= _HALF
