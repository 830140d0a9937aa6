from __future__ import annotations

from email.message import Message
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from retrieval.cli.licenses import license_of, package_licenses


class Package(Distribution):
    """A distribution with the given metadata fields and nothing else."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._message = Message()
        for name, value in fields:
            self._message[name] = value

    def read_text(self, filename: str) -> str:
        return self._message.as_string()

    def locate_file(self, path: object) -> Path:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("License-Expression", "MIT"), ("License", "whatever")], "MIT"),
        ([("License", "BSD 3-Clause")], "BSD 3-Clause"),
        ([("License", "BSD"), ("Classifier", "License :: OSI Approved :: BSD License")], "BSD"),
        ([("Classifier", "License :: OSI Approved :: MIT License")], "MIT License"),
        ([("Classifier", "Topic :: Utilities")], "not stated in its metadata"),
    ],
)
def test_a_licence_is_the_expression_or_else_the_field_or_else_the_classifier(
    fields: list[tuple[str, str]], expected: str
) -> None:
    assert license_of(Package(fields)) == expected


def test_a_field_that_holds_the_whole_licence_gives_way_to_the_classifier() -> None:
    fields = [("License", "Files: *\n Copyright: someone"), ("Classifier", "License :: OSI Approved :: BSD License")]
    package = Package([])
    package.read_text = lambda _: "\n".join(f"{name}: {value}" for name, value in fields)  # type: ignore[assignment,method-assign]
    assert license_of(package) == "BSD License"


def test_every_installed_direct_dependency_is_listed_with_a_licence() -> None:
    listed = {canonicalize_name(package.name): package.license for package in package_licenses()}
    direct = [Requirement(line) for line in distribution("recall-photos").requires or ()]
    always = {canonicalize_name(requirement.name) for requirement in direct if requirement.marker is None}
    assert always <= listed.keys()
    assert all(listed.values())
