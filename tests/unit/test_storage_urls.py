"""URLs of object stores, and what their errors say."""

from __future__ import annotations

import pytest

from indexer.errors import ConfigError
from indexer.storage import is_url, parse_url, split_url
from indexer.storage.object_errors import code_of, storage_error


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("s3://photos", ("photos", "")),
        ("s3://photos/", ("photos", "")),
        ("s3://photos/2019/a b/", ("photos", "2019/a b")),
    ],
)
def test_a_url_has_a_bucket_and_a_prefix(url: str, parts: tuple[str, str]) -> None:
    assert parse_url(url) == parts


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("gs://photos/a", "begins with 'gs://'"),
        ("s3://", "names no bucket"),
        ("s3:///photos", "names no bucket"),
        ("s3://photos/a//b", "empty component"),
        ("s3://photos/../b", "'..'"),
        ("s3://KEY:HIDDEN@photos/a", "has a key or a port in it"),
    ],
)
def test_another_url_is_refused_in_one_sentence_without_its_key(url: str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_url(url)
    assert reason in str(caught.value)
    assert "HIDDEN" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_is_no_url() -> None:
    assert [text for text in ("/a/b", "a:b", "C:\\photos", "C://photos", "~/s3://x", "s3:/b") if is_url(text)] == []


def test_a_url_is_split_as_a_path_is() -> None:
    assert split_url("s3://photos/2019/a.jpg") == ("s3://photos/2019", "a.jpg")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("AWS Error NO_SUCH_BUCKET during ListObjectsV2 operation: gone", "there is no such bucket"),
        ("Bucket 'photos' not found", "there is no such bucket"),
        ("AWS Error ACCESS_DENIED during GetObject operation: Access Denied.", "access is denied"),
        ("AWS Error INVALID_ACCESS_KEY_ID during ListObjectsV2 operation", "does not know the access key"),
        ("AWS Error SIGNATURE_DOES_NOT_MATCH during ListObjectsV2 operation", "the secret key is wrong"),
        (
            "AWS Error UNKNOWN (HTTP status 400) during ListObjectsV2: Unable to parse ExceptionName: ExpiredToken",
            "the token has expired",
        ),
        ("AWS Error NETWORK_CONNECTION during HeadObject operation: curlCode: 7, refused", "cannot be reached"),
        ("AWS Error SLOW_DOWN during PutObject operation: KEY123", "refuses the request (SLOW_DOWN)"),
    ],
)
def test_an_error_of_a_server_is_one_sentence_of_our_own(said: str, reason: str) -> None:
    message = str(storage_error(code_of(OSError(said)), "s3://photos/a", "photos", "http://127.0.0.1:1"))
    assert reason in message
    assert "KEY123" not in message
    assert "operation" not in message
