"""Lines of text for the distillation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.compact import corpus
from training.compact.photo_sets import TrainingPhoto


def test_wordnet_nouns_are_parsed_without_names_of_people_and_groups() -> None:
    dog = (
        "02084071 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02083346 n 0000 "
        '| a member of the genus Canis; occurs in many breeds; "the dog barked"  '
    )
    noun = corpus.parse_noun(dog)
    assert noun is not None
    assert noun.names == ("dog", "domestic dog", "Canis familiaris")
    assert noun.gloss == "a member of the genus Canis"
    lines = list(corpus.noun_lines([noun]))
    assert lines == ["a photo of a dog", "a photo of a domestic dog", "dog, a member of the genus Canis"]
    for skipped in (
        "  1 This software and database is being provided to you",
        "00001740 03 n 01 entity 0 000 | that which is perceived",  # an entity is not visible
        "10800000 18 n 01 Babe_Zaharias 0 000 | United States athlete",
        "02000000 05 n 01 Canidae 0 000 | dogs and wolves",
        "02000001 05 n 01 genus_Canis 0 000 | type genus of the Canidae",
    ):
        assert corpus.parse_noun(skipped) is None


def test_short_queries_are_consecutive_words_of_their_caption() -> None:
    caption = "two dogs run along a wide sandy beach ."
    for line in corpus.short_queries([caption] * 30, np.random.default_rng(0)):
        assert line in caption
        assert 2 <= len(line.split()) <= 6
    assert list(corpus.short_queries(["a dog"], np.random.default_rng(0))) == []


def test_the_corpus_has_each_line_once_and_a_fixed_order() -> None:
    train = [TrainingPhoto(Path("a.jpg"), "f", ("a man on a horse at the sea",), "", "train")]
    lines = corpus.collect_lines(train, ["an extra caption without photo"], [], seed=0)
    assert "a man on a horse at the sea" in lines
    assert "an extra caption without photo" in lines
    assert len(lines) == len(set(lines))
    assert lines == corpus.collect_lines(train, ["an extra caption without photo"], [], seed=0)


def test_a_line_with_several_meanings_has_no_broader_line() -> None:
    nouns = [
        corpus.Noun(names=("astronaut",), gloss="a person in space", lexicon="18"),
        corpus.Noun(names=("crane",), gloss="a wading bird", lexicon="05"),
        corpus.Noun(names=("crane",), gloss="a machine that lifts", lexicon="06"),
    ]
    assert corpus.find_broader_lines(nouns) == {
        "a photo of an astronaut": "a photo of a person",
        "astronaut, a person in space": "a photo of a person",
        "crane, a wading bird": "a photo of an animal",
    }
