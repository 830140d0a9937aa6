"""`recall serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from indexer.config import Settings
from indexer.database_url import DatabaseUrl
from indexer.errors import MissingPackageError
from retrieval.cli.options import FilePath, LibraryPlace, settings_options

SECTION = "Search"


@click.command("serve", short_help="See and search your photos in the browser (HTTP API).")
@click.option(
    "--library", "libraries", type=LibraryPlace(), metavar="LIBRARY", multiple=True,
    help="The library: a folder NAME.recall, or postgresql://HOST/DATABASE; may be repeated. By default "
    "RECALL_LIBRARY, or photos.recall in your data folder.",
)  # fmt: skip
@click.option(
    "--listen", "address", metavar="[HOST:]PORT", default="8321", show_default=True,
    help="Where to listen; by default only this machine reaches it. Port 0 takes a free one.",
)  # fmt: skip
@click.option(
    "--open/--no-open", "opens", default=None,
    help="Whether to open the gallery in the browser; by default if the program runs on a terminal with a desktop.",
)  # fmt: skip
@click.option("--read-only", is_flag=True, help="Refuse whatever changes a library.")
@click.option("--tls-cert", type=FilePath(dir_okay=False), metavar="FILE", help="Certificate for HTTPS, in PEM.")
@click.option("--tls-key", type=FilePath(dir_okay=False), metavar="FILE", help="Private key of the certificate.")
@click.option("--insecure", is_flag=True, help="Serve other machines without HTTPS: who listens in reads the token.")
@click.option("--root-path", metavar="PATH", default="", help="Path before the server's own behind a proxy: /photos.")
@click.option(
    "--allow-host", "hosts", metavar="NAME", multiple=True,
    help="A name by which browsers may call this machine, for instance that of the proxy; may be repeated.",
)  # fmt: skip
@click.option(
    "--allow-folders", "folders", type=FilePath(), metavar="FOLDER", multiple=True,
    help="Let clients index this folder, or folders below it; may be repeated.",
)  # fmt: skip
@click.option(
    "--stored-tokens", is_flag=True,
    help="Make and print no token: accept those of `recall token new` only, for a server that starts by itself.",
)  # fmt: skip
@click.option("--predict", is_flag=True, help="Add /predict, by which Immich uses the encoder; it needs no token.")
@settings_options("device", "trust_encoder", "max_pixels", "max_bytes", "timeout", "wait")
def command(
    libraries: tuple[Path | DatabaseUrl, ...],
    address: str,
    opens: bool | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    settings: Settings,
    **choices: Any,
) -> None:
    """See and search your photos in the browser, and let other programs search through HTTP.

    The address that is printed has a token, without which nobody gets in; a new one is made each time, and those of
    `recall token` are accepted too. Only this machine reaches the server unless you say otherwise. Ctrl-C ends it.

    \b
    recall serve
    recall serve --library photos.recall --library scans.recall --read-only
    recall serve --listen 0.0.0.0:8321 --tls-cert cert.pem --tls-key key.pem
    """
    if (tls_cert is None) != (tls_key is None):
        raise click.UsageError("--tls-cert and --tls-key go together; give both")
    try:
        from retrieval.cli.serving import run  # late: optional packages
    except ImportError as error:
        raise MissingPackageError(
            "recall serve needs the packages fastapi and uvicorn; run: pip install 'recall-photos[server]'"
        ) from error
    before = click.get_current_context().find_root().params.get("library")
    chosen = libraries or ((before,) if before is not None else (settings.library,))
    run(chosen, address, settings, tls=(tls_cert, tls_key) if tls_cert and tls_key else None, opens=opens, **choices)
