"""Places that photos lie in: a folder and a prefix of a bucket behind the same five methods."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Protocol

from tests.support.s3 import S3Server


class PhotoPlace(Protocol):
    """Where photos lie.

    Attributes:
        url: Path of the folder, or URL of the prefix.
    """

    url: str

    def write(self, name: str, data: bytes) -> None:
        """Write a file; one of the same name gets a later time."""

    def delete(self, name: str) -> None:
        """Delete a file."""

    def move(self, name: str, new: str) -> None:
        """Give a file another name."""

    def close(self) -> None:
        """Make everything unreachable, as a disk that is taken away or a server that is gone."""


class PhotoFolder:
    """A folder."""

    def __init__(self, folder: Path) -> None:
        self.url, self._folder = str(folder), folder

    def write(self, name: str, data: bytes) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def delete(self, name: str) -> None:
        (self._folder / name).unlink()

    def move(self, name: str, new: str) -> None:
        (self._folder / new).parent.mkdir(parents=True, exist_ok=True)
        (self._folder / name).rename(self._folder / new)

    def close(self) -> None:
        shutil.move(self._folder, self._folder.with_name("away"))


class PhotoBucket:
    """A prefix of a bucket, written with other keys and connections than Recall's."""

    def __init__(self, server: S3Server, url: str) -> None:
        self.url, self._files = url, server.files(allow_bucket_deletion=True)
        self._prefix = url.removeprefix("s3://")

    def write(self, name: str, data: bytes) -> None:
        if self._info(name).is_file:
            while time.time() < self._info(name).mtime.timestamp() + 1:  # times have whole seconds
                time.sleep(0.05)
        with self._files.open_output_stream(f"{self._prefix}/{name}") as stream:
            stream.write(data)

    def delete(self, name: str) -> None:
        self._files.delete_file(f"{self._prefix}/{name}")

    def move(self, name: str, new: str) -> None:
        self._files.move(f"{self._prefix}/{name}", f"{self._prefix}/{new}")

    def close(self) -> None:
        self._files.delete_dir(self._prefix.partition("/")[0])

    def _info(self, name: str) -> Any:
        return self._files.get_file_info(f"{self._prefix}/{name}")
