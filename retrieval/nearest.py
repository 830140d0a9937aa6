"""The units nearest to a query among those that a filter keeps: never one too few."""

from __future__ import annotations

import numpy as np
from sqlalchemy import Connection

from indexer.catalog.filters import Filter
from indexer.catalog.kept import kept_ids, which_pass
from indexer.catalog.queries import PAGE
from indexer.types import Ids, Vectors
from indexer.vectors.base import VectorIndex

AHEAD = 8
"""Units that are looked at for each that is wanted, before the filter is asked for all that it keeps: enough where it
keeps an eighth of the library and more. FAISS finds them in the time in which it finds one."""

SPARE = 64
"""Units that are looked at beyond these, so that chance matters less where few are wanted."""


class NearestKept:
    """Finds the nearest units of one query that a filter keeps."""

    def __init__(
        self, index: VectorIndex, connection: Connection, encoder_id: int, query: Vectors, where: Filter | None
    ) -> None:
        """Remember what is searched.

        Args:
            index: The index of the encoder's embeddings.
            connection: Of the catalog.
            encoder_id: The encoder.
            query: Unit vector, shape (d,).
            where: What is kept; None keeps all.
        """
        self._index, self._connection, self._encoder_id = index, connection, encoder_id
        self._query, self._where = query, where
        self._allowed: Ids | None = None

    def best(self, wanted: int) -> tuple[Ids, Vectors]:
        """Return ids and scores of the nearest units, (n,) each, best first, ties by id; all where there are fewer.

        Where the filter lets enough of the very nearest pass, these are the answer, and nobody has to know what else it
        keeps. Otherwise it keeps little, or what is unlike the query: then exactly that is searched.
        """
        if self._where is None:
            return self._search(wanted)
        ahead = AHEAD * wanted + SPARE
        if self._allowed is None and ahead < min(PAGE, len(self._index)):
            ids, scores = self._search(ahead)
            passing = which_pass(self._connection, ids.tolist(), self._where)
            rows = np.flatnonzero(np.isin(ids, list(passing)))[:wanted]
            if len(rows) == wanted:
                return ids[rows], scores[rows]
        if self._allowed is None:
            self._allowed = kept_ids(self._connection, self._encoder_id, self._where)
        return self._search(wanted, self._allowed)

    def _search(self, wanted: int, allowed: Ids | None = None) -> tuple[Ids, Vectors]:
        wanted = min(wanted, len(self._index) if allowed is None else len(allowed))
        if not wanted:
            return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32)
        nearest = self._index.search(self._query[None], wanted, allowed=allowed)
        held = nearest.ids[0] != -1
        return nearest.ids[0][held], nearest.scores[0][held]
