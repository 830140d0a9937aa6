"""Items as JSON lines, which `recall add` and `recall update` read."""

from __future__ import annotations

import base64
import binascii
import json
import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from indexer.errors import AddError

_LONGEST_PATH = 4096
"""Characters of a path, at most; a longer text is a picture in base64."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The keys of a line that have a meaning; all others are metadata.

    Attributes:
        id: The item's id.
        text: Its text.
        picture: Its picture: a path, or the file's bytes in base64.
        vector: Its vector.
        uri: Where it is from.
    """

    id: str = "id"
    text: str = "text"
    picture: str = "picture"
    vector: str = "vector"
    uri: str = "uri"


@dataclass(frozen=True, slots=True)
class Line:
    """A line that is an item.

    Attributes:
        number: Its number, from 1.
        id: The item's id, None for none.
        text: Its text, None for none.
        picture: Path or bytes of its picture, None for none.
        vector: Its vector, None for none.
        uri: Where it is from, None for none.
        metadata: The values of all other keys.
    """

    number: int
    id: Any
    text: Any
    picture: Any
    vector: Any
    uri: Any
    metadata: dict[str, Any]


@dataclass(frozen=True, slots=True)
class LineFailure:
    """A line that was not used.

    Attributes:
        line: Its number, from 1.
        id: The item's id; "" if it has none.
        message: Why, in one line.
    """

    line: int
    id: str
    message: str


@dataclass(slots=True)
class ItemLines:
    """Reads the items of a file of JSON lines; lines that are none are failures.

    Attributes:
        file: Name of the file; "-" is standard input.
        columns: The keys with a meaning.
        failures: The lines that were not used so far.
    """

    file: str
    columns: Columns
    failures: list[LineFailure] = field(default_factory=list)
    _line_of_id: dict[str, int] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse a file that cannot be read, before a library is made.

        Raises:
            AddError: It is missing or a folder.
        """
        if self.file != "-" and not Path(self.file).exists():
            raise AddError(f"there is no file {self.file}; name one with an item on each line, or - for standard input")
        if self.file != "-" and Path(self.file).is_dir():
            raise AddError(f"{self.file} is a folder; expected a file with an item on each line as JSON")

    def __iter__(self) -> Iterator[Line]:
        with self._open() as stream:
            for number, raw in enumerate(stream, start=1):
                if raw.strip():
                    try:
                        line = self._line(number, raw)
                    except ValueError as error:
                        self.failures.append(LineFailure(number, "", str(error)))
                    else:
                        if self._is_new(line):
                            yield line

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self.file == "-":
            return nullcontext(sys.stdin.buffer)
        return Path(self.file).open("rb")

    def _line(self, number: int, raw: bytes) -> Line:
        """Return an item.

        Raises:
            ValueError: The line is no JSON object; the message says why.
        """
        try:
            values = json.loads(raw.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            raise ValueError(f"it is not UTF-8 ({error.reason} at byte {error.start})") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is not JSON ({error}); expected an object on each line") from error
        if not isinstance(values, dict):
            raise ValueError(  # noqa: TRY004 - as for every line that cannot be used
                f"it is a {type(values).__name__}; expected an object, for instance {{'id': …, 'text': …}}"
            )
        id_, text, picture, vector, uri = (
            values.pop(name, None)
            for name in (
                self.columns.id, self.columns.text, self.columns.picture, self.columns.vector, self.columns.uri,
            )
        )  # fmt: skip
        is_number = isinstance(id_, int) and not isinstance(id_, bool)
        return Line(number, str(id_) if is_number else id_, text, self._picture(picture), vector, uri, values)

    def _is_new(self, line: Line) -> bool:
        if not isinstance(line.id, str):
            return True
        first = self._line_of_id.setdefault(line.id, line.number)
        if first != line.number:
            self.failures.append(LineFailure(line.number, line.id, f"line {first} has the same id; expected another"))
        return first == line.number

    def _picture(self, value: Any) -> Any:
        """Return a picture as a path, relative to the folder of the file, or as bytes."""
        if not isinstance(value, str) or not value:
            return value
        if value.startswith("data:"):
            return _from_base64(value.partition(",")[2])
        if len(value) <= _LONGEST_PATH and "\0" not in value:
            folder = Path() if self.file == "-" else Path(self.file).parent
            path = folder / Path(value).expanduser()
            if os.path.lexists(path) or Path(value).suffix:
                return path
        return _from_base64(value)


def _from_base64(text: str) -> bytes:
    """Return the bytes of a picture.

    Raises:
        ValueError: The text is no base64.
    """
    try:
        return base64.b64decode(text.replace("\r", "").replace("\n", ""), validate=True)
    except binascii.Error as error:
        raise ValueError(
            f"the picture {text[:40]!r} is no file and no base64 ({error}); expected a path, or the bytes of a file in "
            "base64"
        ) from error
