"""What learning brings to simulated users, who mean something that the encoder does not know.

    python -m tests.bench.users ../shared/data

One library of all labelled photos, embedded by `compact` once (kept in .work/). A user of the first kind asks in
general words ("a flower outside") and means one class of that domain alone, one of the second kind likes a third of
its classes. A user of the third kind asks for classes by name, in several phrasings, and wants those photos; `compact`
was trained on most photos of these sets, with these names, and finds nearly all of them by itself. One of the fourth
asks in general words and likes a style, computed from pixels: the darkest third of the photos, the lightest, the most
colourful or the palest. Each judges the ten best hits of queries, every tenth verdict wrong. What was learnt from all
judgements is measured on queries that were never judged, over the whole library, with the whole adapter, also where
the gate would not have let it through. The control set is Flickr8k's dev captions, which no user has anything to do
with.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders import load_encoder
from indexer.encoders.adapter import Adapter
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import PictureError, TuningError
from indexer.images import read_photo
from indexer.types import Ids, Vectors
from retrieval.calibration.background import background_vectors
from retrieval.evaluation.bootstrap import intervals
from retrieval.evaluation.datasets import CaptionedPicture, read_captions
from retrieval.tuning.adapter.train import query_scores, train_adapter
from retrieval.tuning.control_set import ControlSet, shipped_control_set
from retrieval.tuning.gate import Outcome, tune
from retrieval.tuning.training_set import TrainingSet
from tests.bench.styles import STYLES, styled, tones

WRONG = 0.1
SHOWN = 10
CACHE = Path(".work/users")

DOMAINS = {
    "flowers5": ("flower", "blossom", "plant", "bloom"),
    "food10": ("meal", "dish", "plate of food", "snack"),
    "furniture": ("piece of furniture", "thing for the living room", "furnishing", "household object"),
    "sea_animals": ("sea animal", "creature of the ocean", "animal in the water", "marine creature"),
    "clothing": ("piece of clothing", "garment", "thing to wear", "outfit"),
    "monkeys10": ("monkey", "ape", "primate", "animal in a tree"),
    "pets37": ("pet", "furry friend", "cat or dog", "animal at home"),
    "birds100": ("bird", "feathered animal", "animal with wings", "songbird"),
}
"""Sets, and what a user calls all that is in them."""

SETTINGS = ("a {}", "a photo of a {}", "my {}", "a close-up of a {}", "a {} outside", "the most beautiful {}",
            "a {} in daylight", "a picture of some {}", "one {}", "a {} in front of a plain background")  # fmt: skip
NAMED = ("{}", "a photo of a {}", "a picture showing {}", "{} seen from close", "my own {}", "the {} again")

KINDS = ("class", "taste", "breed", "style")

CHOSEN_ON = ("flowers5", "clothing", "monkeys10")
"""Sets on which constants of the training were chosen; the others are what is reported."""


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Embedded photos with their sets, labels and tones (see `tests.bench.styles`)."""

    vectors: Vectors
    sets: NDArray[np.str_]
    labels: NDArray[np.str_]
    tone: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """Who judges: queries, and which photos of the library answer each, (q, n)."""

    name: str
    kind: str
    queries: tuple[str, ...]
    relevant: NDArray[np.bool_]


def embedded(
    data: Path, name: str, encoder: Encoder, *, split: str | None = None
) -> tuple[Vectors, list[CaptionedPicture]]:
    """Return the embeddings of a set and its pictures, from the cache where they are there."""
    found = read_captions(data / name / "captions.csv", split)
    file = CACHE / f"{name}-{encoder.fingerprint[:16]}.npy"
    if not file.is_file():
        rows = []
        for picture in found:
            try:
                rows.append(
                    encoder.encode_images(read_photo(picture.path, preprocess=encoder.preprocess).pixels[None])[0]
                )
            except PictureError:
                rows.append(np.zeros(encoder.dim, dtype=np.float32))
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(file, np.stack(rows))
    return np.load(file), found


def library(data: Path, encoder: Encoder) -> Photos:
    """Return one library of all labelled sets that are used."""
    vectors, sets, labels, paths = [], [], [], []
    for name in (*DOMAINS, "caltech101", "corel900"):
        rows, pictures = embedded(data, name, encoder)
        vectors.append(rows)
        sets += [name] * len(pictures)
        labels += [picture.path.stem.rpartition("_")[0] for picture in pictures]
        paths += [picture.path for picture in pictures]
    return Photos(np.concatenate(vectors), np.array(sets), np.array(labels), tones(paths))


def users(photos: Photos, domains: Sequence[str], seed: int) -> list[User]:
    """Return a user of each kind for each domain; which class the first kind means is drawn."""
    random = np.random.default_rng(seed)
    found = []
    for name in domains:
        mine = photos.sets == name
        labels, counts = np.unique(photos.labels[mine], return_counts=True)
        meant = random.choice(labels[counts >= np.quantile(counts, 0.5)])
        general = tuple(setting.format(word) for setting, word in itertools.product(SETTINGS, DOMAINS[name]))
        is_meant = mine & (photos.labels == meant)
        found.append(User(f"{name}: {meant}", "class", general, np.tile(is_meant, (len(general), 1))))
        liked = mine & np.isin(photos.labels, random.permutation(labels)[: max(1, round(len(labels) / 3))])
        found.append(User(f"{name}: a third", "taste", general, np.tile(liked, (len(general), 1))))
        some = random.permutation(labels)[:20]
        pairs = list(itertools.product(NAMED, some))
        named = tuple(phrase.format(label.replace("_", " ")) for phrase, label in pairs)
        relevant = np.stack([mine & (photos.labels == label) for _, label in pairs])
        found.append(User(f"{name}: all", "breed", named, relevant))
        style = STYLES[(seed + domains.index(name)) % len(STYLES)]
        rows = np.flatnonzero(mine)[styled(style, photos.tone[mine])]
        found.append(
            User(f"{name}: {style}", "style", general, np.tile(np.isin(np.arange(len(mine)), rows), (len(general), 1)))
        )
    return found


def ndcg(scores: Vectors, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return nDCG@10 and R@5 of each query over the whole library, shape (q, 2)."""
    best = np.argsort(-scores, axis=1)[:, :10]
    found = np.take_along_axis(relevant, best, axis=1)
    discounts = 1 / np.log2(np.arange(10) + 2)
    ideal = np.array([discounts[: min(10, int(count))].sum() for count in relevant.sum(axis=1)])
    return np.stack([found @ discounts / ideal, found[:, :5].any(axis=1)], axis=1)


def judged(
    user: User, texts: Vectors, photos: Photos, judgements: int, seed: int, *, shuffled: bool = False
) -> tuple[TrainingSet, Ids]:
    """Return what a user judged, and the queries that were never judged."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(user.queries))
    asked = order[: min(judgements // SHOWN, len(order) * 3 // 4)]
    shown = np.argsort(-(texts[asked] @ photos.vectors.T), axis=1)[:, :SHOWN]
    good = np.take_along_axis(user.relevant[asked], shown, axis=1)
    good = (good ^ (random.random(good.shape) < WRONG)).ravel()
    unjudged = random.permutation(np.setdiff1d(np.arange(len(photos.vectors)), shown))[:5000]
    return TrainingSet(
        names=tuple(user.queries[row] for row in asked),
        texts=texts[asked],
        images=np.zeros_like(texts[asked]),
        owners=np.repeat(np.arange(len(asked)), SHOWN),
        units=photos.vectors[shown.ravel()],
        are_photos=np.ones(shown.size, dtype=np.bool_),
        good=random.permutation(good) if shuffled else good,
        others=photos.vectors[unjudged],
        others_are_photos=np.ones(len(unjudged), dtype=np.bool_),
    ), order[len(asked) :]


def rocchio(lessons: TrainingSet, texts: Vectors) -> Vectors:
    """Return queries moved to the mean of the good hits of the judged queries that are like them (Rocchio 1971)."""
    near = lessons.texts @ texts.T  # (q, t)
    weights = np.exp(10 * near)[lessons.owners][lessons.good]
    return to_unit_length(texts + 0.5 * to_unit_length(weights.T @ lessons.units[lessons.good]))


def measured(user: User, texts: Vectors, photos: Photos, unseen: Ids, adapter: Adapter | None) -> NDArray[np.float64]:
    """Return mean nDCG@10 and R@5 on unseen queries, (2,)."""
    rows, queries = photos.vectors, texts[unseen]
    if adapter is not None:
        rows, queries = adapter.adapt_photos(rows), adapter.adapt_texts(queries)
    means: NDArray[np.float64] = ndcg(queries @ rows.T, user.relevant[unseen]).mean(axis=0)
    return means


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judgements", type=int, nargs="+", default=[20, 100, 500])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--choosing", action="store_true", help="on the sets that constants are chosen on")
    parser.add_argument("--shuffled", action="store_true", help="with verdicts that mean nothing")
    parser.add_argument("--both", action="store_true", help="photos are transformed too")
    options = parser.parse_args()
    encoder = load_encoder("compact")
    photos = library(options.data, encoder)
    rows, pictures = embedded(options.data, "flickr8k", encoder, split="dev")
    captions = [caption for picture in pictures for caption in picture.captions]
    owners = np.repeat(np.arange(len(pictures)), [len(picture.captions) for picture in pictures])
    control_set = ControlSet(encoder.encode_texts(captions), rows, owners, "Flickr8k dev")
    general = background_vectors(encoder)
    domains = [name for name in DOMAINS if (name in CHOSEN_ON) == options.choosing]
    sys.stdout.write(
        f"{len(photos.vectors)} photos, control set {control_set.r5(None):.1f} points of R@5, {len(domains)} domains\n"
    )
    for judgements in options.judgements:
        table(encoder, photos, control_set, general, domains, judgements, both=options.both, options=options)


def let_through(lessons: TrainingSet, general: Vectors, control_set: ControlSet, *, both: bool) -> bool:
    """Return whether the gate would put to use what these lessons teach."""

    def train(some: TrainingSet, seed: int) -> Adapter:
        return train_adapter(some, general, seed=seed, both=both)

    try:
        found: Outcome[Adapter] = tune(lessons, train=train, score=query_scores, control_set=control_set, seeds=(0,))
    except TuningError:  # too few
        return False
    return found.receipt.passed


def table(
    encoder: Encoder, photos: Photos, control_set: ControlSet, general: Vectors, domains: Sequence[str],
    judgements: int, *, both: bool, options: argparse.Namespace,
) -> None:  # fmt: skip
    """Print a line for each kind of user: means over users and seeds."""
    gate = shipped_control_set(encoder) or control_set
    found: dict[str, list[list[float]]] = {}
    for seed in range(options.seeds):
        for user in users(photos, domains, seed):
            if user.kind not in options.kinds:
                continue
            texts = encoder.encode_texts(user.queries)
            lessons, unseen = judged(user, texts, photos, judgements, seed, shuffled=options.shuffled)
            if not lessons.good.any():
                continue
            adapter = train_adapter(lessons, general, seed=seed, both=both)
            before, after = (measured(user, texts, photos, unseen, each) for each in (None, adapter))
            plain = ndcg(rocchio(lessons, texts[unseen]) @ photos.vectors.T, user.relevant[unseen]).mean(axis=0)
            lost = [each.r5(adapter) - each.r5(None) for each in (control_set, gate)]
            passed = let_through(lessons, general, gate, both=both)
            found.setdefault(user.kind, []).append([*before, *after, plain[0], *lost, passed])
    for kind, values in found.items():
        each = np.array(values)
        means = each.mean(axis=0)
        low, high = intervals((each[:, 2] - each[:, 0])[:, None], np.arange(len(each)))[0]
        sys.stdout.write(
            f"{kind:<6} {judgements:>4} judgements, {'both sides' if both else 'query side'}: "
            f"nDCG@10 {means[0]:.3f} -> {means[2]:.3f} ({means[2] / means[0] - 1:+.0%}; gain 95 % {low:+.3f} to "
            f"{high:+.3f}), R@5 {means[1]:.3f} -> {means[3]:.3f}, Rocchio {means[4]:.3f}, Flickr8k {means[5]:+.2f} "
            f"(worst {each[:, 5].min():+.2f}), shipped control set {means[6]:+.2f}, "
            f"let through {each[:, 7].sum():.0f} of {len(each)}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
