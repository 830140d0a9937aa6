"""The words of a query that its encoder does not know."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from indexer.catalog.statements import fulltext
from indexer.encoders.adapter import AdaptedEncoder
from indexer.encoders.base import Encoder
from indexer.store import Store
from retrieval.query.private_words import load_words
from retrieval.query.vocabulary.noise import noise_file_name, read_noise, word_vectors
from retrieval.query.vocabulary.nouns import english_of_inflected, english_words
from retrieval.query.vocabulary.spelling import NEARLY_EQUAL, similar_spellings
from retrieval.query.vocabulary.terms import query_terms
from retrieval.query.vocabulary.word_list import FOLDER, WordList, without_accents, word_list
from retrieval.query.word_matching import parse

MAX_SUGGESTIONS = 3

_MAX_WORDS = 8
"""Words of a query that are examined, at most: each that is not in the list costs a few milliseconds."""

_COMMON = 3000
"""Words that a misspelled word is compared with: the commonest."""

_SAME_MEANING = 0.5
"""Cosine from which a noun of another language counts as known, because its vector is like that of its English word.
Of 1,800 such nouns the median is .14; 4 % are above, most of them spelled like the English word (Universität)."""


def unknown_words(
    store: Store, texts: Sequence[str], encoder: Encoder, *, found: Collection[str] = ()
) -> dict[str, tuple[str, ...]]:
    """Return the words of texts that the encoder does not know, each with up to three suggestions.

    A word is unknown if it is not in the list of the encoder's words, moves the vector of a text no more than an
    invented word does, and is no private word and in no name or text of the library. Where the word has a meaning, as a
    noun of another language, an emoji or a misspelling, its vector must also be unlike that of its English word, and
    less evidence of noise is enough.

    Without a list, as for every encoder but `compact`, nothing is unknown.

    Args:
        store: The library.
        texts: The texts of a query.
        encoder: The encoder of the query.
        found: Words of the query that the library's texts are known to have.
    """
    plain = encoder.base_encoder if isinstance(encoder, AdaptedEncoder) else encoder
    words = word_list(plain)
    if words is None:
        return {}
    records = load_words(store)
    terms = [term for text in texts for term in query_terms(parse(text, records).rest)]
    new = [term for term in dict.fromkeys(terms) if term not in found and not _is_listed(term, words)][:_MAX_WORDS]
    if new:
        with store.reading() as connection:
            new = [term for term in new if not fulltext.count_word(connection, term).total]
    meanings = {term: _meanings(term, words) for term in new}
    names = [record.word for record in records]
    return {term: _suggestions(term, meanings[term], words, names) for term in _like_noise(meanings, plain)}


def _is_listed(term: str, words: WordList) -> bool:
    """Return whether a word is in the list, with or without its accents; Bär is not bar, since it is a German noun."""
    return words.has(term) or (not term.isascii() and not english_words(term) and words.has(without_accents(term)))


def _meanings(term: str, words: WordList) -> list[str]:
    """Return the English words of a noun of another language, an emoji, or a misspelled word; [] for other words."""
    meanings = english_words(term) or english_of_inflected(term)
    return meanings or similar_spellings(term, words.words()[:_COMMON], count=1, least=NEARLY_EQUAL)


def _like_noise(meanings: Mapping[str, Sequence[str]], encoder: Encoder) -> list[str]:
    """Return the words, which have these meanings, that move a vector no more than invented words do."""
    noise = read_noise(FOLDER / noise_file_name(encoder.fingerprint), encoder.dim)
    if noise is None or not meanings:
        return []
    texts = list(dict.fromkeys([*meanings, *(meaning for some in meanings.values() for meaning in some)]))
    vectors = dict(zip(texts, word_vectors(encoder, texts), strict=True))
    return [
        term
        for term, some in meanings.items()
        if noise.has(vectors[term], is_lenient=bool(some))
        and all(float(vectors[term] @ vectors[meaning]) < _SAME_MEANING for meaning in some)
    ]


def _suggestions(term: str, meanings: Sequence[str], words: WordList, names: Sequence[str]) -> tuple[str, ...]:
    """Return what may be meant by a word: in English, or private and known words that are spelled like it."""
    if meanings:
        return tuple(meanings[:MAX_SUGGESTIONS])
    by_key = {name.casefold(): name for name in names}
    similar = [by_key[key] for key in similar_spellings(term, list(by_key), count=1)]
    similar += similar_spellings(term, words.words(), count=MAX_SUGGESTIONS)
    return tuple(dict.fromkeys(similar))[:MAX_SUGGESTIONS]
