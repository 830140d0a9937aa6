"""Filters in the query of an address: JSON, as the bodies of searches have them."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Query
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from indexer.catalog.filters.expression import Filter
from retrieval.schemas.filters import Filters, as_filter


def read_filters(
    filters: Annotated[
        str | None,
        Query(
            max_length=20_000,
            description="Conditions as JSON, like `filters` in the body of a search.",
            examples=['{"camera": "Canon", "after": "2019"}'],
        ),
    ] = None,
) -> Filter | None:
    """Return the library's filter of the argument `filters`, None if nothing is filtered.

    Raises:
        RequestValidationError: It is not JSON, or has other fields.
        QueryError: A date or a format cannot be read.
    """
    if not filters:
        return None
    try:
        return as_filter(Filters.model_validate_json(filters))
    except ValidationError as error:
        details = [{**each, "loc": ("query", "filters", *each["loc"])} for each in error.errors(include_url=False)]
        raise RequestValidationError(details) from error


FilterParam = Annotated[Filter | None, Depends(read_filters)]
"""The filter of a request, as an argument of an endpoint."""
