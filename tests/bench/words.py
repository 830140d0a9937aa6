"""How well private words find what they name: `python -m tests.bench.words DATA`, with the evaluation sets in DATA.

Prints the tables of the README. Words have 3 examples; of the other photos of the same class the share is counted that
is among the first 10, of at most 10. Means over classes and 5 draws of the examples, 95 % intervals by class. The share
of the photos in a text's vector was chosen on pets37, the other sets are for measuring. Embeddings are kept in .work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from indexer.encoders import load_encoder
from indexer.encoders.base import Encoder, to_unit_length
from indexer.types import Vectors
from retrieval.evaluation.bootstrap import intervals
from retrieval.query.word_matching import PHOTO_SHARE
from tests.bench.word_material import Material, alone, before_scenes

CACHE = Path(".work/words")
SETS = ("pets37", "birds100", "grocery", "flowers5", "sea_animals", "caltech101")
BEFORE_SCENES = ("pets37", "birds100", "sea_animals")
SHARES = (0.3, 0.4, 0.5, 0.6, 0.7)
SEEDS, EXAMPLES, FIRST = 5, 3, 10
MADE_UP = "Biscuit"
PHRASES = {
    "buildings": "before buildings",
    "forest": "in a forest",
    "glacier": "on a glacier",
    "mountain": "in the mountains",
    "sea": "by the sea",
    "street": "in a street",
}

Found = dict[str, list[tuple[int, float]]]
"""For each way to ask, the class and the recall of each query."""


def say(*cells: str) -> None:
    """Print a row of a table."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")


def cell(results: Sequence[tuple[int, float]]) -> str:
    """Return a mean with its interval."""
    values = np.array([[value] for _, value in results])
    _, clusters = np.unique([cluster for cluster, _ in results], return_inverse=True)
    low, high = intervals(values, clusters)[0]
    return f"{values.mean():.3f} [{low:.3f}, {high:.3f}]"


def recall(query: Vectors, vectors: Vectors, right: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Return the share of what is right, of at most 10, that is among the first 10."""
    first = np.argsort(-(vectors @ query), kind="stable")[:FIRST]
    return float(right[first].sum() / min(FIRST, right.sum()))


def by_itself(sets: dict[str, Material], encoder: Encoder) -> dict[str, Found]:
    """Return the recall of words alone, in one library of all sets."""
    vectors = np.concatenate([each.vectors for each in sets.values()])
    names = np.array([f"{name}/{label}" for name, each in sets.items() for label in each.labels])
    made_up = encoder.encode_texts([MADE_UP])[0]
    found: dict[str, Found] = {}
    for name, each in sets.items():
        results = found.setdefault(name, {"class name": [], "made-up name": [], "private word": []})
        plain = encoder.encode_texts(list(each.captions.values()))
        for number, label in enumerate(each.captions):
            own = np.flatnonzero(names == f"{name}/{label}")
            for seed in range(SEEDS if len(own) > EXAMPLES else 0):
                examples = np.random.default_rng((seed, number)).choice(own, EXAMPLES, replace=False)
                kept = np.ones(len(names), dtype=np.bool_)
                kept[examples] = False
                right = np.isin(np.arange(len(names)), own)[kept]
                asked = (plain[number], made_up, to_unit_length(vectors[examples].mean(axis=0)[None])[0])
                for key, query in zip(results, asked, strict=True):
                    results[key].append((number, recall(query, vectors[kept], right)))
    return found


def with_scenes(photos: Material, pasted: Material, encoder: Encoder) -> Found:
    """Return the recall of "WORD in a forest" among photos before scenes; the examples are photos without a scene."""
    labels, sources, scenes = np.array(pasted.labels), np.array(pasted.sources), np.array(pasted.scenes)
    rest = dict(zip(PHRASES, encoder.encode_texts(list(PHRASES.values())), strict=True))
    made_up = dict(zip(PHRASES, encoder.encode_texts([f"{MADE_UP} {each}" for each in PHRASES.values()]), strict=True))
    found: Found = {}
    for number, (label, caption) in enumerate(photos.captions.items()):
        name = caption.removeprefix("a photo of ")
        plain = dict(zip(PHRASES, encoder.encode_texts([f"{name} {each}" for each in PHRASES.values()]), strict=True))
        for seed in range(SEEDS):
            own = np.unique(sources[labels == label])
            examples = np.random.default_rng((seed, number)).choice(own, EXAMPLES, replace=False)
            meaning = to_unit_length(photos.vectors[examples].mean(axis=0)[None])[0]
            kept = ~np.isin(sources, examples)
            for scene in PHRASES:
                asked = {"class name + scene": plain[scene], "made-up name + scene": made_up[scene],
                         "the examples alone": meaning, "scene alone": rest[scene]}  # fmt: skip
                asked |= {f"private word + scene, {s:g}": s * meaning + (1 - s) * rest[scene] for s in SHARES}
                right = (labels == label) & (scenes == scene)
                for key, query in asked.items():
                    result = recall(query, pasted.vectors[kept], right[kept])
                    found.setdefault(key, []).append((number, result))
    return found


def main() -> None:
    """Print the tables."""
    data = Path(sys.argv[1])
    encoder = load_encoder("compact", device="cpu")
    sets = {name: alone(data / name, encoder, CACHE) for name in SETS}
    say("set", "photos", "class name", "made-up name", "private word")
    say("---", "---:", "---", "---", "---")
    for name, results in by_itself(sets, encoder).items():
        say(name, str(len(sets[name].labels)), *map(cell, results.values()))
    sys.stdout.write(f"\nshare in use: {PHOTO_SHARE:g}\n\n")
    composed = {
        name: with_scenes(sets[name], before_scenes(data / name, data / "intel_scenes", encoder, CACHE), encoder)
        for name in BEFORE_SCENES
    }
    say("asked", *composed)
    say("---", *["---"] * len(composed))
    for key in composed[BEFORE_SCENES[0]]:
        say(key, *(cell(results[key]) for results in composed.values()))


if __name__ == "__main__":
    main()
