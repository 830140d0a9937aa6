"""CLIP's tokenizer without torch, compared with open_clip's own."""

from __future__ import annotations

import gzip
import html
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ftfy
import numpy as np
import pytest
from open_clip.tokenizer import SimpleTokenizer, default_bpe

from indexer.encoders import clip_bpe, text_cleaning
from indexer.encoders.tokenizer import load_tokenizer
from indexer.errors import EncoderError, MissingPackageError
from tests.support.texts import ODD, random_texts

CLIP = {"kind": "clip", "context_length": 77}


def test_random_texts_of_every_script_get_open_clips_ids() -> None:
    ours, theirs = load_tokenizer(CLIP, Path()), SimpleTokenizer(context_length=77)
    texts = random_texts(10_000, seed=3)
    differs = (ours(texts) != theirs(texts).numpy()).any(axis=1)
    assert not differs.any(), [texts[row] for row in np.flatnonzero(differs)[:5]]


@pytest.mark.parametrize("length", [1, 2, 24, 77])
def test_odd_texts_get_open_clips_ids_at_every_context_length(length: int) -> None:
    ours = load_tokenizer({"kind": "clip", "context_length": length}, Path())
    theirs = SimpleTokenizer(context_length=length)
    for text in ODD:
        assert ours([text]).tolist() == theirs([text]).tolist(), ascii(text[:80])


def test_a_word_longer_than_any_context_gets_open_clips_ids() -> None:
    ours, theirs = load_tokenizer({"kind": "clip", "context_length": 4}, Path()), SimpleTokenizer(context_length=4)
    rng = random.Random(3)
    for letters in ["a", "ab", "the", "etaoinshrdlu", "\u00fc\u00e9", "\u5199\u771f", "\U0001f600"] * 10:
        word = "".join(rng.choices(letters, k=rng.randint(250, 700)))  # it is cut at 256 characters
        assert ours([word]).tolist() == theirs([word]).tolist(), ascii(word)


def test_only_the_beginning_of_a_huge_word_is_encoded() -> None:
    ours = load_tokenizer(CLIP, Path())
    assert ours(["abcdefghij" * 100_000]).tolist() == ours(["abcdefghij" * 1_000]).tolist()


def test_a_text_gets_the_ids_of_openais_clip() -> None:
    # OpenAI's example: 320 is "a", 1929 is "dog", and every text is between 49406 and 49407
    assert load_tokenizer(CLIP, Path())(["a dog"])[0, :5].tolist() == [49406, 320, 1929, 49407, 0]


def test_no_text_gives_no_rows() -> None:
    tokens = load_tokenizer(CLIP, Path())([])
    assert tokens.shape == (0, 77)
    assert tokens.dtype == np.int64


def test_several_threads_get_the_same_ids_as_one() -> None:
    ours = load_tokenizer(CLIP, Path())
    batches = [random_texts(50, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(ours, batches))
    assert all(np.array_equal(tokens, ours(batch)) for tokens, batch in zip(results, batches, strict=True))


def test_the_shipped_merges_are_open_clips() -> None:
    with gzip.open(default_bpe(), "rt", encoding="utf-8", newline="\n") as file:
        theirs = file.read().split("\n")[1:48895]
    lines, ids = clip_bpe.read_merges()
    assert lines == theirs
    assert max(map(len, ids)) == clip_bpe.MAX_PIECE


def test_ftfy_does_not_change_plain_texts() -> None:
    rng = random.Random(3)
    plain = [chr(code) for code in range(128) if text_cleaning.PLAIN.fullmatch(chr(code))]
    assert len(plain) == 96  # the 95 printable ones without "&", and tab and newline
    for text in [*plain, *("".join(rng.choices(plain, k=rng.randint(0, 60))) for _ in range(5000))]:
        assert html.unescape(html.unescape(ftfy.fix_text(text))) == text


def test_a_plain_text_loads_neither_torch_nor_ftfy_nor_regex() -> None:
    program = (
        "import sys; from pathlib import Path; from indexer.encoders.tokenizer import load_tokenizer\n"
        "load_tokenizer({'kind': 'clip', 'context_length': 24}, Path())(['a photo of a dog'])\n"
        "print({'torch', 'ftfy', 'regex', 'open_clip'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"


def test_a_text_fits_if_its_ids_are_no_more_than_the_context_length() -> None:
    longer = SimpleTokenizer(context_length=400)
    for length in (3, 24):
        ours = load_tokenizer({"kind": "clip", "context_length": length}, Path())
        texts = [*random_texts(500, seed=4), *(text[:200] for text in ODD), "dog " * (length - 2), ""]
        counts = (longer(texts).numpy() != 0).sum(axis=1)
        assert ours.fits(texts) == (counts <= length).tolist()
        assert ours.fits(["dog " * (length - 2), "dog " * (length - 1)]) == [True, False]


def test_cached_words_get_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.tokenizer._MAX_CACHED_WORDS", 3)
    ours, theirs = load_tokenizer(CLIP, Path()), SimpleTokenizer(context_length=77)
    for text in ["a dog on the beach", "the dog and the cat", "a dog", "", "the beach at night"] * 2:
        assert ours([text]).tolist() == theirs([text]).tolist()


@pytest.mark.parametrize("damage", [b"", b"\xff", b"i n\nt h\n"])
def test_damaged_merges_are_refused_with_a_path(damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clip_merges.txt"
    file.write_bytes(clip_bpe.MERGES_FILE.read_bytes()[:-100] + damage)
    monkeypatch.setattr(clip_bpe, "MERGES_FILE", file)
    clip_bpe.read_merges.cache_clear()
    with pytest.raises(EncoderError, match=r"clip_merges\.txt .*install Recall again"):
        load_tokenizer(CLIP, tmp_path)
    monkeypatch.setattr(clip_bpe, "MERGES_FILE", tmp_path / "absent.txt")
    with pytest.raises(EncoderError, match=r"absent\.txt cannot be read .*install Recall again"):
        load_tokenizer(CLIP, tmp_path)


@pytest.mark.parametrize("package", ["tokenizers", "ftfy", "regex"])
def test_a_missing_package_is_named_with_the_command_to_install_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package}; run: pip install 'recall-photos\[cpu\]'"):
        load_tokenizer(CLIP, Path())
