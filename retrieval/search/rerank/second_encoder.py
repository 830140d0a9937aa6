"""`encoder`: the best candidates by another encoder's score."""

from __future__ import annotations

import logging
import threading
import time

import numpy as np

from indexer.encoders import check_name, load_encoder
from indexer.encoders.base import Encoder
from indexer.errors import QueryError
from indexer.store.library_encoder import absolute_encoder_name
from indexer.vectors.base import inner_products
from retrieval.query.embed import combine_parts, encode_query
from retrieval.search.rerank.extra_embeddings import ExtraEmbeddings
from retrieval.search.rerank.normalize import on_scale
from retrieval.search.rerank.protocol import Context, Ranking, Step

logger = logging.getLogger(__name__)

DEFAULT = 50
"""Candidates that are scored."""


class SecondEncoder:
    """Orders the best candidates by their cosine with the query under another encoder; the others follow unchanged.

    Photos are encoded when they first come among the best, and never again: the catalog keeps the embeddings until the
    photo changes. Texts are scored text to text. A photo whose file is gone, or has changed since it was indexed, has
    no such score; it goes by its old one, on the scale of the others.
    """

    def __init__(self, encoder: str | Encoder, first: int = DEFAULT) -> None:
        """Make one; nothing is loaded before it is used.

        Args:
            encoder: By name, or as an object.
            first: Candidates that are scored, at least 1.

        Raises:
            QueryError: There would be none.
            EncoderNotFoundError: The name has none of the forms that encoders have.
        """
        if first < 1:
            raise QueryError(f"{first} candidates are to be scored by another encoder; expected at least 1")
        if isinstance(encoder, str):
            check_name(encoder)
        self._asked = encoder
        self._encoder = None if isinstance(encoder, str) else encoder
        self._loading = threading.Lock()
        self.first = first

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by the other encoder's score.

        Raises:
            EncoderNotFoundError: It is not on this machine and cannot be downloaded.
            QueryError: A picture of the query cannot be read, or its parts cancel out under this encoder.
        """
        scores = np.full(len(ranking), np.nan, dtype=np.float32)
        unit_ids = [item.unit_id for item in ranking.candidates.items[: self.first]]
        if unit_ids:
            encoder = self._loaded(context)
            start = time.perf_counter()
            parts = encode_query(context.query, encoder, context.settings, store=context.store)
            query = combine_parts(parts, context.query.part_weights)
            found = ExtraEmbeddings(encoder, context).vectors(unit_ids)
            for row, unit_id in enumerate(unit_ids):
                if unit_id in found:
                    scores[row] = inner_products(query, found[unit_id][None])[0]
            seconds = time.perf_counter() - start
            logger.info("re-ranked %d of %d by %s in %.1f s", len(found), len(unit_ids), encoder.name, seconds)
        name = self._asked if isinstance(self._asked, str) else self._asked.name
        return ranking.scored(Step(f"encoder:{name}", scores), on_scale(scores, ranking.score), first=self.first)

    def _loaded(self, context: Context) -> Encoder:
        with self._loading:
            if self._encoder is None:
                settings = context.settings
                name = absolute_encoder_name(str(self._asked))
                self._encoder = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
            return self._encoder
