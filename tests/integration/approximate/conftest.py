"""An exact index of clustered vectors, and an inverted file of each kind over them."""

from __future__ import annotations

import pytest

from indexer.types import Ids, Vectors
from indexer.vectors import new_index
from indexer.vectors.base import MutableIndex
from indexer.vectors.faiss_ivf import InvertedFile, InvertedFileBuilder
from indexer.vectors.kinds import APPROXIMATE_KINDS, Kind
from tests.support.clusters import DIM, clustered_rows, ids_with_gaps


@pytest.fixture(scope="module")
def rows() -> Vectors:
    return clustered_rows()


@pytest.fixture(scope="module")
def row_ids() -> Ids:
    """Return the ids of the rows, with gaps."""
    return ids_with_gaps()


@pytest.fixture
def exact(rows: Vectors, row_ids: Ids) -> MutableIndex:
    index = new_index(DIM)
    index.add(row_ids, rows)
    return index


@pytest.fixture(scope="module")
def built(rows: Vectors, row_ids: Ids) -> dict[Kind, InvertedFile]:
    """Return an inverted file of each kind."""
    index = new_index(DIM)
    index.add(row_ids, rows)
    builder = InvertedFileBuilder(index.ids, index.vectors, DIM, progress=None)
    return {kind: builder.build(kind) for kind in APPROXIMATE_KINDS}
