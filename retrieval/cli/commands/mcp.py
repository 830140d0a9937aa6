"""`recall mcp`."""

from __future__ import annotations

import click
from click.core import ParameterSource

from indexer.config import Settings
from indexer.errors import MissingPackageError
from retrieval.cli.options import open_library, settings_options

SECTION = "Library"


@click.command("mcp", short_help="Let assistants search the library (MCP server).")
@click.option(
    "--http",
    "address",
    metavar="[HOST:]PORT",
    help="Serve through HTTP instead of standard input and output; by default on 127.0.0.1. Port 0 takes a free one.",
)
@click.option(
    "--token",
    metavar="TOKEN",
    envvar="RECALL_MCP_TOKEN",
    show_envvar=True,
    help="What HTTP clients must send as a bearer token; by default a new one, which is printed.",
)
@click.option(
    "--allow-host",
    "hosts",
    metavar="NAME",
    multiple=True,
    help="A name or address by which HTTP clients may call this machine; needed to serve other machines.",
)
@click.option("--allow-writes", is_flag=True, help="Add tools that change the library: judge, learn and add.")
@click.option("--allow-files", is_flag=True, help="Let clients name any picture file that you may read.")
@settings_options("library", "device", "trust_encoder", "max_pixels", "max_bytes", "timeout", "wait")
def command(
    address: str | None,
    token: str | None,
    hosts: tuple[str, ...],
    allow_writes: bool,
    allow_files: bool,
    settings: Settings,
) -> None:
    """Let assistants search the library: a server for the Model Context Protocol.

    An assistant starts it itself and talks to it through standard input and output. It only reads, unless
    --allow-writes is given, and shows only what is in the library, unless --allow-files is given.

    \b
    recall mcp
    recall mcp --http 8765
    """
    if address is None and (_is_typed("token") or hosts):
        option = "--allow-host" if hosts else "--token"
        raise click.UsageError(f"{option} is for --http; add --http PORT, or leave it out")
    try:
        from retrieval.integrations import mcp  # late: an optional package
    except ImportError as error:
        raise MissingPackageError("recall mcp needs the package mcp; run: pip install 'recall-photos[mcp]'") from error
    permissions = mcp.Permissions(allow_writes=allow_writes, allow_files=allow_files)
    if address is None:
        with open_library(settings, read_only=not allow_writes) as library:
            mcp.serve_stdio(mcp.make_server(library, permissions))
        return
    door = mcp.Door.open(mcp.Address.parse(address), token=token, hosts=hosts)
    with open_library(settings, read_only=not allow_writes) as library:
        server = mcp.make_server(library, permissions, door=door)
        mcp.serve_http(server, door, announce=lambda: _announce(door.url, None if token else door.token))


def _is_typed(name: str) -> bool:
    """Return whether an option was given on the command line, not by the environment."""
    return click.get_current_context().get_parameter_source(name) is ParameterSource.COMMANDLINE


def _announce(url: str, token: str | None) -> None:
    """Print where the server is, and its token if it was made for this run."""
    click.echo(f"recall: serving {url}{f'; token: {token}' if token else ''}", err=True)
