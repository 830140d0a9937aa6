"""Rankings of made-up photos, for tests of rerankers that look at nothing but the candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, cast

import numpy as np

from indexer.catalog.statements.items import ItemDetails
from indexer.types import Modality
from retrieval import Context, Ranking, Step
from retrieval.search.candidates import Candidates
from retrieval.search.rerank.registry import make_rerankers

UNUSED = cast(Context, None)
"""The context of a reranker that does not use it."""


def item(
    number: int, time: str | None = None, taken_from: str | None = "exif", kind: Modality = Modality.PHOTO
) -> ItemDetails:
    """Return a photo whose ids are `number`, taken on 2024-05-01 at a time of day."""
    values: dict[str, Any] = dict.fromkeys(ItemDetails._fields)
    values |= {"embedding_id": number, "item_id": number, "unit_id": number, "path": f"/photos/{number}.jpg"}
    taken_at = datetime.fromisoformat(f"2024-05-01T{time}") if time else None
    return ItemDetails(**(values | {"kind": kind, "taken_at": taken_at, "taken_from": taken_from}))


def candidates(
    scores: Sequence[float], degrees: Sequence[float] | None = None, items: Sequence[ItemDetails] | None = None
) -> Candidates:
    """Return candidates with these scores, whose embeddings have these directions in a plane; items are 1, 2, …."""
    angles = np.radians(degrees or [0.0] * len(scores))
    return Candidates(
        items or [item(number) for number in range(1, len(scores) + 1)],
        np.array(scores, dtype=np.float32),
        np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32),
    )


def rerank(names: Sequence[str], found: Candidates, *, steps: Sequence[Step] = ()) -> Ranking:
    """Return the ranking after these rerankers, of candidates that earlier steps have scored."""
    ranking = replace(Ranking.from_candidates(found), steps=tuple(steps))
    for reranker in make_rerankers(names):
        ranking = reranker.rerank(ranking, UNUSED)
    return ranking


def ids(ranking: Ranking) -> list[int]:
    """Return the item ids in order."""
    return [item.item_id for item in ranking.candidates.items]
