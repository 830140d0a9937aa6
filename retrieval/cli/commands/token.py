"""`recall token`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from indexer.errors import MissingPackageError
from retrieval.cli.messages import note
from retrieval.cli.suggestions import SuggestingGroup
from retrieval.cli.table import print_table

if TYPE_CHECKING:
    from retrieval.server.tokens import TokenFile

SECTION = "Library"


@click.group("token", cls=SuggestingGroup, short_help="Make or revoke tokens for `recall serve`.")
def command() -> None:
    """Make, list or revoke tokens by which programs and browsers get into `recall serve`.

    `recall serve` makes a token each time it starts. A stored one stays, for a server that starts by itself and for
    programs. Only its hash is stored.

    \b
    recall token new phone
    recall token list
    recall token revoke phone
    """


@command.command("new")
@click.argument("name")
def new_command(name: str) -> None:
    """Make a token, store its hash under a name, and print it once.

    \b
    recall token new phone
    """
    click.echo(_token_file().make(name))
    note("keep it: it is not shown again")


@command.command("list")
def list_command() -> None:
    """List the names of the stored tokens.

    \b
    recall token list
    """
    tokens = _token_file().tokens()
    if tokens:
        print_table(("name", "made"), ((token.name, f"{token.made_at:%Y-%m-%d}") for token in tokens))
    else:
        note("no tokens yet; run: recall token new NAME")


@command.command("revoke")
@click.argument("name")
def revoke_command(name: str) -> None:
    """Forget a token; servers that run refuse it at once, and the browsers that used it.

    \b
    recall token revoke phone
    """
    _token_file().revoke(name)
    click.echo(f"the token {name} is revoked")


def _token_file() -> TokenFile:
    try:
        from retrieval.server.tokens import TokenFile  # late: optional packages
    except ImportError as error:
        raise MissingPackageError(
            "recall token needs the packages fastapi and uvicorn; run: pip install 'recall-photos[server]'"
        ) from error
    return TokenFile()
