"""The steps of an epoch: which queries and photos each step is computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.tuning.lora.labels import GOOD, Labels
from retrieval.tuning.lora.lora_plan import LoraPlan


@dataclass(frozen=True, slots=True, eq=False)
class TrainingStep:
    """The queries and photos of one step.

    Attributes:
        queries: Numbers of the queries.
        photos: Rows of their good and wrong photos, each once.
        drift_photos: Rows of unjudged photos whose drift is measured.
        drift_prompts: Numbers of general prompts whose drift is measured.
    """

    queries: tuple[int, ...]
    photos: tuple[int, ...]
    drift_photos: tuple[int, ...]
    drift_prompts: tuple[int, ...]


def epoch_steps(
    labels: Labels,
    negatives: Sequence[Sequence[int]],
    plan: LoraPlan,
    *,
    epoch: int,
    unjudged: range,
    prompts: int,
) -> list[TrainingStep]:
    """Return the steps of an epoch; they depend on seed and epoch alone, so a resumed training repeats them.

    Args:
        labels: See `label_photos`.
        negatives: See `mine_hard_negatives`.
        plan: Sizes and the seed.
        epoch: Its number.
        unjudged: Rows of the unjudged photos.
        prompts: Number of general prompts.
    """
    random = np.random.default_rng([plan.seed, epoch])
    order = random.permutation(len(labels))
    steps = []
    for start in range(0, len(order), plan.batch):
        numbers = [int(number) for number in order[start : start + plan.batch]]
        photos: dict[int, None] = {}
        for number in numbers:
            photos[_choose_one(np.flatnonzero(labels[number] == GOOD), random)] = None
            photos.update(dict.fromkeys(_choose(negatives[number], plan.negatives, random)))
        drift_photos = _choose(unjudged, plan.drift_samples, random)
        drift_prompts = _choose(range(prompts), plan.drift_samples, random)
        steps.append(TrainingStep(tuple(numbers), tuple(photos), tuple(drift_photos), tuple(drift_prompts)))
    return steps


def _choose_one(rows: NDArray[Any], random: np.random.Generator) -> int:
    return int(rows[random.integers(len(rows))])


def _choose(rows: Sequence[int], limit: int, random: np.random.Generator) -> list[int]:
    numbers = random.permutation(len(rows))[:limit]
    return [int(rows[number]) for number in numbers]
