"""How an encoder is loaded, by its name, the device and the installed packages."""

from __future__ import annotations

import ctypes
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from indexer.encoders import check_name, load_encoder, pretrained_names
from indexer.encoders.base import COMPACT_FOLDER
from indexer.encoders.names import NAME_FORMS, split_precision
from indexer.encoders.onnx_encoder import OnnxEncoder
from indexer.encoders.openclip_encoder import OpenClipEncoder
from indexer.encoders.runtime import best_device
from indexer.errors import EncoderError, EncoderNotFoundError, MissingPackageError
from tests.support.program import program_env

RUN_COMMANDS = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None  # imports fail as if it were not installed
from retrieval.cli import main
for command in {commands!r}:
    sys.argv = ["recall", *command]
    try:
        main()
    except SystemExit as stop:
        print("exit", stop.code)
"""
TORCH_PACKAGES = ("torch", "torchvision", "open_clip", "timm", "safetensors", "huggingface_hub", "transformers", "onnx")


def run_without(blocked: tuple[str, ...], *commands: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Return the output of commands in a process that cannot import some packages."""
    code = RUN_COMMANDS.format(blocked=blocked, commands=commands)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=program_env(folder),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_compact_indexes_and_searches_without_torch(photos: Path, tmp_path: Path) -> None:
    library = str(tmp_path / "small.recall")
    run = run_without(
        TORCH_PACKAGES,
        ["index", str(photos), "--library", library],
        ["search", "a cat", "-k", "1", "--paths", "--library", library],
        folder=tmp_path,
    )
    assert run.stdout.split("\n")[-4:-1] == ["exit 0", str(photos / "chelsea.png"), "exit 0"], run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("blocked", "command", "advice"),
    [
        (TORCH_PACKAGES, ["index", "PHOTO", "--encoder", "ViT-B-32/openai"], "pip install 'recall-photos[torch]'"),
        (TORCH_PACKAGES, ["index", "PHOTO", "--device", "cuda"], "pip install 'recall-photos[torch]'"),
        (TORCH_PACKAGES, ["encoder", "available", "--all"], "pip install 'recall-photos[torch]'"),
        ((*TORCH_PACKAGES, "onnxruntime"), ["index", "PHOTO"], "pip install 'recall-photos[cpu]'"),
    ],
)
def test_a_missing_package_is_reported_in_one_line(
    blocked: tuple[str, ...], command: list[str], advice: str, photos: Path, tmp_path: Path
) -> None:
    photo = str(photos / "chelsea.png")
    run = run_without(blocked, [photo if word == "PHOTO" else word for word in command], folder=tmp_path)
    assert run.stdout == "exit 2\n"
    assert advice in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr


def test_without_onnx_runtime_compact_runs_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.find_spec", lambda name: None if name == "onnxruntime" else name)
    encoder = load_encoder("compact", device="cpu")
    assert isinstance(encoder, OpenClipEncoder)
    assert encoder.fingerprint == OnnxEncoder(COMPACT_FOLDER, name="compact").fingerprint
    with pytest.raises(MissingPackageError, match=r"compact\+int8.*pip install 'recall-photos\[cpu\]'"):
        load_encoder("compact+int8")


def test_a_machine_without_a_gpu_never_imports_torch() -> None:
    assert importlib.util.find_spec("torch")  # else the test would prove nothing
    code = "import sys; from indexer.encoders import load_encoder; load_encoder('compact').encode_texts(['x']);"
    code += "print('torch' in sys.modules, 'onnxruntime' in sys.modules)"
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=hidden)
    assert run.stdout.split() == ["False", "True"]


@pytest.mark.parametrize(("gpus", "usable", "expected"), [(0, True, "cpu"), (1, True, "cuda"), (1, False, "cpu")])
def test_auto_is_cuda_if_the_driver_has_a_gpu_that_torch_can_use(
    monkeypatch: pytest.MonkeyPatch, gpus: int, usable: bool, expected: str
) -> None:
    class Driver:
        def cuInit(self, flags: int) -> int:  # noqa: N802 - the driver's own names
            return 0

        def cuDeviceGetCount(self, count: Any) -> int:  # noqa: N802
            count._obj.value = gpus
            return 0

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Driver())
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "exists", lambda _: False)  # no AMD GPU
    monkeypatch.setattr(torch.cuda, "is_available", lambda: usable)
    monkeypatch.setattr(torch, "ones", lambda *_, **__: torch.zeros(1))  # as if computed on the GPU
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert best_device() == expected


def test_int8_is_refused_on_a_gpu() -> None:
    with pytest.raises(EncoderError, match=r"'compact\+int8' computes in int8.*--device cpu, or compact"):
        load_encoder("compact+int8", device="cuda")


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("compact", ("compact", "float32")),
        ("compact+int8", ("compact", "int8")),
        ("local-dir:/a+b/c", ("local-dir:/a+b/c", "float32")),
        ("local-dir:/a+b/c+int8", ("local-dir:/a+b/c", "int8")),
        ("ViT-B-32/laion2b_s34b_b79k+int8", ("ViT-B-32/laion2b_s34b_b79k", "int8")),
    ],
)
def test_the_precision_is_the_end_of_a_name(name: str, parts: tuple[str, str]) -> None:
    check_name(name)
    assert split_precision(name) == parts


def test_an_unknown_name_is_answered_with_every_form_and_the_command_that_lists_them() -> None:
    expected = ", ".join(form.syntax for form in NAME_FORMS[:-1]) + " or NAME+int8"
    message = f"no encoder is called 'clip'; expected {expected}; run: recall encoder available"
    with pytest.raises(EncoderNotFoundError, match=f"^{re.escape(message)}$"):
        check_name("clip")


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("compact", "compact"),
        ("open_clip", "ViT-B-32/laion2b_s34b_b79k"),
        ("hf-hub", "hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K"),
        ("local-dir", "local-dir:/my models/one\nmore"),
    ],
)
def test_a_name_matches_the_pattern_of_one_form_only(form: str, name: str) -> None:
    patterns = {entry.name: entry.pattern for entry in NAME_FORMS if entry.pattern}
    assert [key for key, pattern in patterns.items() if re.fullmatch(pattern, name, re.DOTALL)] == [form]


@pytest.mark.parametrize("name", ["+int8", "compact+int4", "compact+", "dense+int8"])
def test_other_precisions_are_refused(name: str) -> None:
    with pytest.raises(EncoderNotFoundError, match=r"no encoder is called .*\+int8"):
        check_name(name)


def test_a_gpu_that_cannot_compute_is_replaced_by_the_cpu(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ones = torch.ones

    def fail(*shape: Any, **options: Any) -> torch.Tensor:
        if "cuda" not in str(options.get("device")):
            return ones(*shape, **options)
        raise torch.AcceleratorError("CUDA error: no kernel image is available for execution on the device\nmore")

    monkeypatch.setattr("indexer.encoders.runtime._may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", fail)
    assert load_encoder("compact").device == "cpu"
    reason = "CUDA error: no kernel image is available for execution on the device"
    assert caplog.messages == [f"device cuda cannot be used ({reason}); the CPU is used instead"]
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert OpenClipEncoder.load("compact", device="auto").device == "cpu"  # the way training loads it
    with pytest.raises(EncoderError, match=r"device 'cuda' cannot be used here \(CUDA error: no kernel image"):
        load_encoder("compact", device="cuda")


def test_the_list_of_all_encoders_needs_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("indexer.encoders.runtime.find_spec", lambda _: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'recall-photos\[torch\]'"):
        pretrained_names()
