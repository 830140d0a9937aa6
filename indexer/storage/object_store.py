"""Adapter module for pyarrow's file system of object stores: a prefix of a bucket as a place."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from urllib.parse import urlsplit

from pyarrow import ArrowException
from pyarrow.fs import FileSelector, FileType, S3FileSystem, resolve_s3_region

from indexer.errors import ConfigError
from indexer.object_path import SCHEME
from indexer.storage.object_errors import DENIED, MISSING, NO_BODY, code_of, may_be_gone, storage_error
from indexer.storage.place import Entry, FileInfo, MissingFileError, Place

_CONNECT_SECONDS, _REQUEST_SECONDS = 10.0, 60.0
"""Seconds to connect, and without an answer, before a request is tried again or fails."""

_CHUNK = 8 * 1024**2
"""Bytes that are read at once for a hash."""

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")


class ObjectStore(Place):
    """A prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        """Name a prefix; nothing is read yet.

        Raises:
            ConfigError: AWS_ENDPOINT_URL is not a URL of a server.
        """
        self._bucket = bucket
        self._root = f"{bucket}/{prefix}" if prefix else bucket
        self._endpoint = _first_of(_ENDPOINTS)
        _endpoint_arguments(self._endpoint)

    @property
    def url(self) -> str:
        """URL of the place; it has no key."""
        return SCHEME + self._root

    def entries(self, folder: str = "") -> list[Entry]:
        """Return the objects and prefixes below a prefix, up to the next slash."""
        with self._errors(folder):
            found = self._system.get_file_info(FileSelector(self._path(folder), allow_not_found=True))
            if not found:
                self._require_bucket()
            names = [(info, info.path[len(self._root) + 1 :]) for info in found]
            listed = [
                Entry(name, is_folder=True)
                if info.type == FileType.Directory
                else Entry(name, is_folder=False, size=info.size, mtime_ns=_whole_seconds(info.mtime_ns))
                for info, name in names
                if info.type in (FileType.Directory, FileType.File)
            ]
        return sorted(listed, key=lambda entry: entry.sort_key)

    def info(self, name: str) -> FileInfo | None:
        """Return size, time and ETag of an object; None if there is none."""
        with self._errors(name):
            try:
                with self._system.open_input_file(self._path(name)) as stream:
                    said = {str(key).lower(): value for key, value in (stream.metadata() or {}).items()}
                    size = stream.size()
            except FileNotFoundError:
                self._require_bucket()
                return None
        changed = bytes(said.get("last-modified", b"")).decode("ascii", "replace")
        etag = bytes(said.get("etag", b"")).decode("ascii", "replace").strip('"')
        return FileInfo(size, _nanoseconds(changed), etag or None)

    def read_up_to(self, name: str, limit: int) -> tuple[int, bytes]:
        """Return the size of an object, and its bytes, or none if these are more than a limit; one GET at most.

        Raises:
            MissingFileError: There is none.
        """
        with self._errors(name), self._existing(name), self._system.open_input_file(self._path(name)) as file:
            size = int(file.size())
            return size, bytes(file.read(size)) if size <= limit else b""

    def sha256(self, name: str) -> bytes:
        """Return the SHA-256 of the bytes of an object, of which few are in memory at once.

        Raises:
            MissingFileError: There is none.
        """
        hashes = hashlib.sha256()
        with self._errors(name), self._existing(name), self._system.open_input_stream(self._path(name)) as stream:
            while chunk := stream.read(_CHUNK):
                hashes.update(chunk)
        return hashes.digest()

    def read(self, name: str, *, start: int = 0, size: int | None = None) -> bytes:
        """Return the bytes of an object; only those asked for are fetched."""
        with self._errors(name), self._existing(name):
            if not start and size is None:
                with self._system.open_input_stream(self._path(name)) as stream:
                    return bytes(stream.read())
            with self._system.open_input_file(self._path(name)) as file:
                end = max(0, file.size() - start)
                return bytes(file.read_at(end if size is None else min(size, end), start)) if end else b""

    def write(self, name: str, data: bytes) -> None:
        """Write an object; the server shows it when the upload is complete."""
        with self._errors(name):
            stream = self._system.open_output_stream(self._path(name))
            stream.write(data)  # closed only after all of it was taken: closing completes the upload
            stream.close()

    def delete(self, name: str) -> None:
        """Delete an object; it may be missing."""
        with self._errors(name):
            try:
                self._system.delete_file(self._path(name))
            except FileNotFoundError:
                self._require_bucket()

    @property
    def _system(self) -> S3FileSystem:
        region = _first_of(_REGIONS) or ("us-east-1" if self._endpoint else _region_of(self._bucket))
        return _file_system(self._endpoint, region, os.getpid())

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _is_gone(self, name: str) -> bool:
        return bool(self._system.get_file_info(self._path(name)).type != FileType.File)

    def _require_bucket(self) -> None:
        """Raise FileNotFoundError if the bucket itself is missing: an empty answer does not tell."""
        if self._system.get_file_info(self._bucket).type == FileType.NotFound:
            raise OSError(f"AWS Error {MISSING}")

    @contextmanager
    def _existing(self, name: str) -> Iterator[None]:
        """Turn the error of an object that is not there into a MissingFileError, or that of its bucket.

        An object may also be deleted after it was opened.
        """
        try:
            yield
        except OSError as error:
            if not isinstance(error, FileNotFoundError) and not (may_be_gone(error) and self._is_gone(name)):
                raise
            self._require_bucket()
            raise MissingFileError(f"{self.location(name)} is not there; it may have been deleted") from error

    @contextmanager
    def _errors(self, name: str) -> Iterator[None]:
        """Turn an error of pyarrow into a StorageError of one sentence."""
        try:
            yield
        except (OSError, ArrowException) as error:
            raise storage_error(self._code(error), self.location(name), self._bucket, self._endpoint) from None

    def _code(self, error: BaseException) -> str:
        """Return what went wrong; an answer about one object may have no room for that, but a listing has."""
        code = code_of(error)
        if code == DENIED and NO_BODY in str(error):
            try:
                self._system.get_file_info(FileSelector(self._root, allow_not_found=True))
            except (OSError, ArrowException) as said:
                return code_of(said) or code
        return code


def _whole_seconds(mtime_ns: int | None) -> int:
    """Return a time in nanoseconds without parts of a second, which only the listings of some servers have."""
    return (mtime_ns or 0) // 1_000_000_000 * 1_000_000_000


def _nanoseconds(changed: str) -> int:
    """Return the time of a change, as pyarrow writes it, in nanoseconds since 1970."""
    try:
        return int(datetime.fromisoformat(changed).timestamp()) * 1_000_000_000
    except ValueError:
        return 0


def _first_of(variables: tuple[str, ...]) -> str:
    return next((value for name in variables if (value := os.environ.get(name))), "")


def _endpoint_arguments(endpoint: str) -> dict[str, str]:
    """Return the arguments of the file system for a server; none for Amazon's.

    Raises:
        ConfigError: It is not the URL of a server, or has a password in it.
    """
    if not endpoint:
        return {}
    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise ConfigError("AWS_ENDPOINT_URL is not the URL of a server; expected for instance http://127.0.0.1:9000")
    return {"scheme": parts.scheme, "endpoint_override": parts.netloc}


@lru_cache(maxsize=16)
def _file_system(endpoint: str, region: str, pid: int) -> S3FileSystem:  # noqa: ARG001 - connections end with a fork
    """Return the connection to a server, which all places there share."""
    return S3FileSystem(
        region=region,
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        **_endpoint_arguments(endpoint),
    )


@lru_cache(maxsize=64)
def _region_of(bucket: str) -> str:
    """Return the region of one of Amazon's buckets."""
    return str(resolve_s3_region(bucket))
