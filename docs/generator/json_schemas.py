"""The JSON of each command, from the schema files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import retrieval.cli
from docs.generator.markdown import code, table

SCHEMAS = Path(retrieval.cli.__file__).parent / "schemas"


def pages() -> str:
    """Return a section for each schema: what the object is, and its keys."""
    return "\n\n".join(_section(json.loads(file.read_text("utf-8"))) for file in sorted(SCHEMAS.glob("*.json")))


def _section(schema: dict[str, Any]) -> str:
    parts = [f"## {schema['title']}", schema.get("description", ""), _keys(schema)]
    for name, inner in schema.get("$defs", {}).items():
        parts += [f"### {name}", inner.get("description", ""), _keys(inner)]
    return "\n\n".join(part for part in parts if part)


def _keys(schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = [
        (code(name), code(_type(value)) + ("" if name in required else ", optional"), value.get("description", ""))
        for name, value in schema.get("properties", {}).items()
    ]
    return table(("Key", "Type", "Meaning"), rows) if rows else ""


def _type(value: dict[str, Any]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "enum" in value:
        return " | ".join(json.dumps(choice) for choice in value["enum"])
    if "anyOf" in value:
        return " | ".join(_type(choice) for choice in value["anyOf"])
    kind = value.get("type", "any")
    kinds = [kind] if isinstance(kind, str) else kind
    return " | ".join(
        f"array of {_type(value['items'])}" if each == "array" and "items" in value else each for each in kinds
    )
