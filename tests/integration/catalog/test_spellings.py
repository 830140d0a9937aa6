"""Paths in the catalog, asked for in another Unicode form or in another case."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from indexer.catalog.statements.sources import Source, canonical_path
from indexer.catalog.statements.spellings import stored_spellings
from indexer.catalog.text_key import text_key
from tests.support.catalog import save_items

COMPOSED, APART = "/photos/\u00dcbung/M\u00fcller.jpg", "/photos/U\u0308bung/Mu\u0308ller.jpg"
MIXED = "/photos/U\u0308bung/M\u00fcller.jpg"


def test_a_path_is_found_in_the_other_unicode_form_also_if_each_name_has_its_own(
    connection: Connection, source: Source
) -> None:
    save_items(connection, source, MIXED, "/photos/other.jpg")
    for path in (COMPOSED, APART, MIXED):
        assert canonical_path(connection, path) == MIXED
    assert canonical_path(connection, "/photos/\u00dcbung") == "/photos/U\u0308bung"
    assert canonical_path(connection, "/photos/\u00dcbungen") == "/photos/\u00dcbungen"
    assert canonical_path(connection, MIXED.upper()) == MIXED.upper()  # case is another name for a file


def test_a_name_with_letters_of_both_unicode_forms_is_found(connection: Connection, source: Source) -> None:
    both = "/photos/\u00e9-u\u0308.jpg"
    save_items(connection, source, both, *(f"/photos/dir/{number}.jpg" for number in range(1500)))
    for form in ("NFC", "NFD"):
        assert canonical_path(connection, unicodedata.normalize(form, both)) == both


def test_two_files_whose_names_differ_in_their_unicode_form_stay_two(
    connection: Connection, source: Source, tmp_path: Path
) -> None:
    composed, apart = (str(tmp_path / unicodedata.normalize(form, "\u00e9.jpg")) for form in ("NFC", "NFD"))
    Path(composed).touch()
    Path(apart).touch()
    if os.path.samefile(composed, apart):
        pytest.skip("this file system takes both spellings for one name")
    save_items(connection, source, apart)
    assert canonical_path(connection, composed) == composed  # exists, and is not in the library
    save_items(connection, source, composed)
    assert canonical_path(connection, composed) == composed
    assert canonical_path(connection, apart) == apart
    assert stored_spellings(connection, composed) == [composed, apart]


def test_another_case_counts_only_on_request_and_only_if_no_name_has_this_case(
    connection: Connection, source: Source
) -> None:
    save_items(connection, source, "/photos/Trip/a.jpg", "/photos/TRIP.txt", "/photos/x/1.jpg", "/photos/X/2.jpg")
    assert stored_spellings(connection, "/photos/trip", ignore_case=True) == ["/photos/Trip"]
    assert stored_spellings(connection, "/PHOTOS/trip", ignore_case=True) == ["/photos/Trip"]
    assert stored_spellings(connection, "/photos/x", ignore_case=True) == ["/photos/x"]
    assert stored_spellings(connection, "/photos/trip") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("F\u00caTE \u00c0 \u00c9VIAN", "f\u00eate \u00e0 \u00e9vian"),
        ("e\u0301", "\u00c9"),
        ("Stra\u00dfe", "STRASSE"),
        ("I\u015eIK", "\u0131\u015f\u0131k"),  # Turkish: the small letter of I has no dot
        ("\u0130zmir", "izmir"),
        ("\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2"),  # Greek: the last small sigma has a form of its own
        ("\u212b", "\u00e5"),  # the sign of the unit Angstrom
    ],
)
def test_texts_that_differ_in_case_or_unicode_form_have_one_key(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)


@given(st.text(max_size=20))
def test_a_key_is_the_same_for_every_form_and_is_its_own_key(text: str) -> None:
    key = text_key(text)
    assert text_key(key) == key
    assert {text_key(unicodedata.normalize(form, text)) for form in ("NFC", "NFD")} == {key}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(st.text(alphabet="a\u00e4o\u0308\u00e9\u0323\u304c", min_size=1, max_size=4), min_size=1, max_size=3))
def test_any_stored_path_is_found_in_both_unicode_forms(
    connection: Connection, source: Source, names: list[str]
) -> None:
    path = "/" + "/".join(names)
    with connection.begin_nested() as savepoint:
        save_items(connection, source, path)
        for form in ("NFC", "NFD"):
            assert stored_spellings(connection, unicodedata.normalize(form, path)) == [path]
        savepoint.rollback()


def test_urls_have_spellings_as_paths_have(connection: Connection, source: Source) -> None:
    save_items(connection, source, "s3://bkt/Trip/U\u0308bung/a.jpg", "s3://bkt/Trip/b.jpg")
    assert stored_spellings(connection, "s3://bkt/Trip/\u00dcbung") == ["s3://bkt/Trip/U\u0308bung"]
    assert stored_spellings(connection, "s3://bkt/trip", ignore_case=True) == ["s3://bkt/Trip"]
    assert stored_spellings(connection, "s3://bkt/trip") == []
    assert stored_spellings(connection, "s3://other/Trip") == []
