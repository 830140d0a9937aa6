"""Refusal of models that bring code of their own: Recall loads weights and vocabularies, and never runs a model's code.

`transformers` runs Python files of a model's folder or repository if `auto_map` names them and `trust_remote_code` is
set, which open_clip's `tokenizer_kwargs` can do; if it is not set, it asks at the terminal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from indexer.errors import EncoderError

_KEYS = ("auto_map", "trust_remote_code")
"""Keys of a configuration that name a model's code, or ask for it to be run."""


def check_folder_code(folder: Path, name: str) -> None:
    """Refuse a model's folder if one of its configurations names code.

    Raises:
        EncoderError: A configuration names code, or cannot be read.
    """
    for file in sorted(folder.glob("*config.json")):
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise EncoderError(f"encoder {name!r} cannot be loaded: {file} cannot be read ({error})") from error
        check_config_code(content, name, where=str(file))


def check_config_code(config: object, name: str, *, where: str) -> None:
    """Refuse a configuration that names code.

    Args:
        config: What was read from JSON.
        name: The encoder, for the message.
        where: The configuration, for the message.

    Raises:
        EncoderError: It names code.
    """
    waiting = [config]
    while waiting:  # a loop, because JSON can be nested deeper than Python's stack
        value = waiting.pop()
        if isinstance(value, dict):
            for key in _KEYS:
                if value.get(key):
                    raise _refusal(name, f"{where} has {key}")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


@contextmanager
def without_foreign_code(name: str, config: object) -> Iterator[None]:
    """Make `transformers` raise instead of asking at the terminal whether a model's code may run.

    Args:
        name: The encoder, for the message.
        config: The model's `model_cfg`.

    Raises:
        EncoderError: The model brings code.
    """
    if not {"hf_model_name", "hf_tokenizer_name"} & _text_config(config).keys():
        yield
        return
    from transformers import dynamic_module_utils  # late: slow to import, and other models do not need it

    seconds = dynamic_module_utils.TIME_OUT_REMOTE_CODE
    dynamic_module_utils.TIME_OUT_REMOTE_CODE = 0
    try:
        yield
    except ValueError as error:
        if "trust_remote_code" in str(error) or "custom code" in str(error):
            raise _refusal(name, "its tokenizer or text tower has a Python file") from error
        raise
    finally:
        dynamic_module_utils.TIME_OUT_REMOTE_CODE = seconds


def tokenizer_options(config: object) -> dict[str, Any]:
    """Return arguments for `open_clip.get_tokenizer` that forbid code, whatever the model's configuration says.

    Args:
        config: The model's `model_cfg`. Only tokenizers of `transformers` know the argument.
    """
    return {"trust_remote_code": False} if _text_config(config).get("hf_tokenizer_name") else {}


def _text_config(config: object) -> dict[str, Any]:
    text = config.get("text_cfg") if isinstance(config, dict) else None
    return text if isinstance(text, dict) else {}


def _refusal(name: str, cause: str) -> EncoderError:
    return EncoderError(
        f"encoder {name!r} is refused because it brings code of its own ({cause}), which Recall never runs; use a "
        "model that open_clip loads without trust_remote_code"
    )
