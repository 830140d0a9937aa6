from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from indexer.encoders.openclip_encoder import OpenClipEncoder
from retrieval.tuning.lora.lora_plan import LoraPlan
from retrieval.tuning.lora.train_lora import _checkpoint_key


def test_checkpoints_keep_the_key_that_they_had_before_their_settings_were_renamed() -> None:
    encoder = cast(OpenClipEncoder, SimpleNamespace(fingerprint="abc"))
    settings = {
        "rank": 8,
        "alpha": 16,
        "epochs": 20,
        "batch": 8,
        "chunk": 1,
        "negatives": 3,
        "keep": 1.0,
        "kept": 16,
        "rate": 3e-4,
        "patience": 5,
        "seed": 0,
    }  # in the order of the fields, which the digest depends on
    expected = hashlib.sha256(json.dumps(["abc", settings, 0, [], [["a.jpg", 3, 4]]]).encode()).hexdigest()[:40]
    assert _checkpoint_key(encoder, LoraPlan(), [], [], {Path("a.jpg"): (3, 4)}) == expected
