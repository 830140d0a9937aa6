"""The wheel, and environments that hold it and what it asks for."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def build(kind: str, source: Path, into: Path) -> Path:
    """Return the file of a kind ("wheel" or "sdist") that a folder builds; not isolated, for that needs a network."""
    run = subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", f"--{kind}", "--outdir", into, source],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (built,) = into.iterdir()
    return built


def make_environment(folder: Path, wheel: Path, *tools: str) -> Path:
    """Return the Python of a new environment that holds the wheel and what its extra cpu asks for, and nothing else.

    Packages are links to those of the running environment: nothing is downloaded, and none is there that the wheel
    does not name.

    Args:
        folder: Where it is made.
        wheel: The wheel of Recall.
        *tools: Names of further distributions; it gets what they ask for, too.
    """
    venv.create(folder, symlinks=os.name != "nt")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", wheel], check=True, capture_output=True, timeout=120)
    link_packages(folder, "cpu", tools=tools)
    return python


def link_packages(folder: Path, *extras: str, tools: Sequence[str] = ()) -> None:
    """Link what Recall in an environment asks for to the packages of the running environment.

    Args:
        folder: The environment.
        *extras: Extras of Recall.
        tools: Names of further distributions; they and what they ask for are linked, too.
    """
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    (recall,) = distributions(name="recall-photos", path=[str(site)])
    for package in _needed(recall, extras, [distribution(tool) for tool in tools]):
        for top in {file.parts[0] for file in package.files or ()} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(package.locate_file(top))))


def _needed(recall: Distribution, extras: Sequence[str], tools: list[Distribution]) -> Iterator[Distribution]:
    """Yield the tools, and what they and the extras need, directly or not, as the running environment has them."""
    yield from tools
    waiting = [*((recall, extra) for extra in extras), *((tool, "") for tool in tools)]
    seen = {canonicalize_name(package.name) for package, _ in waiting}
    while waiting:
        found, wanted = waiting.pop()
        for requirement in map(Requirement, found.requires or ()):
            name = canonicalize_name(requirement.name)
            if name not in seen and (requirement.marker is None or requirement.marker.evaluate({"extra": wanted})):
                seen.add(name)
                waiting.append((distribution(name), ""))
                yield waiting[-1][0]
