"""The command `python -m training.calibration`: fit the constants of `retrieval.calibration.fitted`."""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder
from indexer.types import Modality
from retrieval.calibration import null_scores, word_counts
from retrieval.calibration.background import PACKAGE_FOLDER, prompts, vectors_file_name, write_vectors
from retrieval.calibration.null_scores import NullScores, summarise
from retrieval.calibration.probability import Constants, Form, ModelKey
from training.calibration.embedded_sets import EmbeddedSet, load_set
from training.calibration.fitting import fit_constants, query_libraries
from training.calibration.merging import best_shifts, merged_ndcg
from training.calibration.report import HEAD, dispersion, figures, reliability
from training.calibration.trials import (
    Trials,
    caption_trials,
    class_trials,
    encode_texts,
    judged_trials,
    mixed_trials,
    noun_trials,
)

GROUP_WEIGHTS = {"nouns": 1.5, "nouns, mixed photos": 0.5, "judged captions": 2.0, "classes": 0.05, "captions": 1.0}
"""How much a group counts in the fit. A photo of a labelled set may show things that its class does not name."""

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

CAPTIONED = "flickr8k"
"""The set with five captions by people for each photo."""

JUDGED = "flickr8k_judged"
"""The set whose pairs of caption and photo people judged."""

_NULL_PHOTOS = 60
"""Photos of each labelled set that the null scores are computed from."""

_NULL_TEXTS = 16
"""Every how many captions one is used for them."""

_MIN_COUNT = 3
"""Rarer words are left out of the word counts."""


def main(arguments: list[str] | None = None) -> int:
    """Print what the constants fitted on one half reach on the other; with --ship those fitted on both."""
    options = _parser().parse_args(arguments)
    encoder = load_encoder(options.encoder, device="cpu")
    folders = sorted(table.parent for table in options.data.glob("*/captions.csv"))
    sets = {folder.name: load_set(folder, encoder, options.work) for folder in folders}
    captions = (options.data / "text" / "captions.txt").read_text(encoding="utf-8").splitlines()
    null = _null_scores(sets, captions, encoder)
    trials = _trials(sets, options.data, encoder, options.work)
    if options.ship:
        _ship(null, captions, encoder)
        _print_constants(trials, sets[CAPTIONED], null)
    elif options.reliability:
        _print_reliability(trials, null)
    else:
        _print_figures(trials, sets[CAPTIONED], null)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.calibration",
        description="Fit the constants of match probabilities on captioned and judged photos. What is reported was "
        "measured on one half of the photos and of the queries with constants that were fitted on the other half.",
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of captioned sets")
    parser.add_argument(
        "--work", type=Path, default=Path(".work/calibration"), help="folder for embeddings (default %(default)s)"
    )
    parser.add_argument("--encoder", default="compact", help="name of the encoder (default %(default)s)")
    parser.add_argument(
        "--reliability", action="store_true", help="print only how the judged captions agree with people, as Markdown"
    )
    parser.add_argument(
        "--ship",
        action="store_true",
        help="write null scores and word counts into the package, and print the constants fitted on both halves",
    )
    return parser


def _null_scores(sets: dict[str, EmbeddedSet], captions: list[str], encoder: Encoder) -> dict[Modality, NullScores]:
    """Return what scores are when nothing matches, from photos of the fitting half and from captions."""
    labelled = [data for name, data in sets.items() if name != CAPTIONED]
    photos = np.concatenate([data.photos[data.halves == 0][:_NULL_PHOTOS] for data in labelled])
    texts = encode_texts(encoder, captions[::_NULL_TEXTS])
    return {Modality.PHOTO: summarise(photos), Modality.TEXT: summarise(texts)}


def _ship(null: dict[Modality, NullScores], captions: list[str], encoder: Encoder) -> None:
    """Write the files of the package, and print the checksum of the null scores."""
    write_vectors(PACKAGE_FOLDER / vectors_file_name(encoder.fingerprint), encoder.encode_texts(list(prompts())))
    folder = Path(null_scores.__file__).parent
    content = null_scores.to_bytes(null)
    (folder / "null_scores.npz").write_bytes(content)
    sys.stdout.write(f'SHIPPED_SHA256 = "{hashlib.sha256(content).hexdigest()}"\n')
    counts = Counter(word for caption in captions for word in set(word_counts.split_words(caption)))
    ordered = sorted(((word, n) for word, n in counts.items() if n >= _MIN_COUNT), key=lambda pair: (-pair[1], pair[0]))
    (folder / "word_counts.txt").write_text(word_counts.format_counts(len(captions), ordered), encoding="ascii")


def _trials(sets: dict[str, EmbeddedSet], data: Path, encoder: Encoder, work: Path) -> list[Trials]:
    labelled = {name: each for name, each in sets.items() if name != CAPTIONED}
    subject = {name: subject for subject, names in SUBJECTS.items() for name in names}
    related = {
        own: {
            other
            for other in labelled
            if other != own and (own in GENERAL_SETS or other in GENERAL_SETS or subject[own] == subject[other])
        }
        for own in labelled
    }
    nouns = noun_trials(sets[CAPTIONED], encoder)
    return [
        nouns,
        mixed_trials(nouns, labelled, encoder),
        judged_trials(data / JUDGED, encoder, work),
        *class_trials(labelled, related, encoder),
        *caption_trials(sets[CAPTIONED]),
    ]


def _fit(trials: list[Trials], key: ModelKey, null: dict[Modality, NullScores], half: int | None) -> Constants:
    """Return the constants of one model, fitted on one half, or on both if it is None."""
    return fit_constants(
        [
            (list(query_libraries(each, null[key.kind], half)), GROUP_WEIGHTS[each.group])
            for each in trials
            if each.key == key
        ],
        has_shares=key == ModelKey(Form.WORDS, Modality.PHOTO),
    )


def _fit_all(trials: list[Trials], null: dict[Modality, NullScores], half: int | None) -> dict[ModelKey, Constants]:
    """Return the constants of all models, fitted on one half, or on both."""
    return {key: _fit(trials, key, null, half) for key in dict.fromkeys(each.key for each in trials)}


def _print_constants(trials: list[Trials], data: EmbeddedSet, null: dict[Modality, NullScores]) -> None:
    """Print what `retrieval.calibration.fitted` contains, fitted on both halves."""
    fitted = _fit_all(trials, null, None)
    for key, constants in fitted.items():
        values = ", ".join(f"{value:.4g}" for value in constants)
        sys.stdout.write(f"    ModelKey(Form.{key.form.name}, Modality.{key.kind.name}): Constants({values}),\n")
    sys.stdout.write(f"MERGE_SHIFTS = {best_shifts(data, None, null, fitted)}\n")
    nouns = next(each for each in trials if each.group == "nouns")
    spreads = []
    for half in (0, 1):
        constants = _fit(trials, nouns.key, null, 1 - half)
        spreads.append(dispersion(list(query_libraries(nouns, null[nouns.key.kind], half)), constants))
    sys.stdout.write(f"DISPERSION = {np.mean(spreads):.2f}\n")


def _print_figures(trials: list[Trials], data: EmbeddedSet, null: dict[Modality, NullScores]) -> None:
    """Print what the constants of one half reach on the other, as Markdown."""
    sys.stdout.write(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}\n")
    merged = []
    for half in (0, 1):
        fitted = _fit_all(trials, null, 1 - half)
        for each in trials:
            cells = figures(list(query_libraries(each, null[each.key.kind], half)), fitted[each.key])
            name = f"{each.key.form} to {each.key.kind}s: {each.group}"
            sys.stdout.write(f"| {' | '.join([name, str(half), *cells])} |\n")
        shifts = best_shifts(data, 1 - half, null, fitted)
        merged += [(form, half, *values) for form, values in merged_ndcg(data, half, null, fitted, shifts).items()]
    sys.stdout.write(
        "\n| nDCG@10 of one list of photos and texts | half | by score | by probability |\n|---|---|---|---|\n"
    )
    for form, half, raw, calibrated in merged:
        sys.stdout.write(f"| {form} | {half} | {raw:.3f} | {calibrated:.3f} |\n")


def _print_reliability(trials: list[Trials], null: dict[Modality, NullScores]) -> None:
    """Print a table of what is said and what people say of the judged captions, each half by the other's constants."""
    judged = next(each for each in trials if each.group == "judged captions")
    fitted = [
        (list(query_libraries(judged, null[judged.key.kind], half)), _fit(trials, judged.key, null, 1 - half))
        for half in (0, 1)
    ]
    sys.stdout.write("| Recall says | on average | people say yes | pairs |\n|---|---:|---:|---:|\n")
    for row in reliability(fitted):
        sys.stdout.write(
            f"| {row['from']:.0%} to {row['to']:.0%} | {row['said']:.1%} | {row['right']:.1%} | {row['pairs']:,} |\n"
        )


if __name__ == "__main__":
    sys.exit(main())
