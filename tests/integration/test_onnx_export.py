"""ONNX exports of encoders give the embeddings that torch gives."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import open_clip
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from indexer.encoders import onnx_export
from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.encoders.parity import ExportRefusedError
from indexer.encoders.tokenizer import load_tokenizer
from tests.support.encoder_agreement import assert_agreement
from tests.support.models import CONFIG, config, save_model


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
        pytest.param(custom(no_causal_mask=True), False, id="attention to the padding, as in MobileCLIP"),
        pytest.param(
            custom(no_causal_mask=True, pool_type="last"), False, id="pooling of the last position, as in SigLIP"
        ),
        pytest.param(custom(embed_cls=True), False, id="a class token after the padding, as in CoCa"),
    ],
)
def test_an_export_agrees_with_torch_and_cuts_padding_only_if_that_is_exact(
    tmp_path: Path, content: dict[str, Any], cuts: bool
) -> None:
    reference = OpenClipEncoder.load(save_model(tmp_path / "model", content), device="cpu")
    (tmp_path / "export").mkdir()
    onnx_export.export(reference, tmp_path / "export")
    encoder = OnnxEncoder(tmp_path / "export", name=reference.name, batch_size=5)
    assert_agreement(encoder, reference, least=0.99999)
    assert (encoder.fingerprint, encoder.dim, encoder.preprocess) == (
        reference.fingerprint,
        reference.dim,
        reference.preprocess,
    )
    assert json.loads((tmp_path / "export/encoder.json").read_text())["cut_padding"] is cuts


def test_a_tokenizer_of_transformers_is_exported_as_its_file(tmp_path: Path) -> None:
    words = {word: number for number, word in enumerate(("<pad>", "</s>", "<unk>", "a", "dog", "on", "the", "beach"))}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))  # noqa: S106 - a token, not a password
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    tokenizer = open_clip.tokenizer.HFTokenizer.__new__(open_clip.tokenizer.HFTokenizer)
    tokenizer.clean_fn, tokenizer.context_length = open_clip.tokenizer._clean_canonicalize, 6
    tokenizer.tokenizer_mode, tokenizer.strip_sep_token = "", True
    tokenizer.tokenizer = SimpleNamespace(
        backend_tokenizer=backend, pad_token_id=0, sep_token_id=1, padding_side="right", truncation_side="right"
    )
    described = onnx_export._describe_tokenizer(tokenizer, tmp_path)
    expected = [[3, 4, 5, 6, 7, 0], [2, 0, 0, 0, 0, 0]]  # "</s>" at the end is stripped to 0
    assert load_tokenizer(described, tmp_path)(["A dog, on the beach!", "cat"]).tolist() == expected

    tokenizer.tokenizer_mode = "clips"
    with pytest.raises(ExportRefusedError, match="its tokenizer, a HFTokenizer, works only with open_clip"):
        onnx_export._describe_tokenizer(tokenizer, tmp_path)
