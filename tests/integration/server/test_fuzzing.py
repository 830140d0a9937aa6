"""The server against requests that schemathesis makes of the server's own description."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.serving import TOKEN, running_server

HEADERS = {"Authorization": f"Bearer {TOKEN}"}

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]

EXAMPLES = {GenerationMode.POSITIVE: 8, GenerationMode.NEGATIVE: 4}
"""Requests for each endpoint that the description allows, and that it does not: together half a minute."""


@pytest.fixture(scope="module")
def description(served_album: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """Return the description of a server on a copy of the album's library, which it may change."""
    copy = tmp_path_factory.mktemp("fuzzing") / "photos.recall"
    shutil.copytree(served_album.parent / "photos.recall", copy)
    with running_server() as start:
        server = start(copy, predict=True)
        yield schemathesis.openapi.from_url(f"{server.url}/api/openapi.json", headers=HEADERS)


@pytest.mark.parametrize("mode", EXAMPLES)
def test_every_answer_is_as_described_and_none_is_an_error_of_the_server(
    description: BaseSchema, mode: GenerationMode
) -> None:
    count = 0
    for found in description.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # raises for what is no description

        @settings(
            max_examples=EXAMPLES[mode],
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
            database=None,
            deadline=None,
            derandomize=True,
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            if "library" in case.path_parameters:
                case.path_parameters["library"] = "photos"  # else nearly all would be for a library that is not there
            case.headers.update(HEADERS)
            case.call_and_validate(checks=CHECKS)

        try:
            send()
        except Exception as error:
            raise AssertionError(f"{operation.label}: {error}") from error
        count += 1
    assert count > 8
