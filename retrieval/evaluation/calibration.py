"""Quality of the match probabilities of a search, measured on captioned pictures."""

from __future__ import annotations

import numpy as np

from indexer.types import Ids, Modality, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import ModelKey, non_increasing, probabilities

TOP_HITS = 10
"""Hits per query that the calibration error is measured on: those on the first page."""

COUNTED_HITS = 200
"""Hits per query whose probabilities add up to the expected number of matches, as in a search."""

MAX_QUERIES = 1000
"""Captions that are used as queries; of more, evenly spaced ones."""

SAMPLE = 256
"""Pictures that represent the whole set, as in a search."""


def calibration_quality(texts: Vectors, images: Vectors, pairs: Ids, prompts: Vectors) -> dict[str, float]:
    """Return calibration error and AUROC of the text-to-image probabilities; empty if there are none.

    Each caption is a query twice: over all pictures, and over all but its own. Only its own pictures count as correct,
    though the caption may describe others too. Captions of all pictures are left out. The calibration error is that of
    the 10 best hits of the first list, in 15 bins of equal size. The AUROC says how often the list with its pictures
    has the higher best probability, and the higher expected number of matches.

    Args:
        texts: Unit vectors of the captions, shape (t, d).
        images: Unit vectors of the pictures, shape (n, d).
        pairs: Each caption with a picture that it describes, shape (p, 2), ascending.
        prompts: Unit vectors of the background prompts, shape (b, d).
    """
    background = background_queries([prompts], [1.0])
    top_values: list[Numbers] = []
    is_correct = []
    sums: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    queries = np.unique(np.linspace(0, len(texts) - 1, min(MAX_QUERIES, len(texts))).astype(np.int64))
    for query in queries.tolist():
        text, own = texts[query], pairs[pairs[:, 0] == query, 1]
        if len(own) == len(images):
            continue  # without its own pictures it would have no list
        for is_present in (True, False):
            pool = np.arange(len(images)) if is_present else np.delete(np.arange(len(images)), own)
            order = pool[np.argsort(-(images[pool] @ text), kind="stable")[:COUNTED_HITS]]
            sample = images[pool[np.unique(np.linspace(0, len(pool) - 1, min(SAMPLE, len(pool))).astype(np.int64))]]
            stats = background_stats(background, sample, has_image=False)
            found = compute_evidence(text, images[order], stats, population=len(pool))
            if found is None:
                return {}
            values = non_increasing(probabilities(found, ModelKey(has_image=False, kind=Modality.PHOTO)))
            sums[is_present].append((values[0], values.sum()))
            if is_present:
                top_values.append(values[:TOP_HITS])
                is_correct.append(np.isin(order[:TOP_HITS], own))
    if not top_values:
        return {}
    with_picture, without = np.array(sums[True]), np.array(sums[False])  # (t, 2)
    return {
        "calibration_error": calibration_error(np.concatenate(top_values), np.concatenate(is_correct)),
        "auroc_best": auroc(with_picture[:, 0], without[:, 0]),
        "auroc_expected": auroc(with_picture[:, 1], without[:, 1]),
    }
