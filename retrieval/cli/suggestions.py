"""What somebody may have meant by a command, option or reranker that does not exist."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import click

from retrieval.cli.text import visible

_RENAMED = {"encoders": "encoder", "--in": "--type", "--probe": "--control-set", "moments": "bursts"}
"""Words of earlier versions, which are no aliases."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return a sentence that suggests what is called like `name`, with a space before it; "" for nothing like it."""
    close = [_RENAMED[name]] if name in _RENAMED else get_close_matches(name, list(names))
    if not close:
        return ""
    return f" Did you mean {close[0]!r}?" if len(close) == 1 else f" (Did you mean one of: {str(close)[1:-1]}?)"


class SuggestingGroup(click.Group):
    """A group that suggests a command for one that does not exist, also with click 8.2 and 8.3, which do not."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the name of the command, itself, and its arguments."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def with_new_word(error: click.UsageError) -> click.UsageError:
    """Return the error, safe to print; for an option of earlier versions one that suggests its new name."""
    if isinstance(error, click.NoSuchOption) and error.option_name in _RENAMED:
        return click.UsageError(f"{visible(error.message)}{did_you_mean(error.option_name, ())}", error.ctx)
    message = "\n".join(map(visible, error.format_message().split("\n")))  # it quotes what was typed, or a file name
    return click.UsageError(message, error.ctx)
