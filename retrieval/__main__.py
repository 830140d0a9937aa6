"""Runs the program: `python -m retrieval`."""

from __future__ import annotations

from retrieval.cli import main

main()
