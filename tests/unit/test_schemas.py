"""The JSON Schemas: one for each command that prints JSON, each key described."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
import pytest
from jsonschema import Draft202012Validator

from retrieval.cli import cli
from tests.support.schemas import schemas


def json_commands(group: click.Group, context: click.Context) -> Iterator[str]:
    """Yield the names of all commands with --json, those of subcommands as "encoder list"."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from (f"{name} {inner}" for inner in json_commands(command, context))
        elif command and any("--json" in parameter.opts for parameter in command.params):
            yield name


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    """Yield a schema and all schemas inside it that list properties."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield schema
        for value in schema.values():
            yield from objects(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from objects(value)


def test_each_command_that_prints_json_has_a_schema_and_no_other_is_there() -> None:
    names = {*json_commands(cli, click.Context(cli)), "index --into"}  # with which it prints another object
    assert {schema["title"] for schema in schemas().values()} == {f"recall {name}" for name in names}
    assert set(schemas()) == {"-".join(name.replace("--", "").split()) for name in names}
    assert len(names) >= 27


@pytest.mark.parametrize("name", schemas())
def test_a_schema_is_valid_and_describes_every_key(name: str) -> None:
    schema = schemas()[name]
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"{name}.json"
    assert schema["description"]
    for inner in objects(schema):
        undescribed = [key for key, value in inner["properties"].items() if not value.keys() & {"description", "$ref"}]
        assert undescribed == []
        assert inner["additionalProperties"] is False
