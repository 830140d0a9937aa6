"""Encoders loaded in processes of their own, and held against each other."""

from __future__ import annotations

import os
import subprocess
import sys

from indexer.encoders.base import Encoder
from indexer.encoders.parity import image_agreement, text_agreement

LOAD = """
import logging, sys
logging.basicConfig(level=logging.INFO, format="%(message)s")
from indexer.encoders import load_encoder
encoder = load_encoder(sys.argv[1], device="cpu")
encoder.encode_texts(["a dog"])
print(type(encoder).__name__, encoder.fingerprint, *sorted({"torch", "open_clip", "onnx"} & set(sys.modules)))
"""
"""Loads an encoder, uses it, and says which and what was imported for it; the log goes to stderr."""


def start(name: str) -> subprocess.Popen[str]:
    """Return a process of its own that loads an encoder."""
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def agree(encoder: Encoder, reference: Encoder, *, least: float) -> None:
    """Check that two encoders agree on pictures and texts."""
    assert image_agreement(reference, encoder) >= least
    assert text_agreement(reference, encoder) >= least
