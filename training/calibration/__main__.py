"""The command `python -m training.calibration`: fit the constants of `retrieval.calibration.probability`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.types import Vectors
from retrieval.calibration import THRESHOLD
from retrieval.calibration.background import PACKAGE_FOLDER, prompts, vectors_file_name, write_vectors
from retrieval.calibration.evidence import Numbers
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import Weights
from training.calibration.embedded_sets import EmbeddedSet, load_set
from training.calibration.fitting import KEYS, Cases, collect_cases, fit_logistic
from training.calibration.merging import merged_ndcg
from training.calibration.trials import THINGS, Mask, Trials, captioned_trials, labelled_trials

SHOWN = 10
"""Hits that people see: calibration error and threshold are measured on these."""

GROUP_WEIGHTS = {"things": 0.3}
"""Weight of a group in the fit, 1 by default. A photo may show things that its captions do not mention."""

GENERAL_SETS = ("caltech101", "imagenet_det200", "imagenet_val1300", "pacs_photo")
"""Sets of many subjects: any photo of another set may show one of their classes."""

SUBJECTS = {
    "animal": ("birds100", "cats_dogs", "monkeys10", "pets37", "sea_animals"),
    "food": ("food10", "grocery"),
    "scene": ("corel900", "intel_scenes", "scene15", "weather"),
    "object": ("furniture", "instruments", "clothing"),
    "plant": ("flowers5",),
}
"""The sets of each subject: a photo of one subject shows no class of another."""


def main(arguments: list[str] | None = None) -> int:
    """Print the fitted constants, and what they reach on the other half."""
    options = _parser().parse_args(arguments)
    encoder = load_encoder(options.encoder, device="cpu")
    folders = sorted(table.parent for table in options.data.glob("*/captions.csv"))
    sets = {folder.name: load_set(folder, encoder, options.work) for folder in folders}
    background = encoder.encode_texts(list(prompts()))
    if options.ship:
        write_vectors(PACKAGE_FOLDER / vectors_file_name(encoder.fingerprint), background)
    fitted = _fit_models(collect_cases(_trials(sets, 0, encoder), background))
    for key, weights in zip(KEYS, fitted, strict=True):
        sys.stdout.write(f"    ModelKey(has_image={key.has_image}, kind={key.kind!r}): {weights},\n")
    _report(collect_cases(_trials(sets, 1, encoder), background), fitted)
    for kind, (raw, calibrated) in merged_ndcg(sets["flickr8k"], 1, background, fitted).items():
        sys.stdout.write(
            f"photos and texts in one list, nDCG@10 by {kind}: {raw:.3f} raw, {calibrated:.3f} calibrated\n"
        )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.calibration",
        description="Fit the constants of match probabilities on one half of captioned photos, and measure them on the "
        "other half.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument(
        "--work", type=Path, default=Path(".work/calibration"), help="folder for embeddings (default %(default)s)"
    )
    parser.add_argument("--encoder", default="compact", help="name of the encoder (default %(default)s)")
    parser.add_argument("--ship", action="store_true", help="write the background's vectors into the package")
    return parser


def _trials(sets: dict[str, EmbeddedSet], half: int, encoder: Encoder) -> Iterator[Trials]:
    rng = np.random.default_rng(half)
    labelled = {name: data for name, data in sets.items() if name != "flickr8k"}
    things = encoder.encode_texts(list(THINGS))
    distractors = np.concatenate([data.photos[data.halves == half] for data in labelled.values()])
    yield from captioned_trials(sets["flickr8k"], half, things, distractors, rng)
    for name, data in labelled.items():
        yield from labelled_trials(data, half, _photos_of_other_subjects(name, labelled, half), rng)


def _photos_of_other_subjects(name: str, sets: dict[str, EmbeddedSet], half: int) -> Vectors:
    """Return photos that show none of a set's classes and that `compact` was not trained on, shape (c, d)."""
    subjects = [names for names in SUBJECTS.values() if name not in names] if name not in GENERAL_SETS else []
    others = [sets[other] for names in subjects for other in names if other in sets]
    empty = np.empty((0, sets[name].photos.shape[1]), dtype=np.float32)
    return np.concatenate([empty, *(data.photos[(data.halves == half) & data.unseen] for data in others)])


def _fit_models(cases: Cases) -> list[Weights]:
    """Return the constants of each model of `KEYS`; within a group, every query has the same weight."""
    fitted = []
    for model in range(len(KEYS)):
        rows = cases.model == model
        case_weights = np.zeros(len(cases.right))
        for group in np.unique(cases.group[rows]):
            in_group = rows & (cases.group == group)
            case_weights[in_group] = GROUP_WEIGHTS.get(group, 1.0) / len(np.unique(cases.query[in_group]))
        fitted.append(fit_logistic(cases.columns[rows], cases.right[rows], case_weights[rows]))
    return fitted


def _report(cases: Cases, fitted: list[Weights]) -> None:
    """Print a line for each model and group."""
    probabilities = _probabilities(cases, fitted)
    for model, key in enumerate(KEYS):
        for group in np.unique(cases.group[cases.model == model]):
            rows = (cases.model == model) & (cases.group == group)
            query = "picture" if key.has_image else "words"
            sys.stdout.write(f"{query} to {key.kind}s, {group}: {_figures(cases, probabilities, rows)}\n")


def _probabilities(cases: Cases, fitted: list[Weights]) -> Numbers:
    constants = np.array(fitted)[cases.model]  # (c, 5)
    log_odds = constants[:, 0] + (constants[:, 1:] * cases.columns).sum(axis=1)
    probabilities: NDArray[np.float64] = 1 / (1 + np.exp(-log_odds))
    return probabilities


def _figures(cases: Cases, probabilities: Numbers, rows: Mask) -> str:
    """Return calibration error, separation of queries with and without an answer, and what the threshold hides."""
    shown = rows & (cases.rank < SHOWN)
    likely = shown & (probabilities >= THRESHOLD)
    with_answer = shown & cases.present
    best, expected = _per_query(cases, probabilities, rows & cases.present)
    best_absent, expected_absent = _per_query(cases, probabilities, rows & ~cases.present)
    return (
        f"ECE {calibration_error(probabilities[shown], cases.right[shown]):.3f}, "
        f"AUROC by best {auroc(best, best_absent):.3f}, by expected {auroc(expected, expected_absent):.3f}; "
        f"at {THRESHOLD} of {SHOWN} shown: {cases.right[likely & cases.present].mean():.2f} right, "
        f"{(likely & cases.right).sum() / cases.right[with_answer].sum():.2f} of the right ones shown, "
        f"nothing shown for {(best_absent < THRESHOLD).mean():.2f} of queries without an answer "
        f"and {(best < THRESHOLD).mean():.2f} of those with one"
    )


def _per_query(cases: Cases, probabilities: Numbers, rows: Mask) -> tuple[Numbers, Numbers]:
    """Return best probability and expected number of right answers of each query, shape (q,) each."""
    _, numbers = np.unique(cases.query[rows], return_inverse=True)
    best = np.zeros(numbers.max() + 1, dtype=np.float64)
    np.maximum.at(best, numbers, probabilities[rows])
    return best, np.bincount(numbers, probabilities[rows]).astype(np.float64)


if __name__ == "__main__":
    sys.exit(main())
