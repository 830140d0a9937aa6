"""Low-rank training for simulated users with a hidden preference: what it finds after, and what it forgets.

    python -m tests.bench.lora_users ../shared/data --judgements 20 100 --seeds 2

The library is every photo of pets37 and a part of Flickr8k's dev photos. A user of the kind `class` says generic words
and means one breed, any of the five that such words find most often: of one that they never find there is no good
verdict to learn from. One of the kind `breed` says names of six breeds in turn. One of the kind `style` says generic
words and means the pets' photos of a style: the darkest third, the lightest, the most colourful or the palest. A user
judges the first ten of each query, every tenth verdict wrong (`--shuffled`: all in random order). Measured on
phrasings that were never judged, over the whole library; beside it Flickr8k's captions, from words to pictures (R@5,
every caption a query). Compact was trained on a part of pets37.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.types import Vectors
from retrieval.evaluation.datasets import read_captions
from retrieval.tuning.lora.data import LoraPlan, PairedQuery, Photos
from retrieval.tuning.lora.dataset import STOPPED, epochs_for, split
from retrieval.tuning.lora.inputs import look
from retrieval.tuning.lora.learn import ON_CPU
from retrieval.tuning.lora.train import train_lora
from tests.bench.styles import STYLES, styled, tones

GENERIC = (
    "pet", "animal", "friend", "little one", "darling", "companion", "furry friend", "four-legged friend", "sweetheart",
    "buddy",
)  # fmt: skip
OWNERS = ("my {}", "our {}", "a photo of my {}", "the {} at home", "a portrait of our {}", "the {} we love")
NAMED = ("{}", "a photo of a {}", "my {}", "a {} at home", "a picture of a {} outside", "the {} looking at me",
         "a close-up of a {}", "a lovely {}", "one of our {} photos", "a {} again")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Words:
    """Something that a user may say, and what it means: a label, or a style."""

    text: str
    label: str


def phrasings(kind: str, labels: Sequence[str], often: Sequence[str], seed: int) -> list[Words]:
    """Return what a user says, in an order of its own."""
    random = np.random.default_rng([7, seed])
    chosen = random.permutation(len(labels))
    if kind == "style":
        said = [Words(owner.format(name), STYLES[seed % len(STYLES)]) for owner in OWNERS for name in GENERIC]
    elif kind == "class":
        said = [Words(owner.format(name), often[seed % len(often)]) for owner in OWNERS for name in GENERIC]
    else:
        said = [Words(form.format(labels[row]), labels[row]) for form in NAMED for row in chosen[:6]]
    return [said[row] for row in random.permutation(len(said))]


def ndcg_and_hit(ranked_good: np.ndarray) -> tuple[float, float]:
    """Return nDCG@10 and R@5 of one ranking, True where a photo answers."""
    gains = ranked_good[:10] / np.log2(np.arange(2, 12))
    best = (1 / np.log2(np.arange(2, 12)))[: int(ranked_good.sum())].sum()
    return float(gains.sum() / best), float(ranked_good[:5].any())


class Library:
    """The photos, and what an encoder makes of them."""

    def __init__(self, data: Path, most: int) -> None:
        with (data / "pets37" / "captions.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        self.pets = {data / "pets37" / "images" / row["image"]: row["label"] for row in rows}
        self.general = read_captions(data / "flickr8k" / "captions.csv", "dev")[:most]
        self.paths = [*self.pets, *(picture.path for picture in self.general)]
        self.labels = sorted(set(self.pets.values()))
        names = np.array([self.pets.get(path, "") for path in self.paths])
        tone = tones(list(self.pets))
        self.meant = {label: names == label for label in self.labels}
        for style in STYLES:
            self.meant[style] = np.append(styled(style, tone), np.zeros(len(self.general), dtype=np.bool_))

    def vectors(self, encoder: OpenClipEncoder) -> Vectors:
        with Photos(encoder.preprocess, limits=None, workers=1) as photos:
            found = look(encoder, photos, self.paths, chunk=32, progress=None)
        return np.stack([found[path] for path in self.paths])

    def often(self, encoder: OpenClipEncoder, vectors: Vectors) -> list[str]:
        """Return the five breeds that are most often among the first ten of generic words."""
        words = [owner.format(name) for owner in OWNERS for name in GENERIC]
        first = np.argsort(-(encoder.encode_texts(words) @ vectors.T), axis=1, kind="stable")[:, :10]
        counts = {label: int(self.meant[label][first].sum()) for label in self.labels}
        return sorted(self.labels, key=lambda label: -counts[label])[:5]

    def values(self, encoder: OpenClipEncoder, vectors: Vectors, words: Sequence[Words]) -> tuple[float, float]:
        """Return mean nDCG@10 and R@5 over the words."""
        scores = encoder.encode_texts([each.text for each in words]) @ vectors.T
        order = np.argsort(-scores, axis=1, kind="stable")
        found = [ndcg_and_hit(self.meant[each.label][row]) for row, each in zip(order, words, strict=True)]
        return float(np.mean([value for value, _ in found])), float(np.mean([value for _, value in found]))

    def control_set(self, encoder: OpenClipEncoder, vectors: Vectors) -> float:
        """Return R@5 of the captions among their photos, in points."""
        texts = [caption for picture in self.general for caption in picture.captions]
        owners = np.repeat(np.arange(len(self.general)), [len(picture.captions) for picture in self.general])
        scores = encoder.encode_texts(texts) @ vectors[len(self.pets) :].T
        places = (scores > scores[np.arange(len(texts)), owners][:, None]).sum(axis=1)
        return float((places < 5).mean() * 100)

    def judge(
        self, encoder: OpenClipEncoder, vectors: Vectors, words: Sequence[Words], seed: int, *, shuffled: bool
    ) -> list[PairedQuery]:
        """Return the verdicts on the first ten of each, every tenth wrong."""
        random, found = np.random.default_rng([8, seed]), []
        scores = encoder.encode_texts([each.text for each in words]) @ vectors.T
        for row, each in zip(scores, words, strict=True):
            shown = np.argsort(-row, kind="stable")[:10]
            good = self.meant[each.label][shown] ^ (random.random(10) < 0.1)
            good = random.permutation(good) if shuffled else good
            paths = [self.paths[number] for number in shown]
            taken, refused = (tuple(np.array(paths, dtype=object)[mask]) for mask in (good, ~good))
            found.append(PairedQuery(each.text, taken, refused))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--judgements", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", default=["class", "breed", "style"])
    parser.add_argument("--shuffled", action="store_true", help="with verdicts that mean nothing")
    parser.add_argument("--general", type=int, default=200, help="Flickr8k dev photos")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.5, 1.0])
    parser.add_argument("--epochs", type=int, help="by default as many as `recall tune` takes")
    parser.add_argument("--rate", type=float, default=LoraPlan().rate)
    options = parser.parse_args()
    start = OpenClipEncoder.load("compact", device="cpu")
    library = Library(options.data, options.general)
    before = library.vectors(start)
    control_set, often = library.control_set(start, before), library.often(start, before)
    print(f"{len(library.paths)} photos, control set R@5 {control_set:.1f}")  # noqa: T201
    means: dict[tuple[str, int, float], list[list[float]]] = {}
    for kind in options.kinds:
        for judgements in options.judgements:
            for seed in range(options.seeds):
                said = phrasings(kind, library.labels, often, seed)
                count = judgements // 10
                judged = library.judge(start, before, said[:count], seed, shuffled=options.shuffled)
                unseen = said[-10:]
                usable = [query for query in judged if query.good]
                learnt, valid = split(usable, seed, stops=len(usable) >= STOPPED)
                epochs = options.epochs or epochs_for(len(learnt), LoraPlan().batch)
                plan = LoraPlan(epochs=epochs, chunk=ON_CPU, rate=options.rate, seed=seed)
                with tempfile.TemporaryDirectory() as work:
                    trained = train_lora(
                        start, learnt, valid,
                        others=library.paths, work=Path(work), plan=plan, workers=1,
                    )  # fmt: skip
                old = library.values(start, before, unseen)
                for share in options.shares:
                    encoder = trained.encoder(share)
                    vectors = library.vectors(encoder)
                    new = library.values(encoder, vectors, unseen)
                    lost = library.control_set(encoder, vectors) - control_set
                    means.setdefault((kind, judgements, share), []).append([*old, *new, lost])
                    print(  # noqa: T201
                        f"{kind:5} {judgements:3} judgements, seed {seed}, share {share:g}: "
                        f"nDCG@10 {old[0]:.3f} -> {new[0]:.3f}, R@5 {old[1]:.2f} -> {new[1]:.2f}, "
                        f"control set {lost:+.1f}, epoch {trained.epoch} of "
                        f"{len(trained.losses) - bool(valid)}, {trained.seconds:.0f} s",
                        flush=True,
                    )
    for (kind, judgements, share), rows in means.items():
        each = np.array(rows)
        mean = each.mean(axis=0)
        print(  # noqa: T201
            f"{kind:5} {judgements:3} judgements, {len(rows)} users, share {share:g}: nDCG@10 {mean[0]:.3f} -> "
            f"{mean[2]:.3f}, R@5 {mean[1]:.2f} -> {mean[3]:.2f}, "
            f"control set {mean[4]:+.1f} (worst {each[:, 4].min():+.1f})"
        )


if __name__ == "__main__":
    main()
