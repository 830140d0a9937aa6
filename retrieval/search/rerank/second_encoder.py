"""`encoder`: orders the best candidates by the score of another encoder."""

from __future__ import annotations

import logging
import re
import threading
import time

import numpy as np

from indexer.encoders import check_name, load_encoder
from indexer.encoders.base import Encoder
from indexer.errors import QueryError
from indexer.forking import ForkSafe, watch_forks
from indexer.registry import Entry
from indexer.store.library_encoder import absolute_encoder_name
from indexer.vectors.base import inner_products
from retrieval.query.embed import encode_query
from retrieval.search.rerank.extra_embeddings import ExtraEmbeddings
from retrieval.search.rerank.normalize import rescale
from retrieval.search.rerank.protocol import Context, Ranking, Step

logger = logging.getLogger(__name__)

ENTRY = Entry(
    name="encoder",
    syntax="encoder:NAME[:N]",
    help="score the N best candidates with another encoder",
    default="50",
)

_DEFAULT = int(ENTRY.default)
"""Number of candidates that are scored."""


class SecondEncoder(ForkSafe):
    """Orders the best candidates by their cosine with the query under another encoder; the others follow unchanged.

    A photo is encoded when it is first among the best candidates, and its embedding is stored in the catalog until the
    photo changes. Texts are compared with the query as text with text. A photo whose file is missing or has changed
    since it was indexed gets no such score; it keeps its former score, on the scale of the others.
    """

    def __init__(self, encoder: str | Encoder, depth: int = _DEFAULT) -> None:
        """Set the encoder; it is loaded when it is first used.

        Args:
            encoder: The name of an encoder, or an encoder.
            depth: Number of candidates that are scored, at least 1.

        Raises:
            QueryError: The number of candidates is below 1.
            EncoderNotFoundError: No encoder has such a name.
        """
        if depth < 1:
            raise QueryError(f"the encoder would score {depth} candidates; expected at least 1")
        if isinstance(encoder, str):
            check_name(encoder)
        self._name = encoder if isinstance(encoder, str) else encoder.name
        self._encoder = None if isinstance(encoder, str) else encoder
        self._lock = threading.Lock()
        self.depth = depth
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have a lock of this process."""
        self._lock = threading.Lock()

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates by the other encoder's score.

        Raises:
            EncoderNotFoundError: The encoder is not on this machine and cannot be downloaded.
            QueryError: A picture of the query cannot be read, its parts cancel out under this encoder, or one is a
                vector, which is of the library's encoder.
        """
        if context.query.vectors:
            raise QueryError(
                f"encoder:{self._name} cannot score a vector, which is of the library's encoder; leave it out"
            )
        scores = np.full(len(ranking), np.nan, dtype=np.float32)
        unit_ids = [item.unit_id for item in ranking.candidates.items[: self.depth]]
        if unit_ids:
            encoder = self._load(context)
            start = time.perf_counter()
            query = encode_query(context.query, encoder, store=context.store).vector
            vectors = ExtraEmbeddings(encoder, context).vectors(unit_ids)
            for row, unit_id in enumerate(unit_ids):
                if unit_id in vectors:
                    scores[row] = inner_products(query, vectors[unit_id][None])[0]
            seconds = time.perf_counter() - start
            logger.info("reranked %d of %d by %s in %.1f s", len(vectors), len(unit_ids), encoder.name, seconds)
        step = Step(f"encoder:{self._name}", scores)
        return ranking.reorder(step, rescale(scores, ranking.score), depth=self.depth)

    def _load(self, context: Context) -> Encoder:
        """Return the encoder, loaded on the first call."""
        with self._lock:
            if self._encoder is None:
                settings = context.settings
                name = absolute_encoder_name(self._name)
                self._encoder = load_encoder(name, device=settings.device, batch_size=settings.batch_size)
            return self._encoder


def make(argument: str) -> SecondEncoder:
    """Return the reranker for NAME or NAME:N, what follows the colon.

    Raises:
        QueryError: There is no name, or N is below 1.
    """
    if not argument:
        raise QueryError("encoder has no name; expected encoder:NAME, for instance encoder:compact+int8")
    counted = re.fullmatch(r"(.+):(-?\d{1,9})", argument, flags=re.DOTALL)
    return SecondEncoder(counted[1], int(counted[2])) if counted else SecondEncoder(argument)
