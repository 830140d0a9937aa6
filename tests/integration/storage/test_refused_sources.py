"""Sources in object storage that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer.errors import ConfigError, NoPhotosError, SourceError
from retrieval import Library, embed_parts
from tests.support.encoders import FakeEncoder
from tests.support.photo_places import PhotoBucket

pytestmark = pytest.mark.cluster


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """Return an empty library."""
    return Library.open(tmp_path / "photos.recall", encoder=FakeEncoder())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://", "names no bucket"),
        ("s3:///photos", "names no bucket"),
        ("gs://bucket/photos", "a URL begins with 'gs://'; expected a folder or s3://BUCKET/PREFIX"),
        ("http://example.org/photos", "a URL begins with 'http://'"),
        ("s3://bucket/a//b", "has an empty component"),
        ("s3://bucket/a/../b", "has an empty component, '.' or '..'"),
        ("s3://key:hidden@bucket/photos", "a URL has a key or a port in it"),
    ],
)
def test_other_urls_are_refused(url: str, reason: str, library: Library, tmp_path: Path) -> None:
    for call in (lambda: library.sync(url), lambda: embed_parts(url, tmp_path / "parts", encoder=FakeEncoder())):
        with pytest.raises(ConfigError, match=reason) as caught:
            call()
        assert "hidden" not in str(caught.value)


def test_a_bucket_or_a_prefix_that_is_not_there_is_one_sentence(bucket: str, library: Library) -> None:
    with pytest.raises(SourceError, match=r"the bucket 'no-such-bucket' .* there is no such bucket"):
        library.sync("s3://no-such-bucket/photos")
    with pytest.raises(NoPhotosError, match=f"{bucket}/nothing contains no photos or texts"):
        library.sync(f"{bucket}/nothing")
    assert library.status().sources == []


def test_a_table_in_a_bucket_is_refused(photo_bucket: PhotoBucket, library: Library) -> None:
    photo_bucket.write("captions.csv", b"caption\nred\n")
    with pytest.raises(SourceError, match="is a table, which must be a file"):
        library.sync(f"{photo_bucket.url}/captions.csv")
