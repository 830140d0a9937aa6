"""Vectors with exact inner products, random vectors, and the plain loops that every index is compared with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from indexer.types import Ids, Vectors

HALVES: Vectors = np.array(list(itertools.product((0.5, -0.5), repeat=4)), dtype=np.float32)
"""The 16 vectors of four halves, shape (16, 4): unit length, with exact inner products (multiples of 1/4)."""


def ids(*numbers: int) -> Ids:
    """Return ids as an array, shape (n,), int64."""
    return np.array(numbers, dtype=np.int64)


def unit_vectors(n: int, dim: int, *, seed: int = 0) -> Vectors:
    """Return random unit vectors, shape (n, dim), float32."""
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    scaled: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def clustered_vectors(n: int, dim: int, *, clusters: int, spread: float, seed: int = 0) -> Vectors:
    """Return unit vectors in clusters, like those of photos of the same things, shape (n, dim), float32.

    Args:
        n: Number of vectors.
        dim: Length of a vector.
        clusters: Number of clusters.
        spread: Expected length of the noise that is added to a centre of length 1.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    centres = unit_vectors(clusters, dim, seed=seed + 1)
    rows = random.standard_normal((n, dim), dtype=np.float32)
    rows *= spread / np.sqrt(dim)
    rows += centres[random.integers(clusters, size=n)]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def slow_search(
    stored: Sequence[tuple[int, Sequence[float]]], query: Sequence[float], k: int, allowed: set[int] | None = None
) -> tuple[list[int], list[float]]:
    """Return ids and scores of one search by plain loops, padded with -1 / -inf."""
    results = []
    for id_, vector in stored:
        if allowed is not None and id_ not in allowed:
            continue
        score = 0.0
        for left, right in zip(query, vector, strict=True):
            score += float(left) * float(right)
        results.append((-score, id_))
    results.sort()  # best first, equal scores by id
    padding = k - len(results)
    return [id_ for _, id_ in results[:k]] + [-1] * padding, [-score for score, _ in results[:k]] + [-np.inf] * padding


def mixed_vectors(n: int, basis: Vectors, *, seed: int = 0) -> Vectors:
    """Return unit vectors between those of a basis, shape (n, dim), float32, which are distributed like embeddings.

    Args:
        n: Number of vectors.
        basis: Text vectors of an encoder, shape (b, dim), so that texts find some of the vectors.
        seed: Seed of the random numbers.
    """
    random = np.random.default_rng(seed)
    one, other, third = (basis[random.integers(len(basis), size=n)] for _ in range(3))
    rows: Vectors = one + 0.7 * other + 0.4 * third
    rows += 0.02 * random.standard_normal(rows.shape, dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
