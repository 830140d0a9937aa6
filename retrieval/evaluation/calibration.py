"""How good the probabilities are that a search gives its hits, measured on captioned pictures."""

from __future__ import annotations

import numpy as np

from indexer.types import Ids, Modality, Vectors
from retrieval.calibration.evidence import Numbers, background_queries, background_stats, compute_evidence
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import ModelKey, non_increasing, probabilities

SHOWN = 10
"""Hits of each query that the calibration error is measured on: those that a person sees."""

COUNTED = 200
"""Hits of each query whose probabilities add up to the expected number, as in a search."""

MOST = 1000
"""Captions that ask; of more, evenly chosen ones."""

DRAWN = 256
"""Pictures that stand for the whole set, as in a search."""


def calibration_quality(texts: Vectors, images: Vectors, owners: Ids, prompts: Vectors) -> dict[str, float]:
    """Return calibration error and AUROC of the probabilities from words to pictures; empty where there are none.

    Each caption asks twice: of all pictures, and of all but its own. Of a caption only its own picture counts as right,
    though it may describe others too. The calibration error is that of the 10 best of the first list, in 15 bins of
    equal number; the AUROC says how often the list with the picture has the higher best probability, and the
    higher expected number.

    Args:
        texts: Unit vectors of the captions, shape (t, d).
        images: Unit vectors of the pictures, shape (n, d).
        owners: Which picture each caption describes, shape (t,).
        prompts: Unit vectors of the background prompts, shape (b, d).
    """
    if len(images) < 2:
        return {}  # without its own picture a caption would have no list
    others = background_queries([prompts], [1.0])
    shown: list[Numbers] = []
    right = []
    sums: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    asking = np.unique(np.linspace(0, len(texts) - 1, min(MOST, len(texts))).astype(np.int64))
    for text, owner in zip(texts[asking], owners[asking].tolist(), strict=True):
        for present in (True, False):
            kept = np.arange(len(images)) if present else np.delete(np.arange(len(images)), owner)
            order = kept[np.argsort(-(images[kept] @ text), kind="stable")[:COUNTED]]
            sample = images[kept[np.unique(np.linspace(0, len(kept) - 1, min(DRAWN, len(kept))).astype(np.int64))]]
            background = background_stats(others, sample, has_image=False)
            found = compute_evidence(text, images[order], background, population=len(kept))
            if found is None:
                return {}
            values = non_increasing(probabilities(found, ModelKey(has_image=False, kind=Modality.PHOTO)))
            sums[present].append((values[0], values.sum()))
            if present:
                shown.append(values[:SHOWN])
                right.append(order[:SHOWN] == owner)
    with_it, without = np.array(sums[True]), np.array(sums[False])  # (t, 2)
    return {
        "calibration_error": calibration_error(np.concatenate(shown), np.concatenate(right)),
        "auroc_best": auroc(with_it[:, 0], without[:, 0]),
        "auroc_expected": auroc(with_it[:, 1], without[:, 1]),
    }
