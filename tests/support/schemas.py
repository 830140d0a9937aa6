"""The JSON Schemas of the program's output."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import retrieval.cli


@cache
def schemas() -> dict[str, dict[str, Any]]:
    """Return the schemas by name: "encoder-list" is that of `recall encoder list`."""
    folder = Path(retrieval.cli.__file__).parent / "schemas"
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(folder.glob("*.json"))}


@cache
def validator(name: str) -> Draft202012Validator:
    """Return what compares values with a schema, which may refer to others."""
    resources = [(schema["$id"], Resource.from_contents(schema)) for schema in schemas().values()]
    registry: Registry[Any] = Registry().with_resources(resources)
    return Draft202012Validator(schemas()[name], registry=registry)
