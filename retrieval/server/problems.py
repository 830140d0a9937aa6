"""Errors as clients get them: problem details (RFC 9457), with a sentence for people."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from indexer import errors
from indexer.errors import RecallError
from retrieval.server.answers import Json

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_BUG = "the request failed because of an error in Recall; what the server prints says more"

_STATUSES: tuple[tuple[type[RecallError], int], ...] = (
    (errors.LibraryLockedError, 409),
    (errors.LibraryClosedError, 503),
    (errors.StorageError, 507),
    (errors.EncoderMismatchError, 409),
    (errors.LibraryError, 409),
    (errors.EncoderError, 503),
    (errors.MissingPackageError, 501),
    (errors.ConfigError, 422),
    (errors.SourceError, 422),
    (errors.ItemError, 422),
    (errors.AddError, 422),
    (errors.QueryError, 422),
    (errors.EvaluationError, 422),
    (errors.FeedbackError, 422),
    (errors.TuningError, 422),
    (errors.TransferError, 422),
)
"""Each class comes before its bases."""


class FieldError(BaseModel):
    """What is wrong with one value of a request."""

    pointer: str = Field(description="Where it stands, as a JSON pointer; query parameters are below /query.")
    detail: str


class Problem(BaseModel):
    """Why a request was not answered."""

    type: str = Field(description="What went wrong, for programs: about:blank, or urn:recall: and the error's name.")
    title: str
    status: int
    detail: str = Field(description="What happened and what to do, for people.")
    errors: list[FieldError] | None = None


class ProblemError(Exception):
    """Raised to answer with a problem."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(
    status: int,
    detail: str,
    *,
    kind: str = "about:blank",
    headers: Mapping[str, str] | None = None,
    fields: Sequence[FieldError] = (),
) -> Json:
    """Return a problem as an answer.

    Args:
        status: Status of HTTP.
        detail: The sentence for people.
        kind: What went wrong, for programs.
        headers: Further headers of the answer.
        fields: The values of the request that are wrong.
    """
    content = _content(status, detail, kind)
    if fields:
        content["errors"] = [field.model_dump() for field in fields]
    return Json(content, status_code=status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: RecallError) -> int:
    """Return the status of HTTP of an error."""
    return next((status for kind, status in _STATUSES if isinstance(error, kind)), 500)


def problem_of(error: RecallError) -> Json:
    """Return an error of Recall as an answer."""
    return problem(status_of(error), str(error), kind=_kind_of(error))


def problem_content(error: Exception) -> dict[str, Any]:
    """Return an error as the content of a problem; of a bug no more than that it is one."""
    if isinstance(error, RecallError):
        return _content(status_of(error), str(error), _kind_of(error))
    return _content(500, _BUG, "about:blank")


def _content(status: int, detail: str, kind: str) -> dict[str, Any]:
    return {"type": kind, "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def _kind_of(error: RecallError) -> str:
    """Return what went wrong, for programs."""
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower()
    return f"urn:recall:{name}"


def add_handlers(app: FastAPI) -> None:
    """Have an application answer every error with a problem."""
    app.exception_handler(ProblemError)(_on_problem)
    app.exception_handler(RecallError)(_on_recall_error)
    app.exception_handler(HTTPException)(_on_http_exception)
    app.exception_handler(RequestValidationError)(_on_wrong_request)
    app.exception_handler(Exception)(_on_bug)


async def _on_problem(_: Request, error: Exception) -> Json:
    assert isinstance(error, ProblemError)  # noqa: S101 - so it was registered; as below
    return problem(error.status, error.detail, headers=error.headers)


async def _on_recall_error(_: Request, error: Exception) -> Json:
    assert isinstance(error, RecallError)  # noqa: S101
    return problem_of(error)


async def _on_http_exception(request: Request, error: Exception) -> Json:
    assert isinstance(error, HTTPException)  # noqa: S101
    if error.status_code == 404:
        detail = f"there is nothing at {request.url.path}; /api/openapi.json lists what there is"
    elif error.status_code == 405:
        detail = f"{request.url.path} does not take {request.method}; /api/openapi.json lists what it takes"
    else:
        detail = str(error.detail)
    return problem(error.status_code, detail, headers=error.headers)


async def _on_wrong_request(_: Request, error: Exception) -> Json:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    fields = [FieldError(pointer=_pointer(each["loc"]), detail=_sentence(each)) for each in error.errors()]
    return problem(422, f"{fields[0].pointer}: {fields[0].detail}", kind="urn:recall:request", fields=fields)


async def _on_bug(request: Request, error: Exception) -> Json:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return problem(500, _BUG)


def _pointer(place: Sequence[str | int]) -> str:
    """Return where a value stands: in the body, or below /query, /path or /header."""
    parts = list(place)
    if parts and parts[0] == "body":
        parts = parts[1:]
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts) or "/"


def _sentence(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a value; long values are not repeated."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "json_invalid":
        return f"the body is not JSON ({error.get('ctx', {}).get('error', 'cut off')})"
    return message[0].lower() + message[1:]
