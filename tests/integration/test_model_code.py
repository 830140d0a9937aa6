"""Models that bring code: nothing in a folder, a repository or a catalog makes Recall run it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from indexer.encoders import load_encoder
from indexer.encoders.foreign_code import check_config_code, without_foreign_code
from indexer.errors import EncoderError
from tests.support.models import CONFIG, config, make_weights, save_model

CODE = """
from pathlib import Path
from transformers import PreTrainedTokenizer, PretrainedConfig
Path({marker!r}).touch()
class Foreign(PreTrainedTokenizer): pass
class ForeignConfig(PretrainedConfig): model_type = "foreign"
"""


def model_with_code(folder: Path, text: dict[str, Any], **files: dict[str, Any]) -> str:
    """Save a model whose folder has a Python file, and return its name."""
    name = save_model(folder, config(text=text))
    (folder / "foreign.py").write_text(CODE.format(marker=str(folder / "ran")))
    for file, content in files.items():
        (folder / f"{file}.json").write_text(json.dumps(content))
    return name


WEIGHTS = make_weights(CONFIG)

TOKENIZER = {"tokenizer_class": "Foreign", "auto_map": {"AutoTokenizer": ["foreign.Foreign", None]}}
MODEL = {"model_type": "foreign", "auto_map": {"AutoConfig": "foreign.ForeignConfig"}}


@pytest.mark.parametrize("is_trusted", [True, False, None])
def test_a_tokenizer_with_code_is_refused_with_a_line_and_does_not_run(
    tmp_path: Path, is_trusted: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")  # somebody who agrees with everything
    options = {} if is_trusted is None else {"tokenizer_kwargs": {"trust_remote_code": is_trusted}}
    name = model_with_code(
        tmp_path / "model",
        {"hf_tokenizer_name": "x", **options},
        tokenizer_config=TOKENIZER,
        config={"model_type": "bert"},
    )
    with pytest.raises(EncoderError, match=r"refused because it brings code of its own .*Recall never runs"):
        load_encoder(name, device="cpu")
    assert not (tmp_path / "model" / "ran").exists()


def test_a_text_tower_with_code_in_another_folder_is_refused_without_a_question(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "y")
    model_with_code(tmp_path / "tower", {}, config=MODEL)
    name = save_model(tmp_path / "model", config(text={"hf_model_name": str(tmp_path / "tower")}), weights=WEIGHTS)
    with pytest.raises(EncoderError, match="brings code of its own"):
        load_encoder(name, device="cpu")
    assert not (tmp_path / "tower" / "ran").exists()


def test_a_configuration_that_asks_for_code_is_refused_at_any_depth() -> None:
    nested: Any = {"tokenizer_kwargs": {"trust_remote_code": True}}
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(EncoderError, match="trust_remote_code"):
        check_config_code({"text_cfg": nested}, "hf-hub:a/b", where="its configuration")
    check_config_code({"text_cfg": {"trust_remote_code": False, "auto_map": {}}}, "x", where="its configuration")
    while nested and isinstance(nested, list):  # else Python frees it recursively
        nested = nested.pop()


def test_other_errors_of_loading_are_not_taken_for_code() -> None:
    with pytest.raises(ValueError, match="something else"), without_foreign_code("x", {"text_cfg": {}}):
        raise ValueError("something else")
