"""The JSON of each command, from the schema files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import retrieval.cli
from docs.generator.markdown import code, table

SCHEMAS = Path(retrieval.cli.__file__).parent / "schemas"


def pages() -> str:
    """Return a section for each schema: what the object is, and its keys."""
    return "\n\n".join(section(json.loads(file.read_text("utf-8"))) for file in sorted(SCHEMAS.glob("*.json")))


def section(schema: dict[str, Any]) -> str:
    """Return what a schema says: its description, its keys, and those of its parts."""
    parts = [f"## {schema['title']}", schema.get("description", ""), *_object(schema)]
    for name, inner in schema.get("$defs", {}).items():
        parts += [f"#### {name}", inner.get("description", ""), *_object(inner)]
    return "\n\n".join(part for part in parts if part)


def _object(schema: dict[str, Any]) -> Iterator[str]:
    """Yield what an object consists of: another schema's keys, one of several objects, or a table of its keys."""
    if schema.get("$ref", "").endswith(".json"):
        yield f"The same object as of `recall {schema['$ref'].removesuffix('.json')}`."
    if "oneOf" in schema:
        yield f"The object is one of: {', '.join(map(_type, schema['oneOf']))}."
    if rows := list(_rows(schema)):
        yield table(("Key", "Type", "Meaning"), rows)


def _rows(schema: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield a row for each key; a key inside another is written `outer.inner`, in an array `outer[].inner`."""
    for name, value in schema.get("properties", {}).items():
        optional = "" if name in schema.get("required", []) else ", optional"
        yield (
            code(prefix + name),
            _type(value) + optional,
            value.get("description", "See below." if "$ref" in value else ""),
        )
        yield from _rows(value, f"{prefix}{name}.")
        yield from _rows(value.get("items", {}), f"{prefix}{name}[].")


def _type(value: dict[str, Any]) -> str:
    """Return the type of a value in words."""
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "enum" in value:
        return " or ".join(code(json.dumps(choice)) for choice in value["enum"])
    if choices := value.get("anyOf") or value.get("oneOf"):
        return " or ".join(map(_type, choices))
    kinds = value.get("type", "any value")
    return " or ".join(_plain_type(kind, value) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _plain_type(kind: str, value: dict[str, Any]) -> str:
    if kind == "array" and "items" in value:
        return f"array of {_type(value['items'])}"
    if kind == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"object of {_type(value['additionalProperties'])}"
    return {"date-time": "time", "date": "date"}.get(value.get("format", ""), kind) if kind == "string" else kind
