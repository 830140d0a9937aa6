"""What a search gives: hits, and what is to be said about all of them together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.errors import MissingPackageError, QueryError
from indexer.types import Modality, with_offset

if TYPE_CHECKING:
    from pandas import DataFrame


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
    """What a reranker made of a hit.

    Attributes:
        step: The reranker, as it was asked for.
        score: Its score, on a scale of its own.
    """

    step: str
    score: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        item_id: The item in the catalog.
        unit_id: The unit of it that was found.
        path: Where its file is; of a table's row its picture, or the table where it has none.
        score: Cosine of query and unit, -1 to 1, higher is better. Text and picture queries have different scales:
            for `compact` a good match scores about .3 for words and .7 for a picture.
        part_scores: Cosine with each part of the query.
        probability: That it is right, 0 to 1; None where that cannot be known.
        kind: What was found: a photo, or a piece of text.
        text: The piece of text; of a photo what is known of it in words, None where there is nothing.
        format: File format, for instance "JPEG".
        width: Pixels across, upright.
        height: Pixels down, upright.
        taken_at: When it was taken, local time of the camera.
        taken_from: "exif", "xmp" (also a sidecar), "iptc", or "file" where only the file's own time is known.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
        lens: Its name.
        utc_offset: Minutes that `taken_at` is ahead of UTC, where the camera says so.
        rating: Stars, 0 to 5; -1 for rejected.
        title: In words of the photographer.
        description: In words of the photographer, or of the camera.
        tags: Keywords.
        approximate: Whether the embedding is derived from a former encoder's, so that the score is an estimate.
        row: Of a table's row its id, else None.
        words: Words of the query that its text has, where it was searched for words too.
        rerank: What the rerankers made of it, in their order; those that give no score are not named.
        members: The other photos of the same moment, in their order, where `bursts` made one hit of them.
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
    approximate: bool = False
    row: str | None = None
    words: tuple[str, ...] = ()
    rerank: tuple[RerankScore, ...] = ()
    members: tuple[Hit, ...] = ()

    @property
    def count(self) -> int:
        """How many photos the hit stands for, itself included."""
        return 1 + sum(member.count for member in self.members)

    def expanded(self) -> Iterator[Hit]:
        """Yield the hit and then all that it stands for."""
        yield self
        for member in self.members:
            yield from member.expanded()

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as values that json can write."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {
            "path": str(self.path),
            "score": round(self.score, 6),
            "probability": None if self.probability is None else round(self.probability, 4),
            "part_scores": [
                {"part": part.part, "score": round(part.score, 6), "weight": part.weight} for part in self.part_scores
            ],
            "kind": str(self.kind),
            "taken_at": with_offset(self.taken_at, self.utc_offset).isoformat() if self.taken_at else None,
            "tags": list(self.tags),
            "words": list(self.words),
            "rerank": [{"step": step.step, "score": round(step.score, 6)} for step in self.rerank],
            "count": self.count,
            "members": [str(member.path) for member in self.expanded()][1:],
        }


class Hits(list[Hit]):
    """The hits of one query, best first: a list like any other, and what is to be said about all of it.

    Attributes:
        expected: How many of the library's photos and texts are right, about: the sum of the probabilities of the best
            of each kind, `retrieval.calibration.DEPTH` of them or as many as were asked for. Where these are all likely
            there are more. None where there are no probabilities.
        query_word_count: How many words of the query were looked for in texts; "a" and "the" are not among them.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, expected: float | None = None, query_word_count: int = 0) -> None:
        super().__init__(hits)
        self.expected = expected
        self.query_word_count = query_word_count

    def above(self, threshold: float) -> Hits:
        """Return the hits that are at least so probable; those of which that cannot be known stay.

        So do those that have at least half of the words that were looked for: what a photo looks like says nothing
        about who is on it.

        Raises:
            QueryError: The threshold is not from 0 to 1.
        """
        if not 0 <= threshold <= 1:
            raise QueryError(f"the threshold is {threshold:g}; expected a probability from 0 to 1")
        kept = (hit for hit in self if _stays(hit, threshold, self.query_word_count))
        return Hits(kept, expected=self.expected, query_word_count=self.query_word_count)

    def to_frame(self) -> DataFrame:
        """Return the hits as a pandas DataFrame, a row each, best first; its columns are those of `Hit`.

        Each entry of `part_scores` and `rerank` has a column: the cosine with the part "a cat" is in "part: a cat".

        Raises:
            MissingPackageError: pandas is not installed.
        """
        try:
            import pandas as pd  # late: searching needs none of it
        except ImportError as error:
            raise MissingPackageError(
                "hits as a table need pandas; run: pip install 'recall-photos[tables]'"
            ) from error
        rows = []
        for hit in self:
            values = {
                field.name: getattr(hit, field.name)
                for field in fields(hit)
                if field.name not in ("part_scores", "rerank")
            }
            values |= {
                "path": str(hit.path),
                "kind": str(hit.kind),
                "members": [str(each.path) for each in hit.members],
            }
            values |= {f"part: {part.part}": part.score for part in hit.part_scores}
            rows.append(values | {f"rerank: {step.step}": step.score for step in hit.rerank})
        return pd.DataFrame(rows)


def _stays(hit: Hit, threshold: float, query_word_count: int) -> bool:
    return (
        hit.probability is None
        or hit.probability >= threshold
        or (query_word_count > 0 and 2 * len(hit.words) >= query_word_count)
    )
