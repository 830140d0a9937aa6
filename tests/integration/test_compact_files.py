"""The encoder that ships with Recall: damage in any of its files is refused."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from indexer.encoders import compact_encoder
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.compact_encoder import CHECKSUMS, CompactEncoder, check_compact_files
from indexer.errors import EncoderError, TuningError
from retrieval.calibration import background
from retrieval.tuning.control_set import control_set


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of the shipped files, which the test may damage."""
    return Path(shutil.copytree(COMPACT_FOLDER, tmp_path / "compact"))


def test_the_checksums_are_those_of_all_files_but_the_texts() -> None:
    assert set(CHECKSUMS) == {file.name for file in COMPACT_FOLDER.iterdir() if file.suffix != ".md"}
    check_compact_files()


def test_weights_of_zeros_are_refused_instead_of_giving_other_vectors(copy: Path) -> None:
    weights = copy / "open_clip_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[20_000_000:20_131_072] = bytes(131_072)
    weights.write_bytes(content)
    with pytest.raises(EncoderError, match=r"open_clip_model.safetensors in .* differs .* install Recall again"):
        CompactEncoder(folder=copy).encode_texts(["a dog"])


def test_another_preprocessing_in_a_file_is_refused(copy: Path) -> None:
    description = json.loads((copy / "encoder.json").read_text())
    description["cut_padding"] = False
    (copy / "encoder.json").write_text(json.dumps(description))
    with pytest.raises(EncoderError, match=r"encoder.json in .* differs"):
        CompactEncoder(folder=copy).encode_texts(["a dog"])


def test_the_torch_encoder_and_int8_are_not_made_from_damaged_files(
    copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "open_clip_config.json").write_bytes((copy / "open_clip_config.json").read_bytes() + b" ")
    monkeypatch.setattr(compact_encoder, "COMPACT_FOLDER", copy)
    with pytest.raises(EncoderError, match=r"open_clip_config.json in .* differs"):
        check_compact_files()


def test_intact_files_are_read_once_per_process(copy: Path) -> None:
    CompactEncoder(folder=copy).encode_texts(["a dog"])
    assert copy in compact_encoder._intact


def test_damaged_vectors_that_ship_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = CompactEncoder()
    for module in (background, control_set):
        (file,) = Path(str(module.__file__)).parent.glob("*.npy")
        assert hashlib.sha256(file.read_bytes()).hexdigest() == module.SHIPPED_SHA256
        content = bytearray(file.read_bytes())
        content[5000:6000] = bytes(1000)
        (tmp_path / file.name).write_bytes(content)
    right = background.background_vectors(encoder)
    monkeypatch.setattr(background, "PACKAGE_FOLDER", tmp_path)
    assert background.background_vectors(encoder) == pytest.approx(right, abs=1e-3)  # encoded again
    monkeypatch.setattr(control_set, "HERE", tmp_path)
    (tmp_path / "classes.txt").write_text("cat\n")
    with pytest.raises(TuningError, match="control set that came with Recall is damaged"):
        control_set.shipped_control_set(encoder)
