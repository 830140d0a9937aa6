"""Vectors whose inner products a test can know exactly, and the slow loops that every index is held against."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from indexer.types import Ids, Vectors

HALVES: Vectors = np.array(list(itertools.product((0.5, -0.5), repeat=4)), dtype=np.float32)
"""The 16 vectors of four halves, shape (16, 4): unit length, and their inner products (multiples of 1/4) are exact."""


def ids(*numbers: int) -> Ids:
    """Return ids as an index wants them, shape (n,)."""
    return np.array(numbers, dtype=np.int64)


def unit_vectors(n: int, dim: int, *, seed: int = 0) -> Vectors:
    """Return random unit vectors, shape (n, dim), float32."""
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def clustered_vectors(n: int, dim: int, *, clusters: int, spread: float, seed: int = 0) -> Vectors:
    """Return unit vectors in clusters, as photos of the same things make them, shape (n, dim), float32.

    Args:
        n: Vectors.
        dim: Length of each.
        clusters: Centres that they stand around.
        spread: Length of what is added to a centre, which has length 1.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    centres = unit_vectors(clusters, dim, seed=seed + 1)
    rows = random.standard_normal((n, dim), dtype=np.float32)
    rows *= spread / np.sqrt(dim)
    rows += centres[random.integers(clusters, size=n)]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def slow_search(
    held: Sequence[tuple[int, Sequence[float]]], query: Sequence[float], k: int, allowed: set[int] | None = None
) -> tuple[list[int], list[float]]:
    """Return ids and scores of one search in plain loops, padded with -1 / -inf: what every index has to give."""
    scored = []
    for id_, vector in held:
        if allowed is not None and id_ not in allowed:
            continue
        score = 0.0
        for left, right in zip(query, vector, strict=True):
            score += float(left) * float(right)
        scored.append((-score, id_))
    scored.sort()  # best first, equal scores by id
    padding = k - len(scored)
    return [id_ for _, id_ in scored[:k]] + [-1] * padding, [-score for score, _ in scored[:k]] + [-np.inf] * padding


def mixed_vectors(n: int, basis: Vectors, *, seed: int = 0) -> Vectors:
    """Return unit vectors between those of a basis, shape (n, dim), float32: as spread as embeddings are, and as many.

    Args:
        n: Vectors.
        basis: Of an encoder, shape (b, dim), so that its words find some of them.
        seed: Of the random numbers.
    """
    random = np.random.default_rng(seed)
    one, other, third = (basis[random.integers(len(basis), size=n)] for _ in range(3))
    rows: Vectors = one + 0.7 * other + 0.4 * third
    rows += 0.02 * random.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
