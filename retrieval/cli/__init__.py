"""The `recall` program: a click group whose commands are loaded when they are used."""

from __future__ import annotations

from retrieval.cli.program import cli, main

__all__ = ["cli", "main"]
