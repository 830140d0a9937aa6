"""The licences of the packages that Recall needs, from their own metadata."""

from __future__ import annotations

from docs.generator.markdown import table
from retrieval.cli.licenses import package_licenses


def licenses() -> str:
    """Return the table of the packages that are installed here; the manual is built with every extra."""
    rows = [(package.name, package.version, package.license, package.note) for package in package_licenses()]
    return table(("Package", "Version", "Licence", "Note"), rows)
