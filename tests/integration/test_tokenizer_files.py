"""Tokenizers from files, compared with open_clip's wrapper, and descriptions that cannot be used."""

from __future__ import annotations

import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from open_clip.tokenizer import HFTokenizer
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from indexer.encoders.tokenizer import load_tokenizer
from indexer.errors import EncoderError
from tests.support.texts import ODD

CLIP = {"kind": "clip", "context_length": 77}
FILE = {"kind": "file", "file": "tokenizer.json", "context_length": 6, "pad_id": 5}


def backend() -> Tokenizer:
    """Return a tokenizer of a few words, with a mark at each end."""
    unknown = "[UNK]"
    words = [unknown, "[CLS]", "[SEP]", "dog", "cat", "[PAD]", "Dog", "a", ",", "&", "café", "it", "s", "'"]
    tokenizer = Tokenizer(WordLevel({word: place for place, word in enumerate(words)}, unk_token=unknown))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return tokenizer


class FakeTransformersTokenizer:
    """A stand-in for transformers' fast tokenizers, which HFTokenizer wraps."""

    sep_token_id = 2

    @classmethod
    def from_pretrained(cls, _name: str, **_options: object) -> FakeTransformersTokenizer:
        return cls()

    def __call__(self, texts: list[str], *, max_length: int, **options: object) -> types.SimpleNamespace:
        assert options == {"return_tensors": "pt", "padding": "max_length", "truncation": True}
        tokenizer = backend()
        tokenizer.enable_truncation(max_length)
        tokenizer.enable_padding(length=max_length, pad_id=5)
        encodings = tokenizer.encode_batch(texts)
        return types.SimpleNamespace(input_ids=torch.tensor([encoding.ids for encoding in encodings]))


@pytest.mark.parametrize("clean", ["whitespace", "lower", "canonicalize"])
@pytest.mark.parametrize("strip", [False, True])
def test_a_file_gives_the_ids_of_open_clips_wrapper(
    clean: str, strip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend().save(str(tmp_path / "tokenizer.json"))
    stand_in = types.ModuleType("transformers")
    stand_in.AutoTokenizer = FakeTransformersTokenizer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "transformers", stand_in)
    theirs = HFTokenizer("any", context_length=6, clean=clean, strip_sep_token=strip)
    ours = load_tokenizer({**FILE, "clean": clean, **({"strip_id": 2} if strip else {})}, tmp_path)
    texts = ["", "Dog", "a_dog, cat!", "DOG &amp; cat", "cafÃ©", "it\u2019s", " dog\n\ncat ", "dog " * 20, *ODD[2:]]
    assert ours(texts).tolist() == theirs(texts).tolist()


def ids_of(text: str, folder: Path, **description: object) -> list[int]:
    backend().save(str(folder / "tokenizer.json"))
    tokens: NDArray[np.int64] = load_tokenizer({**FILE, **description}, folder)([text])
    return list(map(int, tokens[0]))


def test_a_file_is_padded_and_truncated_on_its_sides(tmp_path: Path) -> None:
    # [CLS] is 1, [SEP] 2, dog 3, cat 4, [PAD] 5; truncation keeps the marks
    assert ids_of("dog cat", tmp_path) == [1, 3, 4, 2, 5, 5]
    assert ids_of("dog cat", tmp_path, padding_side="left") == [5, 5, 1, 3, 4, 2]
    assert ids_of("dog cat cat cat cat", tmp_path) == [1, 3, 4, 4, 4, 2]
    assert ids_of("dog dog cat cat cat", tmp_path, truncation_side="left") == [1, 3, 4, 4, 4, 2]


def test_a_text_fits_a_file_if_it_is_not_truncated(tmp_path: Path) -> None:
    backend().save(str(tmp_path / "tokenizer.json"))  # a row has six ids, two of which are marks
    for sides in ({}, {"truncation_side": "left"}, {"padding_side": "left"}):
        ours = load_tokenizer({**FILE, **sides}, tmp_path)
        assert ours.fits(["", "dog", "dog cat cat cat", "dog cat cat cat dog", "dog " * 50]) == [True] * 3 + [False] * 2
    assert load_tokenizer(FILE, tmp_path).fits([]) == []


def test_a_file_without_cleaning_gets_the_text_unchanged(tmp_path: Path) -> None:
    # "&" is 9, "s" 12; the entity's other parts are unknown (0)
    assert ids_of("& s;", tmp_path, clean="") == [1, 9, 12, 0, 2, 5]
    assert ids_of("&amp; s", tmp_path, clean="") == [1, 9, 0, 0, 12, 2]
    assert ids_of("&amp; s", tmp_path, clean="whitespace") == [1, 9, 12, 2, 5, 5]


def test_padding_and_truncation_saved_in_a_file_are_ignored(tmp_path: Path) -> None:
    tokenizer = backend()
    tokenizer.enable_padding(length=50, pad_id=0)
    tokenizer.enable_truncation(3)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(FILE, tmp_path)(["dog cat"]).tolist() == [[1, 3, 4, 2, 5, 5]]
    assert load_tokenizer(FILE, tmp_path)([]).shape == (0, 6)


@pytest.mark.parametrize(
    ("description", "message"),
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
        (FILE, "is not a usable tokenizer"),  # the file is missing
    ],
)
def test_a_wrong_description_is_refused_with_its_value(
    description: dict[str, object], message: str, tmp_path: Path
) -> None:
    with pytest.raises(EncoderError, match=message):
        load_tokenizer(description, tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"\xff\xfe\x00", b'{"version": "1.0", "model": {"type": "BPE"}}']
)
def test_a_damaged_file_is_refused_with_its_path(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(EncoderError, match=r"tokenizer\.json is not a usable tokenizer .*export the encoder again"):
        load_tokenizer(FILE, tmp_path)
