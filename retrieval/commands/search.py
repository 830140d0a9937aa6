"""`recall search` and `recall similar`."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from indexer.config import Settings
from indexer.errors import QueryError
from retrieval.commands.options import (
    encoder_option,
    filter_options,
    filters,
    open_library,
    precision_option,
    settings_options,
)
from retrieval.commands.output import Form, form_options, print_hits

if TYPE_CHECKING:
    from indexer.encoders.base import Precision


@click.command("search")
@click.argument("query", required=False)
@click.option("--image", type=click.Path(path_type=Path), help="A picture to search for together with the words.")
@filter_options
@form_options
@encoder_option
@precision_option
@settings_options("library", "device")
def search_command(
    query: str | None,
    image: Path | None,
    k: int,
    folder: Path | None,
    after: datetime | None,
    before: datetime | None,
    form: Form,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Find photos by words, by a picture, or by both.

    QUERY is a picture where it names a file with a picture's name, and else words.

    \b
    recall search "a dog on the beach"
    recall search photo.jpg
    recall search "at night" --image street.jpg
    """
    asked = image if query is None else _asked(query)
    if asked is None:
        raise click.UsageError('what to search for? Give words, for instance: recall search "a dog on the beach"')
    extra = image if query is not None else None
    with open_library(settings, encoder=encoder, precision=precision) as library:
        print_hits(library.search(asked, image=extra, k=k, **filters(folder, after, before)), form)


@click.command("similar")
@click.argument("photo", type=click.Path(path_type=Path))
@filter_options
@form_options
@encoder_option
@precision_option
@settings_options("library", "device")
def similar_command(
    photo: Path,
    k: int,
    folder: Path | None,
    after: datetime | None,
    before: datetime | None,
    form: Form,
    encoder: str | None,
    precision: Precision | None,
    settings: Settings,
) -> None:
    """Find the photos most like PHOTO, without PHOTO itself.

    \b
    recall similar photo.jpg
    """
    with open_library(settings, encoder=encoder, precision=precision) as library:
        print_hits(library.similar(photo, k=k, **filters(folder, after, before)), form)


def _asked(query: str) -> str | Path:
    """Return a query argument as words or as the file that it names.

    Raises:
        QueryError: It looks like a picture's name, and there is no such file.
    """
    if "." not in query and os.sep not in query:
        return query
    from indexer.images import is_photo_name  # late: plain words need no picture library

    looks_like_file = is_photo_name(query) or (os.sep in query and " " not in query.strip())
    if looks_like_file and Path(query).is_file():
        return Path(query)
    if is_photo_name(query) and " " not in query.strip():
        raise QueryError(f"there is no file {query}; to search for these words, leave out the ending")
    return query
