"""Encoders by name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from indexer.encoders.base import Encoder
from indexer.errors import EncoderNotFoundError

if TYPE_CHECKING:
    from indexer.encoders.openclip import OpenClipEncoder

FORMS = "compact, MODEL/WEIGHTS (for instance ViT-B-32/laion2b_s34b_b79k), hf-hub:ORG/REPO, local-dir:PATH"
"""The ways to name an encoder, for help and errors."""


def load_encoder(name: str, *, device: str = "auto", batch_size: int | None = None) -> Encoder:
    """Return the encoder of that name, with its weights; a download is announced in the log first.

    Args:
        name: One of the forms in `FORMS`.
        device: "auto" (cuda, else mps, else cpu), "cpu", "cuda", "cuda:N" or "mps".
        batch_size: Pictures per call; None takes what suits the device.

    Raises:
        EncoderNotFoundError: No such encoder, or it cannot be downloaded.
        EncoderError: Its files cannot be used, or the device is absent.
    """
    check_name(name)
    from indexer.encoders.openclip import OpenClipEncoder  # late: importing torch and open_clip takes seconds

    encoder: OpenClipEncoder = OpenClipEncoder.load(name, device=device, batch_size=batch_size)
    return encoder


def check_name(name: str) -> None:
    """Check the form of an encoder's name, without loading anything.

    Raises:
        EncoderNotFoundError: The name has none of the forms.
    """
    if not re.fullmatch(r"compact|hf-hub:[^/\s]+/[^/\s]+|local-dir:.+|[^/:\s]+/[^/\s]+", name, flags=re.DOTALL):
        raise EncoderNotFoundError(f"no encoder is called {name!r}; expected {FORMS}")


def pretrained_names() -> list[str]:
    """Return the MODEL/WEIGHTS names that open_clip can download, sorted."""
    from indexer.encoders.openclip import pretrained_names as listed  # late, see load_encoder

    return listed()
