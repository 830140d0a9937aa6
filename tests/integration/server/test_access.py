"""Who gets in: tokens, cookies, hosts and origins."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from PIL import Image

from retrieval import Library
from retrieval.server.guard import SECURITY_HEADERS
from tests.support.serving import TOKEN, Running

L = "/api/libraries/photos"

CAT = {"query": "a cat", "k": 1}


@pytest.mark.parametrize("token", [None, "wrong", TOKEN + "x", TOKEN[:-1], "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_without_the_token_nothing_is_answered(shared_server: Running, token: str | None) -> None:
    with shared_server.client(token=None) as client:
        headers = [] if token is None else [(b"Authorization", f"Bearer {token}".encode("latin-1"))]
        for path in ("/api/libraries", f"{L}/status", "/api/openapi.json", "/metrics", "/api/nothing", "/gallery/a.js"):
            answer = client.get(path, headers=headers)
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["detail"]
            assert "recall" not in answer.text.replace("recall serve", "")  # no path of the library


def test_health_needs_no_token_and_says_nothing_else(shared_server: Running) -> None:
    with shared_server.client(token=None) as client:
        assert client.get("/api/health").json() == {"status": "ok"}


def test_a_page_without_a_cookie_says_how_to_get_in(shared_server: Running) -> None:
    with shared_server.client(token=None) as client:
        for path in ("/", "/?token=wrong"):
            answer = client.get(path)
            assert answer.status_code == 401
            assert "recall serve" in answer.text
            assert "set-cookie" not in answer.headers


def test_the_printed_address_gives_a_cookie_and_leads_to_the_address_without_the_token(shared_server: Running) -> None:
    with shared_server.client(token=None) as client:
        answer = client.get("/", params={"token": TOKEN, "q": "a dog & a cat"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/?q=a+dog+%26+a+cat")
        cookie = answer.headers["set-cookie"]
        assert TOKEN not in cookie
        assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
        assert client.get("/").status_code == 200
        assert client.get(f"{L}/status").json()["photos"] == 6


def test_a_browser_from_another_site_goes_on_by_a_page(shared_server: Running) -> None:
    with shared_server.client(token=None) as client:
        answer = client.get("/", params={"token": TOKEN}, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 200
        assert 'http-equiv="refresh" content="0; url=/"' in answer.text
        assert client.get("/").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:{port}", 200),
        ("http://127.0.0.1:1", 403),
        ("http://attacker.example", 403),
        ("null", 403),
        (None, 403),
    ],
)
def test_a_cookie_writes_only_from_a_page_of_the_server(
    shared_server: Running, origin: str | None, status: int
) -> None:
    with shared_server.browser() as browser:
        headers = {} if origin is None else {"Origin": origin.format(port=shared_server.port)}
        assert browser.post(f"{L}/search", json=CAT, headers=headers).status_code == status


@pytest.mark.parametrize(
    "other", ['settings={"a": [1]}; {0}', "httponly; {0}", "a b/c=d; {0}", "{0}; {1}=old", "{1}=old; {0}"]
)
def test_the_cookies_of_other_programs_on_the_machine_lock_nobody_out(shared_server: Running, other: str) -> None:
    with shared_server.browser() as browser:
        own = f"{shared_server.cookie}={browser.cookies[shared_server.cookie]}"
    sent = other.replace("{0}", own).replace("{1}", shared_server.cookie)  # the name comes twice from a server that
    with shared_server.client(token=None) as client:  # had another --root-path
        assert client.get(f"{L}/status", headers={"Cookie": sent}).status_code == 200
        assert client.get(f"{L}/status", headers={"Cookie": sent.replace(own, own + "x")}).status_code == 401


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_of_another_port_or_site_reads_nothing_by_the_cookie(shared_server: Running, site: str) -> None:
    with shared_server.browser() as browser:
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert browser.get(f"{L}/status", headers=headers).status_code == 403
        headers["Sec-Fetch-Mode"] = "navigate"
        assert browser.get("/", headers=headers).status_code == 200


def test_a_token_needs_no_origin(client: httpx.Client) -> None:
    assert client.post(f"{L}/search", json=CAT).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST", 200),
        ("[::1]:{port}", 200),
        ("attacker.example", 421),
        ("attacker.example:{port}", 421),
        ("127.0.0.1.attacker.example", 421),
        ("192.168.1.5", 421),  # it listens on loopback only
        ("[", 421),
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(client: httpx.Client, host: str, status: int) -> None:
    for path in ("/api/health", "/api/libraries"):
        assert client.get(path, headers={"Host": host.format(port=client.base_url.port)}).status_code == status


def test_an_allowed_name_is_served_and_its_pages_may_write(start: Callable[..., Running], served_library: Path) -> None:
    server = start(served_library, hosts=["photos.example"])
    with server.client() as client:
        assert client.get("/api/libraries", headers={"Host": "photos.example"}).status_code == 200
    with server.browser() as browser:
        headers = {"Origin": "https://photos.example"}  # a proxy that sends its own address as the host
        assert browser.post(f"{L}/search", json=CAT, headers=headers).status_code == 200


def test_behind_a_proxy_addresses_begin_with_the_root_path(start: Callable[..., Running], served_library: Path) -> None:
    server = start(served_library, root_path="/recall")
    with server.client(token=None) as client:
        answer = client.get("/recall/", params={"token": TOKEN}, headers={"X-Forwarded-Proto": "https"})
        assert answer.headers["location"] == "/recall/"
        assert {"Path=/recall", "Secure"} <= set(answer.headers["set-cookie"].split("; "))
    with server.client() as client:
        for prefix in ("/recall", ""):  # a proxy may leave it out
            assert client.get(f"{prefix}/api/libraries").status_code == 200
            assert client.get(f"{prefix}/").status_code == 200


def test_every_answer_has_the_headers_that_keep_a_browser_safe(client: httpx.Client, shared_server: Running) -> None:
    answers = [client.get(path) for path in ("/", "/api/libraries", "/api/nothing", "/api/health")]
    with shared_server.client(token=None) as stranger:
        answers += [stranger.get("/"), stranger.get("/api/libraries")]
    for answer in answers:
        assert SECURITY_HEADERS.items() <= {name: answer.headers.get(name) for name in SECURITY_HEADERS}.items()
        assert "access-control-allow-origin" not in answer.headers
        assert "server" not in answer.headers
    assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", ".hidden", "a//b", "", "nothing.js"])
def test_no_file_outside_of_the_gallery_is_sent(client: httpx.Client, path: str) -> None:
    assert client.get(f"/gallery/{path}").status_code == 404


def test_the_gallery_is_sent_again_only_when_it_has_changed(client: httpx.Client) -> None:
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304


def test_libraries_are_apart(start: Callable[..., Running], served_library: Path, tmp_path: Path) -> None:
    with Library.open(tmp_path / "other" / "photos.recall", encoder="compact") as library:
        library.add(texts=["a secret"], ids=["s"])
    server = start(served_library, tmp_path / "other" / "photos.recall")
    with server.client() as client:
        assert [each["name"] for each in client.get("/api/libraries").json()] == ["photos", "photos-2"]
        hits = client.post(f"{L}/search", json={"query": "a secret", "include_unlikely": True}).json()["hits"]
        assert "a secret" not in [hit["text"] for hit in hits]
        picture = client.post(f"{L}/pictures", content=_png())
        name = picture.json()["picture"]
        assert client.get(f"{L}/pictures/{name}").status_code == 200
        assert client.get(f"/api/libraries/photos-2/pictures/{name}").status_code == 404


def _png() -> bytes:
    content = BytesIO()
    Image.new("RGB", (8, 8), "red").save(content, "PNG")
    return content.getvalue()
