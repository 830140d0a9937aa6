"""Exports for the CPU: they say what torch says, are made once, and nothing that is broken is used."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from indexer.encoders import cache, export, load_encoder, quantize
from indexer.encoders.agreement import TEXTS, ExportRefusedError, image_agreement, pictures, text_agreement
from indexer.encoders.base import COMPACT, Encoder
from indexer.encoders.onnx import OnnxEncoder
from indexer.encoders.openclip import OpenClipEncoder
from indexer.encoders.shelf import cache_folder
from indexer.encoders.tokens import load_tokenizer
from indexer.errors import EncoderError, EncoderMismatchError
from retrieval import Library
from tests.support.colours import paint
from tests.support.models import CONFIG, config, make_weights, save_model
from tests.support.program import Program, program_env

LOAD = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from indexer.encoders import load_encoder
encoder = load_encoder(sys.argv[1], device="cpu")
encoder.encode_texts(["a dog"])
print(type(encoder).__name__, encoder.fingerprint, *sorted({"torch", "open_clip", "onnx"} & set(sys.modules)))
"""
"""Loads an encoder, uses it, and says which and what was imported for it; the log goes to stderr."""


@pytest.fixture
def kept(small_model: str, encoder_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache of its own in which the small model lies in both precisions."""
    load_encoder(f"{small_model}+int8")  # the float32 one comes with it; the first test waits for both
    shutil.copytree(encoder_cache, tmp_path / "cache")
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "cache"))
    return cache_folder()


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a cache that does not exist yet."""
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "empty"))
    return cache_folder()


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what tells the lines logged so far by the encoders."""
    caplog.set_level(logging.INFO, "indexer.encoders")
    return lambda: [entry.getMessage() for entry in caplog.records if entry.name.startswith("indexer.encoders")]


def start(name: str) -> subprocess.Popen[str]:
    """Return a process of its own that loads an encoder."""
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def agree(encoder: Encoder, reference: Encoder, *, least: float) -> None:
    assert image_agreement(reference, encoder) >= least
    assert text_agreement(reference, encoder) >= least


def custom(**text: object) -> dict[str, Any]:
    """Return a model whose text tower is a TextTransformer."""
    content = config(text=text)
    content["model_cfg"]["custom_text"] = True
    return content


TIMM = config(
    vision={"timm_model_name": "resnet10t", "timm_pool": "avg", "timm_proj": "linear", "image_size": 64},
)
for _name in ("layers", "width", "patch_size", "head_width"):
    del TIMM["model_cfg"]["vision_cfg"][_name]


@pytest.mark.parametrize(
    ("content", "cuts"),
    [
        pytest.param(CONFIG, True, id="CLIP"),
        pytest.param(TIMM, True, id="convolutions from timm"),
        pytest.param(custom(no_causal_mask=True), False, id="words that see the padding, as in MobileCLIP"),
        pytest.param(custom(no_causal_mask=True, pool_type="last"), False, id="the last place counts, as in SigLIP"),
        pytest.param(custom(embed_cls=True), False, id="a place after the padding, as in CoCa"),
    ],
)
def test_an_export_gives_what_torch_gives_and_cuts_padding_only_where_that_is_exact(
    tmp_path: Path, content: dict[str, Any], cuts: bool
) -> None:
    reference = OpenClipEncoder.load(save_model(tmp_path / "model", content), device="cpu")
    (tmp_path / "export").mkdir()
    export.export(reference, tmp_path / "export")
    encoder = OnnxEncoder(tmp_path / "export", name=reference.name, batch_size=5)
    agree(encoder, reference, least=0.99999)
    assert (encoder.fingerprint, encoder.dim, encoder.preprocess) == (
        reference.fingerprint,
        reference.dim,
        reference.preprocess,
    )
    assert json.loads((tmp_path / "export/encoder.json").read_text())["cut_padding"] is cuts


def test_the_second_load_needs_no_torch_and_says_nothing(kept: Path, small_model: str) -> None:
    process = start(small_model)
    said, logged = process.communicate(timeout=60)
    fingerprint = OpenClipEncoder.load(small_model, device="cpu").fingerprint
    assert said.split() == ["CachedEncoder", fingerprint]
    assert logged == ""


def test_two_processes_at_once_export_once(empty: Path, small_model: str) -> None:
    processes = [start(small_model), start(small_model)]
    outcomes = [process.communicate(timeout=120) for process in processes]
    assert outcomes[0][0].split()[:2] == outcomes[1][0].split()[:2]  # class and fingerprint
    logged = "".join(error for _, error in outcomes)
    assert logged.count(f"exporting encoder {small_model}") == 1


def test_a_killed_export_leaves_nothing_that_is_used(empty: Path, small_model: str) -> None:
    process = start(small_model)
    until = time.monotonic() + 60
    while not list(empty.glob("*.part/image.onnx")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [place.suffix for place in empty.iterdir() if place.is_dir()] == [".part"]
    encoder = load_encoder(small_model, device="cpu")
    agree(encoder, OpenClipEncoder.load(small_model, device="cpu"), least=0.99999)
    assert not list(empty.glob("*.part"))


def cut_off(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def change(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 0xFF
    file.write_bytes(content)


DAMAGES = [Path.unlink, cut_off, change]
FILES = ["encoder.json", "files.json", "image.onnx", "image.onnx.data", "text.onnx", "text.onnx.data"]


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("damage", DAMAGES, ids=["deleted", "cut off", "changed"])
def test_a_damaged_export_is_made_anew_with_one_line_that_says_so(
    kept: Path, small_model: str, lines: Callable[[], list[str]], file: str, damage: Callable[[Path], None]
) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(TEXTS)
    damage(next(kept.glob("*-int8")) / file)
    np.testing.assert_array_equal(load_encoder(name).encode_texts(TEXTS), expected)
    assert lines() == [
        f"the CPU export of encoder {small_model} is damaged and is made anew",
        f"bringing encoder {small_model} to int8, once",
    ]


def test_a_damaged_export_in_float32_is_made_anew_by_torch(
    kept: Path, small_model: str, lines: Callable[[], list[str]]
) -> None:
    cut_off(next(kept.glob("*-float32")) / "text.onnx.data")
    agree(load_encoder(small_model, device="cpu"), OpenClipEncoder.load(small_model, device="cpu"), least=0.99999)
    assert [line.partition(" encoder")[0] for line in lines()] == ["the CPU export of", "exporting", "exported"]


def test_a_damage_that_size_and_time_do_not_show_is_found_when_the_graph_is_opened(
    kept: Path, small_model: str
) -> None:
    name = f"{small_model}+int8"
    expected = load_encoder(name).encode_texts(TEXTS)
    file = next(kept.glob("*-int8")) / "text.onnx"
    known = file.stat()
    file.write_bytes(bytes(known.st_size))
    os.utime(file, ns=(known.st_atime_ns, known.st_mtime_ns))
    np.testing.assert_array_equal(load_encoder(name).encode_texts(TEXTS), expected)


def test_an_export_that_was_copied_with_new_times_is_used(
    kept: Path, small_model: str, lines: Callable[[], list[str]]
) -> None:
    for file in kept.glob("*/*"):
        os.utime(file, (1, 1))
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)
    assert lines() == []


def test_the_same_weights_in_another_folder_use_the_same_export(
    kept: Path, tmp_path: Path, lines: Callable[[], list[str]]
) -> None:
    assert isinstance(load_encoder(save_model(tmp_path / "elsewhere"), device="cpu"), OnnxEncoder)
    assert lines() == []


def test_a_folder_with_other_weights_than_before_is_exported_again(tmp_path: Path, kept: Path) -> None:
    before = load_encoder(save_model(tmp_path / "model"), device="cpu")
    encoder = load_encoder(save_model(tmp_path / "model", seed=1), device="cpu")
    assert encoder.fingerprint != before.fingerprint
    agree(encoder, OpenClipEncoder.load(encoder.name, device="cpu"), least=0.99999)


def test_an_export_that_says_something_else_than_torch_is_refused_once_and_torch_is_used(
    empty: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    right = export._ImageTower.forward
    monkeypatch.setattr(export._ImageTower, "forward", lambda tower, pixels: right(tower, 255 - pixels))
    encoder = load_encoder(small_model, device="cpu")
    assert isinstance(encoder, OpenClipEncoder)
    announced, refused = lines()
    assert announced.startswith("exporting encoder")
    assert refused.startswith(f"encoder {small_model} has no export for the CPU (its image vectors differ from torch's")
    assert refused.endswith("expected at least 0.99999): torch is used, slower")
    assert not [place for place in empty.iterdir() if place.is_dir()]

    right_export = export.export
    monkeypatch.setattr(export, "export", None)  # would be called in vain
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert lines()[2:] == [refused]
    with pytest.raises(EncoderError, match=r"\+int8' cannot be made \(its image vectors differ.*; use local-dir:"):
        load_encoder(f"{small_model}+int8")

    monkeypatch.setattr(export._ImageTower, "forward", right)
    monkeypatch.setattr(export, "export", right_export)
    monkeypatch.setattr(cache, "versions", lambda: {"torch": "999"})
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_a_tower_that_cannot_be_exported_works_through_torch(
    empty: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    right = open_clip.CLIP.encode_image

    def by_content(model: Any, image: torch.Tensor, normalize: bool = False) -> Any:
        return right(model, image if image.mean() > 0 else -image, normalize)

    monkeypatch.setattr(open_clip.CLIP, "encode_image", by_content)
    encoder = load_encoder(small_model, device="cpu", batch_size=3)
    assert (type(encoder), encoder.batch_size) == (OpenClipEncoder, 3)
    assert encoder.encode_images(pictures(32)).shape == (12, 32)
    assert lines()[1].startswith(f"encoder {small_model} has no export for the CPU (its image tower cannot be exported")
    assert len(lines()) == 2


def test_a_cache_that_cannot_be_written_costs_speed_only(
    tmp_path: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RECALL_CACHE", str(tmp_path / "file"))
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    (line,) = lines()
    assert f"the cache {tmp_path}/file/encoders-1 cannot be written: Not a directory" in line
    with pytest.raises(EncoderError, match="cannot be written"):
        load_encoder(f"{small_model}+int8")


def test_a_disk_that_fills_up_costs_speed_only(
    empty: Path, small_model: str, monkeypatch: pytest.MonkeyPatch, lines: Callable[[], list[str]]
) -> None:
    def full(encoder: OpenClipEncoder, folder: Path) -> None:
        (folder / "image.onnx").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "export", full)
    assert isinstance(load_encoder(small_model, device="cpu"), OpenClipEncoder)
    assert "cannot be written: No space left on device): torch is used, slower" in lines()[-1]
    assert not list(empty.glob("*.part"))


def test_int8_is_near_float32_and_has_a_fingerprint_of_its_own(kept: Path, small_model: str) -> None:
    full, small = load_encoder(small_model, device="cpu"), load_encoder(f"{small_model}+int8")
    assert small.name == f"{small_model}+int8"
    agree(small, full, least=0.98)
    assert small.fingerprint != full.fingerprint
    assert small.fingerprint == load_encoder(f"{small_model}+int8", device="cpu").fingerprint
    assert np.abs(small.encode_texts(TEXTS) - full.encode_texts(TEXTS)).max() > 1e-6  # it is another computation


def test_what_is_encoded_together_in_int8_does_not_change_each_other(kept: Path, small_model: str) -> None:
    encoder, shown = load_encoder(f"{small_model}+int8"), pictures(32)
    images, texts = encoder.encode_images(shown), encoder.encode_texts(TEXTS)
    for number in (0, 5, 11):
        np.testing.assert_allclose(encoder.encode_images(shown[number : number + 1])[0], images[number], atol=1e-6)
        np.testing.assert_allclose(encoder.encode_texts(TEXTS[number : number + 1])[0], texts[number], atol=1e-6)
    assert encoder.encode_texts([]).shape == (0, 32)


def test_compact_in_int8_needs_no_torch_and_is_near_compact(encoder_cache: Path) -> None:
    process = start("compact+int8")
    said, _ = process.communicate(timeout=120)
    assert said.split()[0] == "CachedEncoder"
    assert not {"torch", "open_clip"} & set(said.split())
    agree(load_encoder("compact+int8"), OnnxEncoder(COMPACT, name="compact"), least=0.995)


def test_an_encoder_too_far_from_float32_is_refused_in_int8(
    kept: Path, small_model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.rmtree(next(kept.glob("*-int8")))
    monkeypatch.setattr(quantize, "AGREEMENT", 1.1)
    for _ in range(2):
        with pytest.raises(
            EncoderError, match=r"\+int8' cannot be made \(its image vectors differ from.*\); use local"
        ):
            load_encoder(f"{small_model}+int8")
    assert isinstance(load_encoder(small_model, device="cpu"), OnnxEncoder)


def test_int8_and_float32_never_meet_in_one_library(
    kept: Path, small_model: str, tmp_path: Path, folder: Path, recall_path: Path
) -> None:
    paint(folder / "a.png", "red")
    recall = Program(
        path=recall_path,
        env={**program_env(tmp_path), "RECALL_CACHE": os.environ["RECALL_CACHE"]},
        cwd=tmp_path,
    )
    indexed = recall("index", folder, "--encoder", small_model, "--precision", "int8", "--json")
    assert indexed.returncode == 0, indexed.stderr
    for arguments in ((), ("--precision", "int8"), ("--encoder", f"{small_model}+int8")):
        assert recall("search", "red", "--paths", *arguments).stdout == f"{folder / 'a.png'}\n"
    refused = recall("search", "red", "--precision", "float32")
    assert refused.returncode == 1
    said = f"this library was indexed with encoder '{small_model}+int8' but '{small_model}' was asked for"
    assert said in refused.stderr
    with pytest.raises(EncoderMismatchError, match=said.replace("+", r"\+")):
        Library.open(tmp_path / "test.recall", encoder=small_model)


def test_a_tokenizer_of_transformers_is_kept_as_its_file(tmp_path: Path) -> None:
    words = {word: number for number, word in enumerate(("<pad>", "</s>", "<unk>", "a", "dog", "on", "the", "beach"))}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))  # noqa: S106  a token, no password
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    theirs = open_clip.tokenizer.HFTokenizer.__new__(open_clip.tokenizer.HFTokenizer)
    theirs.clean_fn, theirs.context_length = open_clip.tokenizer._clean_canonicalize, 6
    theirs.tokenizer_mode, theirs.strip_sep_token = "", True
    theirs.tokenizer = SimpleNamespace(
        backend_tokenizer=backend, pad_token_id=0, sep_token_id=1, padding_side="right", truncation_side="right"
    )
    described = export._describe_tokenizer(theirs, tmp_path)
    expected = [[3, 4, 5, 6, 7, 0], [2, 0, 0, 0, 0, 0]]  # "</s>" at the end is stripped to 0
    assert load_tokenizer(described, tmp_path)(["A dog, on the beach!", "cat"]).tolist() == expected

    theirs.tokenizer_mode = "clips"
    with pytest.raises(ExportRefusedError, match="its tokenizer, a HFTokenizer, works with open_clip only"):
        export._describe_tokenizer(theirs, tmp_path)


def test_weights_that_give_no_numbers_are_refused(tmp_path: Path, empty: Path, lines: Callable[[], list[str]]) -> None:
    weights = make_weights(CONFIG)
    weights["visual.proj"][0, 0] = float("nan")
    name = save_model(tmp_path / "model", weights=weights)
    assert isinstance(load_encoder(name, device="cpu"), OpenClipEncoder)
    assert "its image vectors differ from torch's: cosine nan" in lines()[-1]
