"""The SQL function `text_key`, made from Python's tables of Unicode so that it returns the same as Python's."""

from __future__ import annotations

import functools
import sys
import unicodedata


@functools.cache
def text_key_function() -> str:
    """Return the statement that makes the function; see `indexer.catalog.text_key.text_key`.

    A server's own `lower` knows neither every letter nor "ß" as "ss", and differs between versions.
    """
    single, several = _folded_letters()
    folded = "normalize(value, NFD)"
    for letter, form in several.items():
        folded = f"replace({folded}, '{letter}', '{form}')"
    folded = f"normalize(translate({folded}, '{''.join(single)}', '{''.join(single.values())}'), NFD)"
    dotless = f"replace(replace({folded}, 'i\N{COMBINING DOT ABOVE}', 'i'), '\N{LATIN SMALL LETTER DOTLESS I}', 'i')"
    return f"""
    CREATE FUNCTION text_key(value text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $function$
        SELECT CASE WHEN octet_length(value) = length(value) THEN lower(value COLLATE "C")
        ELSE normalize({dotless}, NFC) END
    $function$
    """


def _folded_letters() -> tuple[dict[str, str], dict[str, str]]:
    """Return the letters that folding changes to one letter, and to several, but none that NFD takes apart."""
    single: dict[str, str] = {}
    several: dict[str, str] = {}
    for letter in map(chr, range(sys.maxunicode + 1)):
        form = letter.casefold()
        if form != letter and unicodedata.normalize("NFD", letter) == letter:
            (single if len(form) == 1 else several)[letter] = form
    return single, several
