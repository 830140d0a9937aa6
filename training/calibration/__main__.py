"""`python -m training.calibration`: fit the constants of `retrieval.calibration.probability`, measure them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.types import Vectors
from retrieval.calibration import THRESHOLD
from retrieval.calibration.background import PACKAGE_FOLDER, prompts, vectors_file_name, write_vectors
from retrieval.calibration.evidence import Numbers
from retrieval.calibration.metrics import auroc, calibration_error
from retrieval.calibration.probability import Weights
from training.calibration.datasets import Set, load_set
from training.calibration.fitting import KEYS, Cases, cases, fit
from training.calibration.merging import merged_quality
from training.calibration.trials import THINGS, Trials, captioned_trials, labelled_trials

SHOWN = 10
"""Hits that people see: calibration error and threshold are measured on these."""

IMPORTANCE = {"things": 0.3}
"""What a group counts in the fit, 1 where nothing is said: what captions do not mention may still be to be seen."""

BROAD = ("caltech101", "imagenet_det200", "imagenet_val1300", "pacs_photo")
"""Sets of everything: no photo of another set is sure to show none of their classes."""

KINDS = {
    "animal": ("birds100", "cats_dogs", "monkeys10", "pets37", "sea_animals"),
    "food": ("food10", "grocery"),
    "scene": ("corel900", "intel_scenes", "scene15", "weather"),
    "object": ("furniture", "instruments", "clothing"),
    "plant": ("flowers5",),
}
"""What shows what: a photo of one kind shows no class of another."""


def main(arguments: list[str] | None = None) -> int:
    """Print the fitted constants, and what they reach on the half that they were not fitted on."""
    parser = argparse.ArgumentParser(prog="python -m training.calibration", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument("--work", type=Path, default=Path(".work/calibration"), help="keeps the vectors")
    parser.add_argument("--encoder", default="compact", help="by name")
    parser.add_argument("--ship", action="store_true", help="put the background's vectors into the package")
    options = parser.parse_args(arguments)
    encoder = load_encoder(options.encoder, device="cpu")
    folders = sorted(table.parent for table in options.data.glob("*/captions.csv"))
    sets = {folder.name: load_set(folder, encoder, options.work) for folder in folders}
    background = encoder.encode_texts(list(prompts()))
    if options.ship:
        write_vectors(PACKAGE_FOLDER / vectors_file_name(encoder.fingerprint), background)
    fitted = _fitted(cases(_trials(sets, 0, encoder), background))
    for pair, weights in zip(KEYS, fitted, strict=True):
        sys.stdout.write(f"    ModelKey(has_image={pair.has_image}, kind={pair.kind!r}): {weights},\n")
    _report(cases(_trials(sets, 1, encoder), background), fitted)
    for asked, (raw, calibrated) in merged_quality(sets["flickr8k"], 1, background, fitted).items():
        sys.stdout.write(
            f"photos and texts in one list, nDCG@10 by {asked}: {raw:.3f} raw, {calibrated:.3f} calibrated\n"
        )
    return 0


def _trials(sets: dict[str, Set], half: int, encoder: Encoder) -> Iterator[Trials]:
    rng = np.random.default_rng(half)
    captioned = sets["flickr8k"]
    labelled = {name: data for name, data in sets.items() if name != "flickr8k"}
    crowd = np.concatenate([data.photos[data.halves == half] for data in labelled.values()])
    yield from captioned_trials(captioned, half, encoder.encode_texts(list(THINGS)), crowd, rng)
    for name, data in labelled.items():
        yield from labelled_trials(data, half, _unlike(name, labelled, half), rng)


def _unlike(name: str, sets: dict[str, Set], half: int) -> Vectors:
    """Return photos that show none of a set's classes and that `compact` was not trained on, shape (c, d)."""
    kinds = [names for names in KINDS.values() if name not in names] if name not in BROAD else []
    others = [sets[other] for names in kinds for other in names if other in sets]
    empty = np.empty((0, sets[name].photos.shape[1]), dtype=np.float32)
    return np.concatenate([empty, *(data.photos[(data.halves == half) & data.unseen] for data in others)])


def _fitted(found: Cases) -> list[Weights]:
    """Return the constants of each pair; in each group every query counts the same."""
    result = []
    for pair in range(len(KEYS)):
        rows = found.pair == pair
        shares = np.zeros(len(found.right))
        for group in np.unique(found.group[rows]):
            mine = rows & (found.group == group)
            shares[mine] = IMPORTANCE.get(group, 1.0) / len(np.unique(found.query[mine]))
        result.append(fit(found.columns[rows], found.right[rows], shares[rows]))
    return result


def _report(found: Cases, fitted: list[Weights]) -> None:
    constants = np.array(fitted)[found.pair]  # (c, 5)
    odds = constants[:, 0] + (constants[:, 1:] * found.columns).sum(axis=1)
    values = 1 / (1 + np.exp(-odds))
    for pair, what in enumerate(KEYS):
        for group in np.unique(found.group[found.pair == pair]):
            rows = (found.pair == pair) & (found.group == group)
            sys.stdout.write(
                f"{'picture' if what.has_image else 'words'} to {what.kind}s, {group}: {_line(found, values, rows)}\n"
            )


def _line(found: Cases, values: Numbers, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    shown = rows & (found.rank < SHOWN)
    kept = shown & (values >= THRESHOLD)
    there = [_per_query(found, values, rows & (found.present == present)) for present in (True, False)]
    best = auroc(there[0][0], there[1][0])
    expected = auroc(there[0][1], there[1][1])
    present = shown & found.present
    return (
        f"ECE {calibration_error(values[shown], found.right[shown]):.3f}, AUROC by best {best:.3f}, by expected "
        f"{expected:.3f}; at {THRESHOLD} of {SHOWN} shown: {found.right[kept & found.present].mean():.2f} right, "
        f"{(kept & found.right).sum() / found.right[present].sum():.2f} of the right ones kept, "
        f"{(there[1][0] < THRESHOLD).mean():.2f} of the absent cut whole, "
        f"{(there[0][0] < THRESHOLD).mean():.2f} of the present"
    )


def _per_query(
    found: Cases, values: Numbers, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Numbers, Numbers]:
    """Return best probability and expected number of each query, (q,) each."""
    _, number = np.unique(found.query[rows], return_inverse=True)
    best = np.zeros(number.max() + 1, dtype=np.float64)
    np.maximum.at(best, number, values[rows])
    return best, np.bincount(number, values[rows]).astype(np.float64)


if __name__ == "__main__":
    sys.exit(main())
