"""`recall --licenses`: the licences of Recall, of its encoder's weights and of the installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from retrieval.cli.table import Column, print_table

if TYPE_CHECKING:
    from importlib.metadata import Distribution

_DISTRIBUTION = "recall-photos"

_BUNDLED = {
    "pi-heif": "its wheel contains libheif and libde265: LGPL-3.0",
    "pillow-jxl-plugin": "only with the extra jxl",
    "rawpy": "its wheel contains LibRaw: LGPL-2.1-only or CDDL-1.0",
    "torch": "on Linux it installs NVIDIA's CUDA libraries, which are proprietary",
}
"""Notes that are missing in the metadata of the packages. Sources: the licence files inside the wheels."""

_WEIGHTS = (
    "compact",
    "",
    "Apache-2.0",
    "weights trained on photos, many of them for research only: see their LICENSE.md",
)

_WORDS = (
    "nouns and known words",
    "",
    "Unicode-3.0, ISC, CC BY 4.0, WordNet",
    "data for suggestions: see retrieval/query/vocabulary/LICENSE.md",
)


_GAZETTEER = (
    "gazetteer",
    "",
    "CC-BY-4.0",
    "towns and regions of GeoNames (geonames.org), names of countries of CLDR (Unicode-3.0); changed: reduced",
)


class PackageLicense(NamedTuple):
    """The licence of one installed package.

    Attributes:
        name: The distribution's name.
        version: Its version.
        license: An SPDX expression if the package gives one, else the text of its licence field or classifier.
        note: What else a user should know; may be empty.
    """

    name: str
    version: str
    license: str
    note: str


def package_licenses() -> list[PackageLicense]:
    """Return the licences of the packages that Recall requires and that are installed, sorted by name.

    Includes installed packages of extras, and what all these require in turn.
    """
    packages = {package.name.lower(): package for package in _required()}
    return [
        PackageLicense(package.name, package.version, license_of(package), _BUNDLED.get(name.replace("_", "-"), ""))
        for name, package in sorted(packages.items())
    ]


def license_of(package: Distribution) -> str:
    """Return a package's licence: its SPDX expression, else its licence field in short, else its classifier."""
    metadata = package.metadata
    if "License-Expression" in metadata:
        return metadata["License-Expression"]
    text = metadata["License"].strip() if "License" in metadata else ""
    classifiers = [line.rpartition(" :: ")[2] for line in metadata.get_all("Classifier") or () if "License ::" in line]
    if classifiers and (not text or "\n" in text):  # some packages put the whole licence into the field
        return ", ".join(classifiers)
    return text.partition("\n")[0].strip() or "not stated in its metadata"


def _required() -> Iterator[Distribution]:
    """Yield the installed packages that Recall requires, directly or not, each at most once."""
    from importlib.metadata import PackageNotFoundError, distribution  # late: only this option needs these

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    recall = distribution(_DISTRIBUTION)
    extras = recall.metadata.get_all("Provides-Extra") or []
    pending, visited = [(recall, ["", *extras])], {_DISTRIBUTION}
    while pending:
        package, wanted_extras = pending.pop()
        for requirement in map(Requirement, package.requires or ()):
            name = canonicalize_name(requirement.name)
            marker = requirement.marker
            applies = marker is None or any(marker.evaluate({"extra": extra}) for extra in wanted_extras)
            if name in visited or not applies:
                continue
            visited.add(name)
            try:
                dependency = distribution(name)
            except PackageNotFoundError:
                continue  # of an extra that is not installed
            pending.append((dependency, ["", *requirement.extras]))
            yield dependency


def print_licenses(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """Print the table and exit if the option was given."""
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import distribution  # late, as above

    recall = distribution(_DISTRIBUTION)
    rows = [(_DISTRIBUTION, recall.version, license_of(recall), ""), _WEIGHTS, _WORDS, _GAZETTEER, *package_licenses()]
    print_table(("package", "version", Column("licence", "wrap"), Column("note", "wrap")), rows)
    ctx.exit()
