"""Encoders that are loaded in a process of their own, and comparisons of two encoders."""

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
"""Loads and uses an encoder, and prints its class, its fingerprint and what was imported; the log goes to stderr."""


def start_process(name: str) -> subprocess.Popen[str]:
    """Return a process that loads an encoder."""
    return subprocess.Popen(
        [sys.executable, "-c", LOAD, name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def assert_agreement(encoder: Encoder, reference: Encoder, *, least: float) -> None:
    """Check that the embeddings of two encoders for pictures and texts have at least this cosine."""
    assert image_agreement(reference, encoder) >= least
    assert text_agreement(reference, encoder) >= least
