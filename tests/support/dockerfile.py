"""Reads a Dockerfile, whose steps tests do without Docker."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """The instructions of a Dockerfile, in their order: names in capitals, and arguments on one line."""

    instructions: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, path: Path) -> Dockerfile:
        """Return the instructions of a file."""
        text = re.sub(r"^\s*#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        lines = re.sub(r"\\\n\s*", "", text).splitlines()
        pairs = (line.strip().partition(" ") for line in lines if line.strip())
        return cls(tuple((name.upper(), arguments.strip()) for name, _, arguments in pairs))

    def all(self, name: str) -> list[str]:
        """Return the arguments of the instructions of a name."""
        return [arguments for found, arguments in self.instructions if found == name]

    def one(self, name: str) -> str:
        """Return the arguments of the only instruction of a name."""
        (arguments,) = self.all(name)
        return arguments

    def command(self, name: str) -> list[str]:
        """Return the words of a command in JSON form: ENTRYPOINT, CMD, or HEALTHCHECK after its options."""
        words = json.loads(self.one(name)[self.one(name).index("[") :])
        return [str(word) for word in words]

    def variables(self) -> dict[str, str]:
        """Return what ENV sets."""
        pairs = (word.partition("=") for word in shlex.split(self.one("ENV")))
        return {name: value for name, _, value in pairs}
