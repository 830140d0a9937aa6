"""Decides who may call the server, before anything else looks at a request."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from retrieval.server.access import Access
from retrieval.server.options import Options
from retrieval.server.pages import forwarding_page, locked_page
from retrieval.server.problems import problem

OPEN_PATHS = ("/api/health",)
"""Answered without a token."""

PREDICT_PATHS = ("/ping", "/predict")
"""Answered without a token if the server has them; see `routers/predict.py`."""

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every answer that does not set them itself."""


class Guard:
    """Passes on the requests of those who may call the server."""

    def __init__(self, app: ASGIApp, *, access: Access, options: Options) -> None:
        """Guard an application."""
        self._app, self._access, self._options = app, access, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        send = _with_headers(send)
        path = _own_path(scope["path"], self._options.root_path)
        scope["root_path"], scope["path"] = self._options.root_path, self._options.root_path + path
        refusal = self._check(scope, path)
        await (refusal or self._app)(scope, receive, send)

    def _check(self, scope: Scope, path: str) -> Response | None:
        """Return the answer to a request that is not passed on."""
        headers = Headers(scope=scope)
        if not self._options.allows_host(headers.get("host", "")):
            return problem(
                421,
                f"this server is not known as {headers.get('host', '')[:100]!r}; call it by its address, or start it "
                "with --allow-host NAME",
            )
        return None if path in OPEN_PATHS else self._check_caller(scope, headers, path)

    def _check_caller(self, scope: Scope, headers: Headers, path: str) -> Response | None:
        if self._options.predict and path in PREDICT_PATHS:  # for programs: a page anywhere could send a form
            return problem(403, "pages may not use /predict") if "origin" in headers else None
        kind, _, token = headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            caller = self._access.token(token.strip())
            if caller is None:
                return _locked(path, "the token is wrong; take the one that recall serve printed")
            _remember(scope, caller)
            return None
        is_page = path in ("", "/") and scope["method"] in ("GET", "HEAD")
        if is_page and "token" in (given := dict(parse_qsl(scope["query_string"].decode("latin-1")))):
            return self._let_in(headers, given)
        return self._check_cookie(scope, headers, path)

    def _check_cookie(self, scope: Scope, headers: Headers, path: str) -> Response | None:
        sessions = map(self._access.session, _cookies(headers, self._options.cookie))
        caller = next(filter(None, sessions), None)
        if caller is None:
            return _locked(path, "a token is needed; send the header Authorization: Bearer TOKEN")
        if scope["method"] not in _SAFE_METHODS and not self._options.allows_origin(
            headers.get("origin", ""), headers.get("host", "")
        ):
            return problem(403, "the request does not come from a page of this server; reload the gallery")
        is_foreign = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
        if is_foreign and headers.get("sec-fetch-mode") != "navigate":
            return problem(403, "the request comes from a page of another site")
        _remember(scope, caller)
        return None

    def _let_in(self, headers: Headers, given: dict[str, str]) -> Response:
        """Return the answer to the address with a token: a cookie, and the way to the address without it."""
        caller = self._access.token(given.pop("token"))
        if caller is None:
            return locked_page()
        address = f"{self._options.root_path}/{f'?{urlencode(given)}' if given else ''}"
        is_foreign = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
        answer: Response = forwarding_page(address) if is_foreign else RedirectResponse(address, status_code=303)
        answer.set_cookie(
            self._options.cookie,
            self._access.start_session(caller),
            path=self._options.root_path or "/",
            secure=self._options.tls is not None or headers.get("x-forwarded-proto") == "https",
            httponly=True,
            samesite="strict",
        )
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _own_path(path: str, root_path: str) -> str:
    """Return a path without what a proxy has before it; some proxies leave that out themselves."""
    if root_path and (path == root_path or path.startswith(f"{root_path}/")):
        return path[len(root_path) :]
    return path


def _remember(scope: Scope, caller: str) -> None:
    """Tell the layers below who calls."""
    scope.setdefault("state", {})["caller"] = caller


def _cookies(headers: Headers, name: str) -> Iterator[str]:
    """Yield the values of the cookies with a name: a browser sends one for each path that had one.

    Cookies of other programs on this machine come too, whatever is in them; `http.cookies` reads none if one is odd.
    """
    for cookie in ";".join(headers.getlist("cookie")).split(";"):
        key, _, value = cookie.partition("=")
        if key.strip() == name:
            yield value.strip()


def _locked(path: str, detail: str) -> Response:
    """Return the answer to somebody without a token: a page for people, a problem for programs."""
    if path.startswith(("/api/", "/metrics", "/gallery/")):
        return problem(401, detail, headers={"WWW-Authenticate": "Bearer"})
    return locked_page()


def _with_headers(send: Send) -> Send:
    """Return a `send` that adds what browsers must know of every answer."""

    async def add(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return add
