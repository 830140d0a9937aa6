"""The option --rerank, whose help lists the rerankers."""

from __future__ import annotations

from collections.abc import Callable

import click

from retrieval.cli.suggestions import did_you_mean
from retrieval.search.rerank.registry import all_entries, is_reranker

Command = Callable[..., None]


class RerankOption(click.Option):
    """An option whose help names every reranker; it is composed when it is shown, because their sources are read."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option and its help."""
        entries = (
            f"{entry.syntax}: {entry.help}{f', by default {entry.default}' if entry.default else ''}."
            for entry in all_entries()
        )
        self.help = "\n\n".join(("Rerank the best results; may be repeated, in this order.", *entries))
        return super().get_help_record(ctx)


def _check_names(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Return the values; refuse one that resembles the name of a reranker. The library refuses other wrong names."""
    for value in values:
        name = value.partition(":")[0]
        suggestion = "" if is_reranker(name) else did_you_mean(name, [entry.name for entry in all_entries()])
        if suggestion:
            raise click.BadParameter(f"no reranker is called {name!r}.{suggestion}")
    return values


rerank_option: Callable[[Command], Command] = click.option(
    "--rerank", cls=RerankOption, multiple=True, metavar="NAME", callback=_check_names
)
"""Names of rerankers, in the order in which they are applied."""
