"""Names are split into the words that people search for."""

from __future__ import annotations

import unicodedata

import pytest

from indexer.catalog.words import file_words, fold_words, folder_below, folder_words, item_words, name_words, text_words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("IMG_2041.JPG", ["img", "2041", "img2041", "jpg"]),
        ("PANA3020.JPG", ["pana3020", "pana", "3020", "jpg"]),
        ("rome_trip-01.png", ["rome", "trip", "01", "rometrip01", "png"]),
        ("myHolidayPhoto.heic", ["myholidayphoto", "my", "holiday", "photo", "heic"]),
        ("HTMLFile", ["htmlfile", "html", "file"]),
        ("DSC02041.ARW", ["dsc02041", "dsc", "02041", "2041", "arw"]),  # numbers also without zeros
        ("DSC_0041.jpg", ["dsc", "0041", "41", "dsc0041", "jpg"]),
        ("M-XY4711.jpg", ["m", "xy4711", "xy", "4711", "mxy4711", "jpg"]),
        ("\u00c4pfelUnd\u00d6l.jpg", ["apfelundol", "apfel", "und", "ol", "jpg"]),
        ("\u5317\u4eac\u65c5\u884c.jpg", ["北京旅行", "京旅行", "旅行", "行", "jpg"]),  # a word may begin anywhere
        (".hidden", ["hidden"]),
        ("___.", []),
        ("", []),
    ],
)
def test_a_file_name_has_its_words_their_parts_and_all_of_them_as_one(name: str, words: list[str]) -> None:
    assert sorted(file_words(name)) == sorted(words)
    assert sorted(file_words(unicodedata.normalize("NFD", name))) == sorted(words)  # as macOS stores it


def test_each_folder_has_words_of_its_own() -> None:
    assert list(folder_words("2019-05 Germany/rome_trip")) == [
        "2019",
        "05",
        "germany",
        "201905germany",
        "rome",
        "trip",
        "rometrip",
    ]
    assert list(folder_words("")) == []


def test_long_names_are_not_joined_to_one_word() -> None:
    assert list(name_words("the quick brown fox jumps over the lazy dog"))[-1] == "dog"


@pytest.mark.parametrize(
    ("path", "root", "folder"),
    [
        ("/photos/a/b/c.jpg", "/photos", "a/b"),
        ("/photos/c.jpg", "/photos", ""),
        ("/photos/c.jpg", "/photos/c.jpg", ""),  # the source is a file
        ("/data/pictures/c.jpg", "/data/rows.csv", "pictures"),  # the picture of a table's row
        ("/other/pictures/c.jpg", "/data/rows.csv", ""),
        ("/photos/c.jpg", "/", "photos"),
        ("/photos2/c.jpg", "/photos", ""),
        ("/caf\udce9/c.jpg", "/", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_folders_of_a_file_are_those_below_its_source(path: str, root: str, folder: str) -> None:
    assert folder_below(path, root) == folder


def test_an_item_has_the_words_of_its_names_and_only_parts_of_its_texts() -> None:
    words = item_words("/photos/Rome/a.jpg", "", "/photos", ["Canon EOS 5D", None], ["SummerTrip at sea", None])
    assert words.split() == ["a", "jpg", "rome", "canon", "eos", "5d", "canoneos5d", "summer", "trip"]
    assert item_words("/data/rows.csv", "SKU-12", "/data/rows.csv", (), ()).split() == [
        "rows",
        "csv",
        "sku",
        "12",
        "sku12",
    ]


def test_words_of_a_text_are_folded_and_have_parts() -> None:
    assert text_words("A caf\u00e9 in NewYork, 2019") == {"a", "cafe", "in", "newyork", "new", "york", "2019"}
    assert fold_words("Stra\u00dfe, \u00c9T\u00c9; don't") == ["strasse", "ete", "don", "t"]
