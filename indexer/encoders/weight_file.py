"""One large file from the Hugging Face Hub: continued where a download broke off, and checked by its SHA-256.

huggingface_hub itself begins an interrupted download anew and compares no checksums. The file gets the name under which
huggingface_hub looks for it: `blobs/SHA-256` in the repository's folder of its cache.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from indexer.encoders.hub import HubFile, Repository, first_line
from indexer.errors import EncoderNotFoundError
from indexer.private_files import install_part
from indexer.types import Progress, ProgressCallback

MEGABYTE = 1_000_000


def fetch_file(repository: Repository, file: HubFile, progress: ProgressCallback) -> None:
    """Fetch a file whose SHA-256 is known into the cache, beginning where an earlier download broke off.

    Args:
        repository: Where it is from.
        file: The file; its `etag` is the SHA-256.
        progress: Called with the progress in megabytes.

    Raises:
        EncoderNotFoundError: The connection broke, the disk is full, or the file arrived damaged.
    """
    from filelock import FileLock  # late, as the next two: needed only to download
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    cache, folder = Path(constants.HF_HUB_CACHE), repo_folder_name(repo_id=repository.id, repo_type="model")
    target, lock = cache / folder / "blobs" / file.etag, cache / ".locks" / folder / f"{file.etag}.lock"
    part = target.with_name(f"{target.name}.incomplete")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):  # the one that huggingface_hub takes
            if target.exists():
                return
            _check_space(repository, file, part)
            _fetch_part(repository, file, part, progress)
            _check_content(repository, file, part)
            install_part(part, target)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            part.unlink(missing_ok=True)
        raise EncoderNotFoundError(_disk_message(repository, part, error.strerror or str(error))) from error


def _fetch_part(repository: Repository, file: HubFile, part: Path, progress: ProgressCallback) -> None:
    """Append what is missing of a file; a broken connection is tried again as long as each attempt brings something."""
    from huggingface_hub import constants  # late, as the next three: needed only to download
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils._headers import build_hf_headers

    # its base is the error of the HTTP client that this version of huggingface_hub uses
    any_http_error: type[BaseException] = HfHubHTTPError.__bases__[0]
    # what has arrived of a chunk is lost with the connection; by default that is 10 MB
    constants.DOWNLOAD_CHUNK_SIZE = min(constants.DOWNLOAD_CHUNK_SIZE, MEGABYTE)
    headers = build_hf_headers() if file.needs_token else build_hf_headers(token=False)
    with part.open("ab") as stream:
        if stream.tell() > file.size:
            stream.truncate(0)
        counted: Any = _CountedFile(stream, lambda done: progress(_megabytes(done, file.size)))
        while (begin := stream.tell()) < file.size:
            try:
                http_get(file.url, counted, resume_size=begin, headers=headers, expected_size=file.size)
            except _WriteError as failed:
                raise failed.error from failed
            except (HfHubHTTPError, any_http_error, OSError, ValueError) as error:
                stream.flush()
                if stream.tell() <= begin:
                    raise EncoderNotFoundError(_broken_message(repository, file, stream.tell(), error)) from error


def _broken_message(repository: Repository, file: HubFile, size: int, error: BaseException) -> str:
    part = _megabytes(size, file.size)
    return (
        f"the download of encoder {repository.encoder!r} broke off at {part.done:,} of {part.total:,} MB "
        f"({first_line(error)}); run the same command again to continue it"
    )


def _check_content(repository: Repository, file: HubFile, part: Path) -> None:
    """Delete a file that is not what the hub described, and raise."""
    with part.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != file.etag:
        part.unlink()
        raise EncoderNotFoundError(
            f"the download of encoder {repository.encoder!r} arrived damaged and was deleted: {file.name} has the "
            f"SHA-256 {found[:12]}…, expected {file.etag[:12]}…; run the same command again"
        )


def _check_space(repository: Repository, file: HubFile, part: Path) -> None:
    needed = file.size - (part.stat().st_size if part.exists() else 0)
    free = shutil.disk_usage(part.parent).free
    if needed > free:
        text = f"{needed / MEGABYTE:,.0f} MB are needed, {free / MEGABYTE:,.0f} MB are free"
        raise EncoderNotFoundError(_disk_message(repository, part, text))


def _disk_message(repository: Repository, part: Path, reason: str) -> str:
    return (
        f"encoder {repository.encoder!r} cannot be downloaded to {part.parent}: {reason}; free some space, or set "
        "HF_HOME to a folder on another disk"
    )


def _megabytes(done: int, total: int) -> Progress:
    return Progress("downloading (MB)", done // MEGABYTE, max(1, total // MEGABYTE))


class _WriteError(Exception):
    """Carries an error of the disk through huggingface_hub, which would take it for one of the connection."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class _CountedFile:
    """What `http_get` uses of a file, with a call after each write."""

    def __init__(self, stream: BinaryIO, written: Callable[[int], None]) -> None:
        self._stream, self._written = stream, written

    def write(self, chunk: bytes) -> int:
        """Write a chunk at the end."""
        try:
            count = self._stream.write(chunk)
            self._stream.flush()
        except OSError as error:
            raise _WriteError(error) from error
        self._written(self._stream.tell())
        return count

    def tell(self) -> int:
        """Return the position."""
        return self._stream.tell()

    def seek(self, position: int) -> int:
        """Go to a position."""
        return self._stream.seek(position)

    def truncate(self) -> int:
        """Cut the file at the position: the server begins anew."""
        return self._stream.truncate()
