"""The option --rerank, whose help lists the rerankers."""

from __future__ import annotations

from collections.abc import Callable

import click

from retrieval.search.rerank.registry import reranker_entries

Command = Callable[..., None]


class RerankOption(click.Option):
    """An option whose help names every reranker; it is composed when it is shown, for which their sources are read."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        entries = (
            f"{entry.syntax}: {entry.help}{f', by default {entry.default}' if entry.default else ''}."
            for entry in reranker_entries()
        )
        self.help = " ".join(("Rerank the best results; may be given several times, in this order.", *entries))
        return super().get_help_record(ctx)


rerank_option: Callable[[Command], Command] = click.option("--rerank", cls=RerankOption, multiple=True, metavar="NAME")
"""Names of rerankers, in the order in which they are applied."""
