"""Tables of settings and environment variables."""

from __future__ import annotations

import re
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any

from docs.generator.markdown import code, table
from docs.generator.source import attribute_docs
from indexer.config import Settings

ROOT = Path(__file__).resolve().parents[2]

OTHER_VARIABLES = {
    "RECALL_CONFIG": "The settings file.",
    "RECALL_MCP_TOKEN": "The token that HTTP clients of [`recall mcp`](guides/assistants.md#http) must send.",
    "_RECALL_COMPLETE": "Used by [tab completion](install.md#tab-completion).",
    "NO_COLOR": "Any value switches colours and links in the output off.",
    "HF_HUB_OFFLINE": "Read by the Hugging Face Hub's client: `1` forbids downloads.",
}
"""Variables that are no settings, with what they do."""


def settings() -> str:
    """Return the table of settings."""
    docs = attribute_docs(Settings.__doc__ or "")
    rows = []
    for field in _settings():
        default = (
            ""
            if field.default in (None, MISSING)
            else f"{field.default:,}"
            if _is_count(field.default)
            else str(field.default)
        )
        rows.append((code(field.name), code(default), re.sub(r"None (means|uses)", "by default", docs[field.name])))
    return table(("Name", "Default", "Meaning"), rows)


def variables() -> str:
    """Return the table of environment variables.

    Raises:
        ValueError: The code reads a variable that is not described here.
    """
    rows = {f"RECALL_{field.name.upper()}": f"The setting `{field.name}`." for field in _settings()}
    rows |= OTHER_VARIABLES
    if missing := sorted(_read_in_code() - set(rows)):
        raise ValueError(f"the code reads {', '.join(missing)}; describe it in {Path(__file__).name}")
    return table(("Variable", "Meaning"), [(code(name), meaning) for name, meaning in rows.items()])


def _settings() -> list[Field[Any]]:
    """Return the settings that variables and the settings file can set."""
    return [field for field in fields(Settings) if not field.metadata]


def _read_in_code() -> set[str]:
    sources = (path for package in ("indexer", "retrieval") for path in (ROOT / package).rglob("*.py"))
    return {name for path in sources for name in re.findall(r'"(RECALL_[A-Z_]+)"', path.read_text("utf-8"))}


def _is_count(value: object) -> bool:
    return isinstance(value, int) and value >= 10_000
