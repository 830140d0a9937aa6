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
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.encoders import load_encoder
from indexer.encoders.adapter import Adapter
from indexer.encoders.base import Encoder, to_unit_length
from indexer.errors import TuningError
from indexer.types import Ids, Vectors
from retrieval.calibration.background import background_vectors
from retrieval.evaluation.bootstrap import intervals
from retrieval.tuning.adapter.train_adapter import query_scores, train_adapter
from retrieval.tuning.control_set.control_set import ControlSet, shipped_control_set
from retrieval.tuning.gate import TuningResult, train_with_gate
from retrieval.tuning.training_set import TrainingSet
from tests.bench.simulated_users import DOMAINS, KINDS, Photos, User, embed_set, judge, load_library, make_users

CHOSEN_ON = ("flowers5", "clothing", "monkeys10")
"""Sets on which constants of the training were chosen; results are reported on the others."""


def ndcg_and_recall(scores: Vectors, relevant: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return nDCG@10 and R@5 of each query over the whole library, shape (q, 2)."""
    ranking = np.argsort(-scores, axis=1)[:, :10]
    is_right = np.take_along_axis(relevant, ranking, axis=1)
    discounts = 1 / np.log2(np.arange(10) + 2)
    ideal = np.array([discounts[: min(10, int(count))].sum() for count in relevant.sum(axis=1)])
    return np.stack([is_right @ discounts / ideal, is_right[:, :5].any(axis=1)], axis=1)


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
