"""Token ids without torch, against open_clip's own tokenizers."""

from __future__ import annotations

import gzip
import html
import random
import subprocess
import sys
import types
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ftfy
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer, SimpleTokenizer, default_bpe
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from indexer.encoders import tokenizer
from indexer.encoders.tokenizer import load_tokenizer
from indexer.errors import EncoderError, MissingPackageError

CLIP = {"kind": "clip", "context_length": 77}
FILE = {"kind": "file", "file": "tokenizer.json", "context_length": 6, "pad_id": 5}

ODD = [
    "",
    " \t\n\u3000\u2003 ",
    "a photo of a cat",
    "<start_of_text> and <end_of_text>, <END_OF_TEXT>, <\u017ftart_of_text>, <|startoftext|><|endoftext|>",
    "IT'S HE'LL they'RE i'M we'Ve she'D can'T rock'n'roll '' 'sss",
    "it\u2019s he\u2019LL they\u02bcre \u2018quoted\u2019 '\u017f '\u017ft x'\u017f",  # long s folds to s
    "\u0130stanbul \u0131\u015f\u0131k I\u0307",
    "STRASSE Stra\u00dfe \u1e9e",
    "\u13e3\u13b3\u13a9 \uab70\uab71\u13f8",  # Cherokee in both cases
    "\u039f\u0394\u03a5\u03a3\u03a3\u0395\u03a5\u03a3 \u03a3 \u03b1\u03a3\u0301\u03b2",  # final sigma
    "\ufb01ne \ufb02ow e\ufb03cient \ufb05 \ufb06 \u0132sselmeer \u01c4 \u01f2 \u0149",
    "\u212a \u212b \u2126 \uff21\uff22\uff11 \uff71\uff76",  # Kelvin, Angstrom, Ohm; full and half width
    "schön café “quoted” привет à la … ä".encode().decode("latin-1"),
    "naïve \u2019s €5 ½".encode().decode("windows-1252").encode().decode("latin-1"),
    "voilÃ le travail, l\u2019humanitÃ©",
    "&amp;amp;lt;b&amp;gt; &lt;3 &eacute; &EACUTE; &#x1F600; &#128; &#x1c; &#11; &notit; &amp;#x2028; & &&amp",
    "\x00\x01\x1b[31mred\x1b[0m \x7f\x85\ufeff\u200b\u200d\u00ad\u2028\u2029\ufffc",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 \U0001f3f3\ufe0f\u200d\U0001f308",
    "\U0001f1e9\U0001f1ea 1\ufe0f\u20e3 \U0001f44d\U0001f3fd",
    "a1b22c333 \u0663\u0664 \u2163 \u00bd \u00b2 \u4e94 \U0001d7d8 12345678901234567890",
    "e\u0301 \u00e9 \u1100\u1161\u11a8 \uac01 \u0915\u094d\u0937\u093f Z\u0351\u036b\u0343\u036a",
    "a\U00011180b \U0001e922 \U00010400 \U00020000 \U000e0067 \U0010fffd \U00010d50 \ua7cb \U00016ea0",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa hahahahahahahahaha !!!!!!!!???? ---===---",
    "x" * 5000,
    "the quick brown fox " * 500,
    "\u6f22" * 3000,
    "\ud800 lone \udc00\ud83d\ude00",  # ftfy joins or replaces surrogates
]
PARTS = [part for text in ODD[3:22] for part in text.split(" ")] + ["dog's", "&", ";", "'", "<", ">", "\n", "\u0307"]


def strings_of_every_script(count: int, *, seed: int) -> list[str]:
    """Return strings that together hold letters of every 64-wide stretch of all 17 planes, and the odd parts above."""
    rng = random.Random(seed)
    stretches = [start for start in range(0, 0x30000, 64) if not 0xD800 <= start < 0xE000]
    stretches += [0xE0000, 0xE0040, 0xE0100, 0xF0000, 0x10FFC0]
    found = []
    for number in range(count):
        start = stretches[number % len(stretches)]
        words = []
        for _ in range(rng.randint(1, 6)):
            kind = rng.random()
            if kind < 0.5:
                words.append("".join(chr(start + rng.randrange(64)) for _ in range(rng.randint(1, 8))))
            elif kind < 0.75:
                words.append("".join(rng.choices("etaoinshrdluETAOINSHRDLU0123456789'.,-&;<>|_", k=rng.randint(1, 12))))
            else:
                words.append(rng.choice(PARTS))
        found.append(rng.choice(["", " "]).join(words))
    return found


def test_ten_thousand_strings_of_every_script_get_open_clips_ids() -> None:
    ours, theirs = load_tokenizer(CLIP, Path()), SimpleTokenizer(context_length=77)
    strings = strings_of_every_script(10_000, seed=3)

    different = (ours(strings) != theirs(strings).numpy()).any(axis=1)

    assert not different.any(), [strings[row] for row in np.flatnonzero(different)[:5]]


@pytest.mark.parametrize("length", [1, 2, 24, 77])
def test_odd_strings_get_open_clips_ids_at_every_length(length: int) -> None:
    ours = load_tokenizer({"kind": "clip", "context_length": length}, Path())
    theirs = SimpleTokenizer(context_length=length)
    for text in ODD:
        assert ours([text]).tolist() == theirs([text]).tolist(), ascii(text[:80])


def test_a_word_longer_than_any_context_gets_open_clips_ids() -> None:
    ours, theirs = load_tokenizer({"kind": "clip", "context_length": 4}, Path()), SimpleTokenizer(context_length=4)
    rng = random.Random(3)
    for letters in ["a", "ab", "the", "etaoinshrdlu", "\u00fc\u00e9", "\u5199\u771f", "\U0001f600"] * 10:
        word = "".join(rng.choices(letters, k=rng.randint(250, 700)))  # it is cut at 256
        assert ours([word]).tolist() == theirs([word]).tolist(), ascii(word)


def test_a_word_of_a_million_letters_gets_the_ids_of_its_beginning() -> None:
    ours = load_tokenizer(CLIP, Path())
    assert ours(["abcdefghij" * 100_000]).tolist() == ours(["abcdefghij" * 1_000]).tolist()


def test_a_text_gets_the_ids_that_clip_gives_it() -> None:
    # OpenAI's own example: 320 "a", 1929 "dog", 49406 and 49407 around every text
    assert load_tokenizer(CLIP, Path())(["a dog"])[0, :5].tolist() == [49406, 320, 1929, 49407, 0]


def test_no_text_gives_no_rows() -> None:
    found = load_tokenizer(CLIP, Path())([])
    assert found.shape == (0, 77)
    assert found.dtype == np.int64


def test_threads_get_what_one_thread_gets() -> None:
    ours = load_tokenizer(CLIP, Path())
    batches = [strings_of_every_script(50, seed=seed) for seed in range(16)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(ours, batches))
    assert all(np.array_equal(found, ours(batch)) for found, batch in zip(together, batches, strict=True))


def test_the_shipped_merges_are_open_clips() -> None:
    with gzip.open(default_bpe(), "rt", encoding="utf-8", newline="\n") as file:
        theirs = file.read().split("\n")[1:48895]
    lines, ids = tokenizer._merges()
    assert lines == theirs
    assert max(map(len, ids)) == tokenizer.LONGEST


def test_what_needs_no_ftfy_is_left_alone_by_it() -> None:
    rng = random.Random(3)
    plain = [chr(code) for code in range(128) if tokenizer.PLAIN.fullmatch(chr(code))]
    assert len(plain) == 96  # 95 printable ones less "&", tab and newline
    for text in [*plain, *("".join(rng.choices(plain, k=rng.randint(0, 60))) for _ in range(5000))]:
        assert html.unescape(html.unescape(ftfy.fix_text(text))) == text


def test_a_plain_text_loads_neither_torch_nor_ftfy_nor_regex() -> None:
    program = (
        "import sys; from pathlib import Path; from indexer.encoders.tokenizer import load_tokenizer\n"
        "load_tokenizer({'kind': 'clip', 'context_length': 24}, Path())(['a photo of a dog'])\n"
        "print({'torch', 'ftfy', 'regex', 'open_clip'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "set()\n"


def backend() -> Tokenizer:
    """Return a tokenizer of a few words, with marks at both ends."""
    unknown = "[UNK]"
    words = [unknown, "[CLS]", "[SEP]", "dog", "cat", "[PAD]", "Dog", "a", ",", "&", "café", "it", "s", "'"]
    made = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token=unknown))
    made.pre_tokenizer = Whitespace()
    made.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return made


class Transformed:
    """What HFTokenizer asks of transformers' fast tokenizers, which do the same with their backend."""

    sep_token_id = 2

    @classmethod
    def from_pretrained(cls, _name: str, **_options: object) -> Transformed:
        return cls()

    def __call__(self, texts: list[str], *, max_length: int, **options: object) -> types.SimpleNamespace:
        assert options == {"return_tensors": "pt", "padding": "max_length", "truncation": True}
        made = backend()
        made.enable_truncation(max_length)
        made.enable_padding(length=max_length, pad_id=5)
        return types.SimpleNamespace(input_ids=torch.tensor([each.ids for each in made.encode_batch(texts)]))


@pytest.mark.parametrize("clean", ["whitespace", "lower", "canonicalize"])
@pytest.mark.parametrize("strip", [False, True])
def test_a_file_gives_the_ids_of_open_clips_wrapper(
    clean: str, strip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend().save(str(tmp_path / "tokenizer.json"))
    stand_in = types.ModuleType("transformers")
    stand_in.AutoTokenizer = Transformed  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    theirs = HFTokenizer("any", context_length=6, clean=clean, strip_sep_token=strip)
    ours = load_tokenizer({**FILE, "clean": clean, **({"strip_id": 2} if strip else {})}, tmp_path)
    texts = ["", "Dog", "a_dog, cat!", "DOG &amp; cat", "cafÃ©", "it\u2019s", " dog\n\ncat ", "dog " * 20, *ODD[2:]]

    assert ours(texts).tolist() == theirs(texts).tolist()


def ids_of(text: str, folder: Path, **described: object) -> list[int]:
    backend().save(str(folder / "tokenizer.json"))
    found: NDArray[np.int64] = load_tokenizer({**FILE, **described}, folder)([text])
    return list(map(int, found[0]))


def test_a_file_pads_and_cuts_on_the_side_it_names(tmp_path: Path) -> None:
    # [CLS] is 1, [SEP] 2, dog 3, cat 4, [PAD] 5; the marks are kept when the text between them is cut
    assert ids_of("dog cat", tmp_path) == [1, 3, 4, 2, 5, 5]
    assert ids_of("dog cat", tmp_path, padding_side="left") == [5, 5, 1, 3, 4, 2]
    assert ids_of("dog cat cat cat cat", tmp_path) == [1, 3, 4, 4, 4, 2]
    assert ids_of("dog dog cat cat cat", tmp_path, truncation_side="left") == [1, 3, 4, 4, 4, 2]


def test_a_text_fits_where_its_ids_are_no_more_than_the_context_holds() -> None:
    longer = SimpleTokenizer(context_length=400)
    for length in (3, 24):
        ours = load_tokenizer({"kind": "clip", "context_length": length}, Path())
        texts = [*strings_of_every_script(500, seed=4), *(text[:200] for text in ODD), "dog " * (length - 2), ""]
        counts = (longer(texts).numpy() != 0).sum(axis=1)
        assert ours.fits(texts) == (counts <= length).tolist()
        assert ours.fits(["dog " * (length - 2), "dog " * (length - 1)]) == [True, False]


def test_a_text_fits_a_file_where_nothing_is_cut_off(tmp_path: Path) -> None:
    backend().save(str(tmp_path / "tokenizer.json"))  # a row has six ids, two of which are marks
    for sides in ({}, {"truncation_side": "left"}, {"padding_side": "left"}):
        ours = load_tokenizer({**FILE, **sides}, tmp_path)
        assert ours.fits(["", "dog", "dog cat cat cat", "dog cat cat cat dog", "dog " * 50]) == [True] * 3 + [False] * 2
    assert load_tokenizer(FILE, tmp_path).fits([]) == []


def test_words_that_were_met_before_get_the_same_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.tokenizer.REMEMBERED", 3)  # forgotten again and again
    ours, theirs = load_tokenizer(CLIP, Path()), SimpleTokenizer(context_length=77)
    for text in ["a dog on the beach", "the dog and the cat", "a dog", "", "the beach at night"] * 2:
        assert ours([text]).tolist() == theirs([text]).tolist()


def test_a_file_without_cleaning_gets_the_text_as_it_is(tmp_path: Path) -> None:
    # "&" is 9, "s" 12; the entity's other parts are unknown (0)
    assert ids_of("& s;", tmp_path, clean="") == [1, 9, 12, 0, 2, 5]
    assert ids_of("&amp; s", tmp_path, clean="") == [1, 9, 0, 0, 12, 2]
    assert ids_of("&amp; s", tmp_path, clean="whitespace") == [1, 9, 12, 2, 5, 5]


def test_a_file_settles_its_own_padding_whatever_was_saved_with_it(tmp_path: Path) -> None:
    made = backend()
    made.enable_padding(length=50, pad_id=0)
    made.enable_truncation(3)
    made.save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(FILE, tmp_path)(["dog cat"]).tolist() == [[1, 3, 4, 2, 5, 5]]
    assert load_tokenizer(FILE, tmp_path)([]).shape == (0, 6)


@pytest.mark.parametrize(
    ("described", "named"),
    [
        ({}, "context_length None"),
        ({"kind": "clip"}, "context_length None"),
        ({"kind": "clip", "context_length": 0}, "context_length 0"),
        ({"kind": "clip", "context_length": "77"}, "context_length '77'"),
        ({"kind": "clip", "context_length": True}, "context_length True"),
        ({"kind": "spm", "context_length": 8}, "kind 'spm'"),
        ({**CLIP, "mode": "clips"}, r"\['mode'\]"),
        ({**FILE, "pad_id": None}, "pad_id None"),
        ({**FILE, "clean": "upper"}, "clean 'upper'"),
        ({**FILE, "clean": ["lower"]}, "clean"),
        ({**FILE, "padding_side": "top"}, "padding_side 'top'"),
        ({**FILE, "file": "../tokenizer.json"}, "expected a name"),
        ({**FILE, "file": 3}, "expected a name"),
        (FILE, "is no usable tokenizer"),  # not there
    ],
)
def test_a_description_that_cannot_be_used_is_named(described: dict[str, object], named: str, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=named):
        load_tokenizer(described, tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"\xff\xfe\x00", b'{"version": "1.0", "model": {"type": "BPE"}}']
)
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(EncoderError, match=r"tokenizer\.json is no usable tokenizer .*export the encoder again"):
        load_tokenizer(FILE, tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\xff", b"i n\nt h\n"])
def test_damaged_merges_are_named(damage: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "clip_merges.txt"
    file.write_bytes(tokenizer.MERGES.read_bytes()[:-100] + damage)
    monkeypatch.setattr(tokenizer, "MERGES", file)
    tokenizer._merges.cache_clear()
    with pytest.raises(EncoderError, match=r"clip_merges\.txt .*install Recall again"):
        load_tokenizer(CLIP, tmp_path)
    monkeypatch.setattr(tokenizer, "MERGES", tmp_path / "absent.txt")
    with pytest.raises(EncoderError, match=r"absent\.txt cannot be read .*install Recall again"):
        load_tokenizer(CLIP, tmp_path)


@pytest.mark.parametrize("package", ["tokenizers", "ftfy", "regex"])
def test_an_absent_package_is_named_with_the_command_that_installs_it(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=rf"{package}; run: pip install 'recall-photos\[cpu\]'"):
        load_tokenizer(CLIP, Path())
