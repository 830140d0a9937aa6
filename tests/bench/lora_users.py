"""LoRA training for simulated users with a hidden preference: what they gain, and what the control set loses.

    python -m tests.bench.lora_users ../shared/data --judgements 20 100 --seeds 2

The library is all photos of pets37 and some of Flickr8k's dev photos. A user of the kind `class` asks in general words
and means one breed, one of the five that such words find most often: for a breed that they never find, no hit is good.
A user of the kind `breed` asks for six breeds by name in turn. A user of the kind `style` asks in general words and
means the pet photos of a style: the darkest third, the lightest, the most colourful or the palest. A user judges the
first ten hits of each query, every tenth verdict wrong (`--shuffled`: in random order). Gains are measured on phrasings
that were never judged, over the whole library. The control set is Flickr8k's captions among their photos (R@5, each
caption a query). Compact was trained on a part of pets37.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.types import Vectors
from retrieval.evaluation.datasets import read_captions
from retrieval.tuning.lora.inputs import embed_photos
from retrieval.tuning.lora.interpolation import LoraResult
from retrieval.tuning.lora.judged_photos import EARLY_STOPPING_QUERIES, epochs_for, split
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.paired_queries import PairedQuery
from retrieval.tuning.lora.photo_reader import PhotoReader
from retrieval.tuning.lora.train_lora import train_lora
from retrieval.tuning.lora.tune_lora import CPU_CHUNK
from tests.bench.styles import STYLES, has_style, photo_tones

GENERAL_WORDS = (
    "pet", "animal", "friend", "little one", "darling", "companion", "furry friend", "four-legged friend", "sweetheart",
    "buddy",
)  # fmt: skip
GENERAL_PHRASES = ("my {}", "our {}", "a photo of my {}", "the {} at home", "a portrait of our {}", "the {} we love")
BREED_PHRASES = (
    "{}", "a photo of a {}", "my {}", "a {} at home", "a picture of a {} outside", "the {} looking at me",
    "a close-up of a {}", "a lovely {}", "one of our {} photos", "a {} again",
)  # fmt: skip
GENERAL_QUERIES = tuple(phrase.format(word) for phrase in GENERAL_PHRASES for word in GENERAL_WORDS)


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a user, and the label or style that it means."""

    text: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a training with an alpha gave for one user: nDCG@10 and R@5 before and after, and points of the control set.

    Attributes:
        before: nDCG@10 and R@5 before training, 0 to 1.
        after: The same after training.
        control_gain: Gain of the control set, points.
    """

    before: tuple[float, float]
    after: tuple[float, float]
    control_gain: float


def user_queries(kind: str, labels: Sequence[str], frequent: Sequence[str], seed: int) -> list[Query]:
    """Return what a user asks, in a random order.

    Args:
        kind: "class", "breed" or "style".
        labels: All breeds.
        frequent: The breeds that general words find most often.
        seed: Seed of the user.
    """
    random = np.random.default_rng([7, seed])
    order = random.permutation(len(labels))
    if kind == "style":
        queries = [Query(text, STYLES[seed % len(STYLES)]) for text in GENERAL_QUERIES]
    elif kind == "class":
        queries = [Query(text, frequent[seed % len(frequent)]) for text in GENERAL_QUERIES]
    else:
        queries = [Query(phrase.format(labels[row]), labels[row]) for phrase in BREED_PHRASES for row in order[:6]]
    return [queries[row] for row in random.permutation(len(queries))]


def ndcg_and_hit(is_right: NDArray[np.bool_]) -> tuple[float, float]:
    """Return nDCG@10 and R@5 of a ranking, given whether each photo is right."""
    gains = is_right[:10] / np.log2(np.arange(2, 12))
    best = (1 / np.log2(np.arange(2, 12)))[: int(is_right.sum())].sum()
    return float(gains.sum() / best), float(is_right[:5].any())


class Library:
    """The photos, and which of them each label and each style means."""

    def __init__(self, data: Path, general: int) -> None:
        with (data / "pets37" / "captions.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        self.pets = {data / "pets37" / "images" / row["image"]: row["label"] for row in rows}
        self.general = read_captions(data / "flickr8k" / "captions.csv", "dev")[:general]
        self.paths = [*self.pets, *(picture.path for picture in self.general)]
        self.labels = sorted(set(self.pets.values()))
        names = np.array([self.pets.get(path, "") for path in self.paths])
        tones = photo_tones(list(self.pets))
        self.is_right = {label: names == label for label in self.labels}
        for style in STYLES:
            self.is_right[style] = np.append(has_style(style, tones), np.zeros(len(self.general), dtype=np.bool_))

    def embed(self, encoder: OpenClipEncoder) -> Vectors:
        """Return the unit vectors of all photos, shape (n, d)."""
        with PhotoReader(encoder.preprocess, limits=None, workers=1) as photos:
            vectors = embed_photos(encoder, photos, self.paths, chunk=32, progress=None)
        return np.stack([vectors[path] for path in self.paths])

    def frequent_labels(self, encoder: OpenClipEncoder, vectors: Vectors) -> list[str]:
        """Return the five breeds that are most often among the first ten hits of general words."""
        ranking = np.argsort(-(encoder.encode_texts(GENERAL_QUERIES) @ vectors.T), axis=1, kind="stable")[:, :10]
        counts = {label: int(self.is_right[label][ranking].sum()) for label in self.labels}
        return sorted(self.labels, key=lambda label: -counts[label])[:5]

    def metrics(self, encoder: OpenClipEncoder, vectors: Vectors, queries: Sequence[Query]) -> tuple[float, float]:
        """Return mean nDCG@10 and R@5 over queries."""
        scores = encoder.encode_texts([query.text for query in queries]) @ vectors.T
        ranking = np.argsort(-scores, axis=1, kind="stable")
        values = [ndcg_and_hit(self.is_right[query.meaning][row]) for row, query in zip(ranking, queries, strict=True)]
        return float(np.mean([ndcg for ndcg, _ in values])), float(np.mean([hit for _, hit in values]))

    def control_recall(self, encoder: OpenClipEncoder, vectors: Vectors) -> float:
        """Return R@5 of Flickr8k's captions among their photos, in points."""
        texts = [caption for picture in self.general for caption in picture.captions]
        owners = np.repeat(np.arange(len(self.general)), [len(picture.captions) for picture in self.general])
        scores = encoder.encode_texts(texts) @ vectors[len(self.pets) :].T
        ranks = (scores > scores[np.arange(len(texts)), owners][:, None]).sum(axis=1)
        return float((ranks < 5).mean() * 100)

    def judge(
        self, encoder: OpenClipEncoder, vectors: Vectors, queries: Sequence[Query], seed: int, *, shuffled: bool
    ) -> list[PairedQuery]:
        """Return the user's verdicts on the first ten hits of each query, every tenth wrong."""
        random, judged = np.random.default_rng([8, seed]), []
        scores = encoder.encode_texts([query.text for query in queries]) @ vectors.T
        for row, query in zip(scores, queries, strict=True):
            shown = np.argsort(-row, kind="stable")[:10]
            good = self.is_right[query.meaning][shown] ^ (random.random(10) < 0.1)
            good = random.permutation(good) if shuffled else good
            paths = np.array([self.paths[number] for number in shown], dtype=object)
            judged.append(PairedQuery(query.text, tuple(paths[good]), tuple(paths[~good])))
        return judged


class Bench:
    """Trains for simulated users, and measures them on unseen queries."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._start = OpenClipEncoder.load("compact", device="cpu")
        self._library = Library(options.data, options.general)
        self._before = self._library.embed(self._start)
        self._control_before = self._library.control_recall(self._start, self._before)
        self._frequent = self._library.frequent_labels(self._start, self._before)
        write(f"{len(self._library.paths)} photos, control set R@5 {self._control_before:.1f}")

    def run_user(self, kind: str, judgements: int, seed: int) -> Iterator[tuple[float, Outcome]]:
        """Yield each alpha with its outcome for one user."""
        queries = user_queries(kind, self._library.labels, self._frequent, seed)
        unseen = queries[-10:]
        result, has_validation = self._train(queries[: judgements // 10], seed)
        before = self._library.metrics(self._start, self._before, unseen)
        for alpha in self._options.alphas:
            encoder = result.encoder(alpha)
            vectors = self._library.embed(encoder)
            after = self._library.metrics(encoder, vectors, unseen)
            control_gain = self._library.control_recall(encoder, vectors) - self._control_before
            write(
                f"{kind:5} {judgements:3} judgements, seed {seed}, alpha {alpha:g}: "
                f"nDCG@10 {before[0]:.3f} -> {after[0]:.3f}, R@5 {before[1]:.2f} -> {after[1]:.2f}, "
                f"control set {control_gain:+.1f}, epoch {result.epoch} of "
                f"{len(result.losses) - has_validation}, {result.seconds:.0f} s"
            )
            yield alpha, Outcome(before, after, control_gain)

    def _train(self, queries: Sequence[Query], seed: int) -> tuple[LoraResult, bool]:
        """Return the result of a training on the user's verdicts, and whether it had a validation."""
        options = self._options
        judged = self._library.judge(self._start, self._before, queries, seed, shuffled=options.shuffled)
        usable = [query for query in judged if query.good]
        train, valid = split(usable, seed, early_stopping=len(usable) >= EARLY_STOPPING_QUERIES)
        epochs = options.epochs or epochs_for(len(train), LoraPlan().batch)
        plan = LoraPlan(epochs=epochs, chunk=CPU_CHUNK, rate=options.rate, seed=seed)
        with tempfile.TemporaryDirectory() as work:
            result = train_lora(
                self._start, train, valid, unjudged=self._library.paths, work=Path(work), plan=plan, workers=1
            )
        return result, bool(valid)


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judgements", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=["class", "breed", "style"])
    parser.add_argument("--shuffled", action="store_true", help="with verdicts that mean nothing")
    parser.add_argument("--general", type=int, default=200, help="Flickr8k dev photos")
    parser.add_argument("--alphas", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--epochs", type=int, help="by default as many as `recall tune` trains")
    parser.add_argument("--rate", type=float, default=LoraPlan().rate)
    return parser.parse_args()


def main() -> None:
    """Print a line for each user and alpha, and the means over users."""
    options = parse_options()
    bench = Bench(options)
    outcomes: dict[tuple[str, int, float], list[Outcome]] = {}
    for kind in options.kinds:
        for judgements in options.judgements:
            for seed in range(options.seeds):
                for alpha, outcome in bench.run_user(kind, judgements, seed):
                    outcomes.setdefault((kind, judgements, alpha), []).append(outcome)
    for (kind, judgements, alpha), of_users in outcomes.items():
        before = np.mean([outcome.before for outcome in of_users], axis=0)
        after = np.mean([outcome.after for outcome in of_users], axis=0)
        control_gains = np.array([outcome.control_gain for outcome in of_users])
        write(
            f"{kind:5} {judgements:3} judgements, {len(of_users)} users, alpha {alpha:g}: nDCG@10 {before[0]:.3f} -> "
            f"{after[0]:.3f}, R@5 {before[1]:.2f} -> {after[1]:.2f}, "
            f"control set {control_gains.mean():+.1f} (worst {control_gains.min():+.1f})"
        )


if __name__ == "__main__":
    main()
