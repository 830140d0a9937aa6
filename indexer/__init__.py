"""Keeps and fills: embeds collections of photos into indexes, with what is known about them in SQL."""

from __future__ import annotations

__version__ = "0.1.0"
