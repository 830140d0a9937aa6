"""Who may call the server: tokens, and the sessions of browsers."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

_MOST_SESSIONS = 1000
"""Sessions that are remembered; the oldest one ends when another begins."""


def new_token() -> str:
    """Return a token that nobody can guess: 32 random bytes."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return what is stored of a token. It is random, so that a fast hash suffices."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Access:
    """The tokens that a server accepts, and the sessions that began with them; safe to use from several threads."""

    def __init__(self, digests: Callable[[], Iterable[str]]) -> None:
        """Accept tokens.

        Args:
            digests: Returns the digests of the tokens that are accepted now.
        """
        self._digests = digests
        self._sessions: OrderedDict[str, str] = OrderedDict()  # digest of the session -> digest of its token
        self._lock = threading.Lock()

    def token(self, token: str) -> str | None:
        """Return the digest of a token if it is accepted; this takes as long for a wrong one."""
        return self._accepted(digest_of(token))

    def start_session(self, token_digest: str) -> str:
        """Return the secret of a new session, for the cookie of a browser."""
        secret = new_token()
        with self._lock:
            self._sessions[digest_of(secret)] = token_digest
            if len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return secret

    def session(self, secret: str) -> str | None:
        """Return the digest of a session if there is one whose token is still accepted."""
        digest = digest_of(secret)
        with self._lock:
            token_digest = self._sessions.get(digest)
        return digest if token_digest is not None and self._accepted(token_digest) else None

    def _accepted(self, digest: str) -> str | None:
        equal = [hmac.compare_digest(digest, each) for each in self._digests()]
        return digest if any(equal) else None
