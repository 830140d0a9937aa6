"""What tuning gains for simulated users, who mean something that the encoder does not know.

    python -m tests.bench.users ../shared/data

The library is all labelled photos, embedded by `compact` once (cached in .work/). A user of the kind `class` asks in
general words ("a flower outside") and means one class of that domain, one of the kind `taste` likes a third of its
classes. A user of the kind `breed` asks for classes by name, in several phrasings; `compact` was trained on most
photos of these sets, with these names, and finds nearly all of them by itself. One of the kind `style` asks in general
words and likes a style, computed from pixels: the darkest third of the photos, the lightest, the most colourful or the
palest. Each judges the ten best hits of queries, every tenth verdict wrong. An adapter trained on all judgements is
measured on queries that were never judged, over the whole library, with alpha 1, whether the gate passes it or not.
The control set is Flickr8k's dev captions, which have nothing to do with any user.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator, Sequence
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
from retrieval.tuning.adapter.train_adapter import query_scores, train_adapter
from retrieval.tuning.control_set.control_set import ControlSet, shipped_control_set
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.training_set import TrainingSet
from tests.bench.styles import STYLES, has_style, photo_tones

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
"""Sets, and general words for everything in them."""

GENERAL_PHRASES = (
    "a {}", "a photo of a {}", "my {}", "a close-up of a {}", "a {} outside", "the most beautiful {}",
    "a {} in daylight", "a picture of some {}", "one {}", "a {} in front of a plain background",
)  # fmt: skip
CLASS_PHRASES = (
    "{}", "a photo of a {}", "a picture showing {}", "{} seen from close", "my own {}", "the {} again",
)  # fmt: skip

KINDS = ("class", "taste", "breed", "style")

CHOSEN_ON = ("flowers5", "clothing", "monkeys10")
"""Sets on which constants of the training were chosen; results are reported on the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Photos:
    """Embedded photos with their sets, labels and tones (see `tests.bench.styles`)."""

    vectors: Vectors
    sets: NDArray[np.str_]
    labels: NDArray[np.str_]
    tones: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class User:
    """A simulated user.

    Attributes:
        name: The user's name.
        kind: One of `KINDS`.
        queries: What the user asks.
        relevant: Which photos of the library answer each query, shape (q, n).
    """

    name: str
    kind: str
    queries: tuple[str, ...]
    relevant: NDArray[np.bool_]


def embed_set(
    data: Path, name: str, encoder: Encoder, *, split: str | None = None
) -> tuple[Vectors, list[CaptionedPicture]]:
    """Return the embeddings of a set, from the cache if they are there, and its pictures."""
    pictures = read_captions(data / name / "captions.csv", split)
    file = CACHE / f"{name}-{encoder.fingerprint[:16]}.npy"
    if not file.is_file():
        rows = []
        for picture in pictures:
            try:
                pixels = read_photo(picture.path, preprocess=encoder.preprocess).pixels
                rows.append(encoder.encode_images(pixels[None])[0])
            except PictureError:
                rows.append(np.zeros(encoder.dim, dtype=np.float32))
        CACHE.mkdir(parents=True, exist_ok=True)
        np.save(file, np.stack(rows))
    return np.load(file), pictures


def load_library(data: Path, encoder: Encoder) -> Photos:
    """Return one library of all labelled sets that are used."""
    vectors, sets, labels, paths = [], [], [], []
    for name in (*DOMAINS, "caltech101", "corel900"):
        rows, pictures = embed_set(data, name, encoder)
        vectors.append(rows)
        sets += [name] * len(pictures)
        labels += [picture.path.stem.rpartition("_")[0] for picture in pictures]
        paths += [picture.path for picture in pictures]
    return Photos(np.concatenate(vectors), np.array(sets), np.array(labels), photo_tones(paths))


def make_users(photos: Photos, domains: Sequence[str], seed: int) -> list[User]:
    """Return a user of each kind for each domain, with random meanings."""
    random = np.random.default_rng(seed)
    users = []
    for name in domains:
        in_domain = photos.sets == name
        labels, counts = np.unique(photos.labels[in_domain], return_counts=True)
        meaning = random.choice(labels[counts >= np.quantile(counts, 0.5)])
        general = tuple(phrase.format(word) for phrase, word in itertools.product(GENERAL_PHRASES, DOMAINS[name]))
        is_meant = in_domain & (photos.labels == meaning)
        users.append(User(f"{name}: {meaning}", "class", general, np.tile(is_meant, (len(general), 1))))
        is_liked = in_domain & np.isin(photos.labels, random.permutation(labels)[: max(1, round(len(labels) / 3))])
        users.append(User(f"{name}: a third", "taste", general, np.tile(is_liked, (len(general), 1))))
        pairs = list(itertools.product(CLASS_PHRASES, random.permutation(labels)[:20]))
        by_name = tuple(phrase.format(label.replace("_", " ")) for phrase, label in pairs)
        relevant = np.stack([in_domain & (photos.labels == label) for _, label in pairs])
        users.append(User(f"{name}: all", "breed", by_name, relevant))
        style = STYLES[(seed + domains.index(name)) % len(STYLES)]
        rows = np.flatnonzero(in_domain)[has_style(style, photos.tones[in_domain])]
        is_styled = np.isin(np.arange(len(in_domain)), rows)
        users.append(User(f"{name}: {style}", "style", general, np.tile(is_styled, (len(general), 1))))
    return users


def ndcg_and_recall(scores: Vectors, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return nDCG@10 and R@5 of each query over the whole library, shape (q, 2)."""
    ranking = np.argsort(-scores, axis=1)[:, :10]
    is_right = np.take_along_axis(relevant, ranking, axis=1)
    discounts = 1 / np.log2(np.arange(10) + 2)
    ideal = np.array([discounts[: min(10, int(count))].sum() for count in relevant.sum(axis=1)])
    return np.stack([is_right @ discounts / ideal, is_right[:, :5].any(axis=1)], axis=1)


def judge(
    user: User, texts: Vectors, photos: Photos, judgements: int, seed: int, *, shuffled: bool = False
) -> tuple[TrainingSet, Ids]:
    """Return what a user judged, and the rows of the queries that were never judged."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(user.queries))
    queries = order[: min(judgements // SHOWN, len(order) * 3 // 4)]
    shown = np.argsort(-(texts[queries] @ photos.vectors.T), axis=1)[:, :SHOWN]
    good = np.take_along_axis(user.relevant[queries], shown, axis=1)
    good = (good ^ (random.random(good.shape) < WRONG)).ravel()
    unjudged = random.permutation(np.setdiff1d(np.arange(len(photos.vectors)), shown))[:5000]
    return TrainingSet(
        names=tuple(user.queries[row] for row in queries),
        texts=texts[queries],
        images=np.zeros_like(texts[queries]),
        owners=np.repeat(np.arange(len(queries)), SHOWN),
        units=photos.vectors[shown.ravel()],
        are_photos=np.ones(shown.size, dtype=np.bool_),
        good=random.permutation(good) if shuffled else good,
        unjudged=photos.vectors[unjudged],
        unjudged_are_photos=np.ones(len(unjudged), dtype=np.bool_),
    ), order[len(queries) :]


def rocchio(training_set: TrainingSet, texts: Vectors) -> Vectors:
    """Return queries moved to the mean of the good hits of similar judged queries (Rocchio 1971)."""
    cosines = training_set.texts @ texts.T  # (q, t)
    weights = np.exp(10 * cosines)[training_set.owners][training_set.good]
    return to_unit_length(texts + 0.5 * to_unit_length(weights.T @ training_set.units[training_set.good]))


def mean_metrics(
    user: User, texts: Vectors, photos: Photos, unseen: Ids, adapter: Adapter | None
) -> NDArray[np.float64]:
    """Return mean nDCG@10 and R@5 on unseen queries, shape (2,)."""
    rows, queries = photos.vectors, texts[unseen]
    if adapter is not None:
        rows, queries = adapter.adapt_photos(rows), adapter.adapt_texts(queries)
    means: NDArray[np.float64] = ndcg_and_recall(queries @ rows.T, user.relevant[unseen]).mean(axis=0)
    return means


def passes_gate(
    training_set: TrainingSet, general: Vectors, control_set: ControlSet, *, transform_photos: bool
) -> bool:
    """Return whether the gate would activate what is trained on these judgements."""

    def train(part: TrainingSet, seed: int) -> Adapter:
        return train_adapter(part, general, seed=seed, transform_photos=transform_photos)

    try:
        result: TuningResult[Adapter] = train_with_gate(
            training_set, train=train, score=query_scores, control_set=control_set, seeds=(0,)
        )
    except TuningError:  # too few judgements
        return False
    return result.report.passed


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything that the users have in common.

    Attributes:
        options: Of the command line.
        encoder: Embeds queries.
        photos: The library.
        control_set: Flickr8k's captions.
        general: Embeddings of general prompts.
        domains: The sets of the users.
    """

    options: argparse.Namespace
    encoder: Encoder
    photos: Photos
    control_set: ControlSet
    general: Vectors
    domains: Sequence[str]

    def print_table(self, judgements: int) -> None:
        """Print a line for each kind of user: means over users and seeds."""
        rows: dict[str, list[list[float]]] = {}
        for seed in range(self.options.seeds):
            for user in make_users(self.photos, self.domains, seed):
                if user.kind in self.options.kinds:
                    rows.setdefault(user.kind, []).extend(self._measure(user, judgements, seed))
        for kind, of_kind in rows.items():
            values = np.array(of_kind)
            means = values.mean(axis=0)
            low, high = intervals((values[:, 2] - values[:, 0])[:, None], np.arange(len(values)))[0]
            sys.stdout.write(
                f"{kind:<6} {judgements:>4} judgements, {'both sides' if self.options.both else 'query side'}: "
                f"nDCG@10 {means[0]:.3f} -> {means[2]:.3f} ({means[2] / means[0] - 1:+.0%}; gain 95 % {low:+.3f} to "
                f"{high:+.3f}), R@5 {means[1]:.3f} -> {means[3]:.3f}, Rocchio {means[4]:.3f}, Flickr8k {means[5]:+.2f} "
                f"(worst {values[:, 5].min():+.2f}), shipped control set {means[6]:+.2f}, "
                f"passed the gate {values[:, 7].sum():.0f} of {len(values)}\n"
            )
            sys.stdout.flush()

    def _measure(self, user: User, judgements: int, seed: int) -> Iterator[list[float]]:
        """Yield the numbers of one user, unless no hit is good.

        They are nDCG@10 and R@5 before and after, nDCG@10 of Rocchio, the gain of Flickr8k and of the shipped control
        set in points, and whether the gate passes.
        """
        texts, photos = self.encoder.encode_texts(user.queries), self.photos
        training_set, unseen = judge(user, texts, photos, judgements, seed, shuffled=self.options.shuffled)
        if not training_set.good.any():
            return
        both = self.options.both
        adapter = train_adapter(training_set, self.general, seed=seed, transform_photos=both)
        before, after = (mean_metrics(user, texts, photos, unseen, change) for change in (None, adapter))
        scores = rocchio(training_set, texts[unseen]) @ photos.vectors.T
        rocchio_ndcg = ndcg_and_recall(scores, user.relevant[unseen]).mean(axis=0)[0]
        shipped = shipped_control_set(self.encoder) or self.control_set
        gains = [
            control_set.recall_at_5(adapter) - control_set.recall_at_5(None)
            for control_set in (self.control_set, shipped)
        ]
        passed = passes_gate(training_set, self.general, shipped, transform_photos=both)
        yield [*before, *after, rocchio_ndcg, *gains, passed]


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judgements", type=int, nargs="+", default=[20, 100, 500])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--kinds", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--choosing", action="store_true", help="on the sets that constants are chosen on")
    parser.add_argument("--shuffled", action="store_true", help="with verdicts that mean nothing")
    parser.add_argument("--both", action="store_true", help="photos are transformed too")
    return parser.parse_args()


def main() -> None:
    """Print the tables."""
    options = parse_options()
    encoder = load_encoder("compact")
    photos = load_library(options.data, encoder)
    rows, pictures = embed_set(options.data, "flickr8k", encoder, split="dev")
    captions = [caption for picture in pictures for caption in picture.captions]
    owners = np.repeat(np.arange(len(pictures)), [len(picture.captions) for picture in pictures])
    control_set = ControlSet(encoder.encode_texts(captions), rows, owners, "Flickr8k dev")
    domains = [name for name in DOMAINS if (name in CHOSEN_ON) == options.choosing]
    recall = control_set.recall_at_5(None)
    sys.stdout.write(f"{len(photos.vectors)} photos, control set {recall:.1f} points of R@5, {len(domains)} domains\n")
    bench = Bench(options, encoder, photos, control_set, background_vectors(encoder), domains)
    for judgements in options.judgements:
        bench.print_table(judgements)


if __name__ == "__main__":
    main()
