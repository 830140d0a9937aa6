"""Tokens that are stored, for servers that start by themselves: only their hashes, in the user's data folder."""

from __future__ import annotations

import json
import re
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_data_path

from indexer.errors import ConfigError
from indexer.private_files import install_part, make_private_folder, part_file
from retrieval.server.access import digest_of, new_token


class StoredToken(NamedTuple):
    """A token that is stored.

    Attributes:
        name: What the user called it.
        digest: SHA-256 of the token.
        made_at: When it was made, in UTC.
    """

    name: str
    digest: str
    made_at: datetime


class TokenFile:
    """The stored tokens of this user; safe to use from several threads."""

    def __init__(self, path: Path | None = None) -> None:
        """Read tokens when they are asked for.

        Args:
            path: The file; None for `server-tokens.json` in the user's data folder.
        """
        self._path = path or user_data_path("recall", appauthor=False) / "server-tokens.json"
        self._read: tuple[tuple[int, int], tuple[str, ...]] | None = None
        self._lock = threading.Lock()

    def make(self, name: str) -> str:
        """Return a new token with a name, which is not stored itself.

        Raises:
            ConfigError: The name is taken or has other signs, or the file cannot be used.
        """
        if not re.fullmatch(r"[\w.-]{1,64}", name):
            raise ConfigError(f"a token cannot be called {name!r:.100}; expected up to 64 letters, digits, - . and _")
        tokens = self.tokens()
        if any(token.name == name for token in tokens):
            raise ConfigError(f"there is a token {name!r} already; take another name, or revoke it")
        token = new_token()
        self._write([*tokens, StoredToken(name, digest_of(token), datetime.now(UTC).replace(microsecond=0))])
        return token

    def revoke(self, name: str) -> None:
        """Forget a token; servers that run refuse it from now on.

        Raises:
            ConfigError: There is no token with this name, or the file cannot be used.
        """
        tokens = self.tokens()
        if all(token.name != name for token in tokens):
            known = ", ".join(token.name for token in tokens) or "none is stored"
            raise ConfigError(f"there is no token {name!r:.100}; expected one of: {known}")
        self._write([token for token in tokens if token.name != name])

    def tokens(self) -> list[StoredToken]:
        """Return the stored tokens, oldest first.

        Raises:
            ConfigError: The file cannot be read.
        """
        try:
            content = json.loads(self._path.read_text("utf-8"))
            return [
                StoredToken(name, str(token["sha256"]), datetime.fromisoformat(token["made_at"]))
                for name, token in content.items()
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f"{self._path} cannot be read ({error}); correct it or delete it") from error

    def digests(self) -> tuple[str, ...]:
        """Return the digests of the stored tokens, read again if the file changes; none if it cannot be read."""
        try:
            status = self._path.stat()
            version = status.st_mtime_ns, status.st_ino
        except OSError:
            return ()
        with self._lock:
            if self._read is None or self._read[0] != version:
                try:
                    self._read = version, tuple(token.digest for token in self.tokens())
                except ConfigError:
                    return ()
            return self._read[1]

    def _write(self, tokens: list[StoredToken]) -> None:
        content = {token.name: {"sha256": token.digest, "made_at": token.made_at.isoformat()} for token in tokens}
        try:
            make_private_folder(self._path.parent)
            with part_file(self._path) as part:
                part.write_text(json.dumps(content, indent=2), "utf-8")
                install_part(part, self._path)
        except OSError as error:
            raise ConfigError(f"{self._path} cannot be written ({error.strerror or error})") from error
