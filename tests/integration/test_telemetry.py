"""Nothing is sent anywhere: ONNX Runtime's telemetry is off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.program import program_env

ENCODE = "from retrieval import load_encoder; load_encoder('compact', device='cpu').encode_texts(['a dog'])"


def test_encoding_writes_no_telemetry_to_the_home_folder(tmp_path: Path) -> None:
    env = program_env(tmp_path)
    subprocess.run([sys.executable, "-c", ENCODE], check=True, env=env, cwd=tmp_path, timeout=120)
    written = [path.relative_to(env["HOME"]) for path in Path(env["HOME"]).rglob("*") if path.is_file()]
    assert not written  # with telemetry it writes a device id and a queue of events to ~/.cache (ONNX Runtime 1.32)
