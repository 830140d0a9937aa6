"""What a search gives: hits, and what is to be said about all of them together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from indexer.types import Modality


@dataclass(frozen=True, slots=True)
class TermScore:
    """What one part of a query has to do with a hit.

    Attributes:
        term: The part: its words, or the name of its picture.
        score: The cosine of part and unit, -1 to 1.
        weight: What the part counts in the query; below 0 it pushes away.
    """

    term: str
    score: float
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """One result.

    Attributes:
        item_id: The item in the catalog.
        unit_id: The unit of it that was found.
        path: Where its file is.
        score: Cosine of query and unit, -1 to 1, higher is better. Text and picture queries have different scales:
            for `compact` a good match scores about .3 for words and .7 for a picture.
        why: The cosine with each part of the query.
        probability: How probable it is that it is right, 0 to 1, as far as photos with captions taught it; None where
            that cannot be known.
        kind: What was found: a photo, or a piece of text.
        text: The piece of text; of a photo what is known of it in words, None where there is nothing.
        format: File format, for instance "JPEG".
        width: Pixels across, upright.
        height: Pixels down, upright.
        taken_at: When it was taken, local time of the camera.
        taken_from: "exif", or "file" where only the file's own time is known.
        latitude: Degrees, north positive.
        longitude: Degrees, east positive.
        camera: Maker and model.
    """

    item_id: int
    unit_id: int
    path: Path
    score: float
    why: tuple[TermScore, ...]
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

    def to_dict(self) -> dict[str, Any]:
        """Return the hit as values that json can write."""
        return {
            "path": str(self.path),
            "score": round(self.score, 6),
            "probability": None if self.probability is None else round(self.probability, 4),
            "why": [{"term": part.term, "score": round(part.score, 6), "weight": part.weight} for part in self.why],
            "kind": str(self.kind),
            "text": self.text,
            "item_id": self.item_id,
            "unit_id": self.unit_id,
            "format": self.format,
            "width": self.width,
            "height": self.height,
            "taken_at": self.taken_at.isoformat() if self.taken_at else None,
            "taken_from": self.taken_from,
            "latitude": self.latitude,
            "longitude": self.longitude,
            "camera": self.camera,
        }


class Hits(list[Hit]):
    """The hits of one query, best first: a list like any other.

    Attributes:
        expected: How many units of the library are right, about: the sum of the probabilities of the 200 best photos
            and the 200 best texts; None where there are no probabilities.
    """

    def __init__(self, hits: Iterable[Hit] = (), *, expected: float | None = None) -> None:
        super().__init__(hits)
        self.expected = expected

    def likely(self, threshold: float) -> Hits:
        """Return the hits that are at least so probable, and those of which that cannot be known."""
        kept = (hit for hit in self if hit.probability is None or hit.probability >= threshold)
        return Hits(kept, expected=self.expected)
