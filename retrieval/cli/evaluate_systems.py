"""What `recall evaluate` measures: one system or two, on captions or on queries."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import DEFAULT_ENCODER, Settings, library_place
from indexer.database_url import is_database_url
from indexer.registry import expected
from retrieval.cli.options import open_library

if TYPE_CHECKING:
    from indexer.encoders.names import Precision
    from indexer.types import ProgressCallback
    from retrieval.evaluation import Evaluation


@dataclass(frozen=True, slots=True)
class EvaluationRequest:
    """The options of `recall evaluate` that say what to measure.

    Attributes:
        table: The set, a CSV file.
        split: Value of the column `split`; None takes all lines.
        pair: Two systems to compare; None measures one.
        rerank: Rerankers of the search.
        calibration: Whether to measure match probabilities.
        encoder: Name of the encoder; None takes the default one, or that of the library.
        precision: Its precision; None takes its own.
        settings: Where the library is, and how it works.
    """

    table: Path
    split: str | None
    pair: tuple[str, str] | None
    rerank: tuple[str, ...]
    calibration: bool
    encoder: str | None
    precision: Precision | None
    settings: Settings

    def check_pair(self) -> None:
        """Refuse a pair that cannot be compared.

        Raises:
            UsageError: The two are the same, or another option names a system too.
        """
        if self.pair is None:
            return
        if self.pair[0] == self.pair[1]:
            raise click.UsageError(f"--compare names {self.pair[0]!r} twice; name two systems")
        if self.encoder or self.precision or self.rerank:
            raise click.UsageError("--compare names both systems itself; leave out --encoder, --precision and --rerank")

    def measure(self, progress: ProgressCallback) -> list[Evaluation]:
        """Return the evaluation of the system, or of both.

        Raises:
            UsageError: An option is not for this kind of set.
        """
        from retrieval.evaluation import set_kind  # late: --help does not need numpy

        kind = set_kind(self.table)
        if self.calibration and (self.pair or kind == "queries"):
            raise click.UsageError("--calibration is for one encoder on a set with the columns image and caption")
        if kind == "judgements" and not self.calibration:
            raise click.UsageError(
                f"{self.table} has judgements (columns yes and no); add --calibration to measure them"
            )
        has_captions = kind != "queries"
        if self.rerank and has_captions:
            raise click.UsageError("--rerank is for a set with the columns query and relevant")
        if has_captions:
            return self._on_captions(progress, is_judged=kind == "judgements")
        logging.getLogger("retrieval.search.rerank").setLevel(logging.WARNING)  # else a line for each query
        if self.pair and _are_chains(self.pair):
            return self._with_chains(self.pair, progress)
        return self._on_queries(progress)

    def _on_captions(self, progress: ProgressCallback, *, is_judged: bool) -> list[Evaluation]:
        """Return how well one encoder, or each of two, retrieves captioned photos."""
        from indexer.encoders import load_encoder  # late, as above
        from indexer.encoders.names import in_precision
        from retrieval.evaluation import evaluate_captions, evaluate_judgements

        name = self.encoder or self.settings.encoder or DEFAULT_ENCODER
        names = self.pair or (in_precision(name, self.precision) if self.precision else name,)
        device, batch_size = self.settings.device, self.settings.batch_size
        encoders = [load_encoder(name, device=device, batch_size=batch_size) for name in names]
        if is_judged:
            return [evaluate_judgements(self.table, encoders[0], split=self.split, progress=progress)]
        return [
            evaluate_captions(self.table, encoder, split=self.split, calibration=self.calibration, progress=progress)
            for encoder in encoders
        ]

    def _on_queries(self, progress: ProgressCallback) -> list[Evaluation]:
        """Return how well the search of one library, or of each of two, answers queries with known answers."""
        places = [library_place(name) for name in self.pair] if self.pair else [self.settings.library]
        with ExitStack() as stack:
            libraries = [
                stack.enter_context(
                    open_library(replace(self.settings, library=place), encoder=self.encoder, precision=self.precision)
                )
                for place in places
            ]
            return [
                library.evaluate(self.table, split=self.split, rerank=self.rerank, progress=progress)
                for library in libraries
            ]

    def _with_chains(self, pair: tuple[str, str], progress: ProgressCallback) -> list[Evaluation]:
        """Return how well the search of one library does with each of two chains of rerankers, on as many hits."""
        from retrieval.evaluation.search_quality import default_depth  # late, as above
        from retrieval.search.rerank.registry import make_rerankers, split_chain

        chains = [split_chain(name) for name in pair]
        depth = default_depth(
            [*make_rerankers(chains[0]), *make_rerankers(chains[1])]
        )  # a wrong name is reported at once
        with open_library(self.settings) as library:
            evaluations = [
                library.evaluate(self.table, split=self.split, rerank=chain, depth=depth, progress=progress)
                for chain in chains
            ]
        return [replace(evaluation, system=name) for evaluation, name in zip(evaluations, pair, strict=True)]


def _are_chains(pair: tuple[str, str]) -> bool:
    """Return whether both are chains of rerankers, not libraries.

    Raises:
        UsageError: One of them is neither, or only one is a chain.
    """
    from retrieval.search.rerank.registry import all_entries, is_chain  # late, as above

    chains = [name for name in pair if is_chain(name)]
    for name in pair:
        if name not in chains and not is_database_url(name) and not Path(name).exists():
            raise click.UsageError(
                f"--compare names {name!r}, which is neither a library nor a reranker; expected two libraries, or two "
                f"chains of rerankers: none, or {expected(all_entries())}, joined by +"
            )
    if len(chains) == 1:
        raise click.UsageError(
            f"--compare names the rerankers {chains[0]!r} and a library; name two libraries, or two chains of rerankers"
        )
    return bool(chains)
