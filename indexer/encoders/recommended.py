"""Recommended encoders: a short list, with what is known about each and where that is from.

A number that has no source is left out. Parameters are counted in open_clip's models: its MobileCLIP2-S0 has 75
million, not the 54 of Apple's table, because its text tower is the larger one of MobileCLIP2-S2. A download is the file
of the weights. R@1 is the share of captions whose photo is found first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SPEED_FILE = Path(__file__).parent / "recommended_speed.json"
"""What `make bench NAMES=recommended-speed` measured, with random weights of the same shape; missing until it ran."""

_MOBILECLIP = "apple/ml-mobileclip, results/"
_SIGLIP = "google-research/big_vision, README_siglip2.md"
_OPEN_CLIP = "open_clip, docs/openclip_retrieval_results.csv"
_AMLR = "https://github.com/apple/ml-mobileclip/blob/main/LICENSE_MODELS"


@dataclass(frozen=True, slots=True)
class RecommendedEncoder:
    """One encoder of the list.

    Attributes:
        alias: Short name.
        name: The name that libraries store.
        help: What it is good for, in one phrase.
        parameters: Number of parameters of both towers, in millions.
        megabytes: Size of the download; 0 if it ships with Recall.
        languages: Languages of the texts that it understands.
        licence: Licence of the weights.
        licence_url: Where the licence can be read.
        is_for_research_only: Whether the licence forbids other uses.
        quality: What its authors, or open_clip's, measured.
        quality_source: Where that was published.
        repository: Its repository on the Hugging Face Hub; empty if it ships with Recall.
        alternative: Alias of the encoder to use where the licence allows research only.
        code_licence: Licence of the model's code, where it differs from that of the weights.
    """

    alias: str
    name: str
    help: str
    parameters: int
    megabytes: int
    languages: str
    licence: str
    licence_url: str
    is_for_research_only: bool = False
    quality: str = ""
    quality_source: str = ""
    repository: str = ""
    alternative: str = ""
    code_licence: str = ""


RECOMMENDED = (
    RecommendedEncoder(
        alias="compact",
        name="compact",
        help="the default; ships with Recall and works offline",
        parameters=19,
        megabytes=0,
        languages="English",
        licence="Apache-2.0, but most of its training photos are for research only",
        licence_url="https://github.com/recall-photos/recall/blob/main/indexer/encoders/compact/LICENSE.md",
    ),
    RecommendedEncoder(
        alias="mobileclip2-s0",
        name="MobileCLIP2-S0/dfndr2b",
        help="the recommended step up: small, and finds far more than compact",
        parameters=75,
        megabytes=300,
        languages="English",
        licence="apple-amlr",
        licence_url=_AMLR,
        is_for_research_only=True,
        quality="R@1 COCO 43.7, Flickr30k 69.2",
        quality_source=f"{_MOBILECLIP}mobileclip2_s0.jsonl",
        repository="timm/MobileCLIP2-S0-OpenCLIP",
        alternative="vit-b-32",
        code_licence="MIT",
    ),
    RecommendedEncoder(
        alias="mobileclip2-s2",
        name="MobileCLIP2-S2/dfndr2b",
        help="better than mobileclip2-s0, at three times its image tower",
        parameters=99,
        megabytes=398,
        languages="English",
        licence="apple-amlr",
        licence_url=_AMLR,
        is_for_research_only=True,
        quality="R@1 COCO 48.8, Flickr30k 74.8",
        quality_source=f"{_MOBILECLIP}mobileclip2_s2.jsonl",
        repository="timm/MobileCLIP2-S2-OpenCLIP",
        alternative="siglip2-b16",
        code_licence="MIT",
    ),
    RecommendedEncoder(
        alias="vit-b-32",
        name="ViT-B-32/laion2b_s34b_b79k",
        help="small, for any use",
        parameters=151,
        megabytes=605,
        languages="English",
        licence="MIT",
        licence_url="https://huggingface.co/laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        quality="R@1 COCO 39.3, Flickr30k 66.8",
        quality_source=_OPEN_CLIP,
        repository="laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
    ),
    RecommendedEncoder(
        alias="siglip2-b32",
        name="ViT-B-32-SigLIP2-256/webli",
        help="many languages, the faster of two",
        parameters=377,
        megabytes=1507,
        languages="many (trained on 109)",
        licence="Apache-2.0",
        licence_url="https://huggingface.co/timm/ViT-B-32-SigLIP2-256",
        quality="R@1 COCO 47.2",
        quality_source=_SIGLIP,
        repository="timm/ViT-B-32-SigLIP2-256",
    ),
    RecommendedEncoder(
        alias="siglip2-b16",
        name="ViT-B-16-SigLIP2/webli",
        help="many languages, the better of two",
        parameters=375,
        megabytes=1501,
        languages="many (trained on 109)",
        licence="Apache-2.0",
        licence_url="https://huggingface.co/timm/ViT-B-16-SigLIP2",
        quality="R@1 COCO 52.1",
        quality_source=_SIGLIP,
        repository="timm/ViT-B-16-SigLIP2",
    ),
    RecommendedEncoder(
        alias="siglip2-so400m",
        name="ViT-SO400M-16-SigLIP2-256/webli",
        help="large, many languages; wants a GPU",
        parameters=1136,
        megabytes=4543,
        languages="many (trained on 109)",
        licence="Apache-2.0",
        licence_url="https://huggingface.co/timm/ViT-SO400M-16-SigLIP2-256",
        quality="R@1 COCO 55.4",
        quality_source=_SIGLIP,
        repository="timm/ViT-SO400M-16-SigLIP2-256",
    ),
)
"""From small to large. The 109 languages of SigLIP 2 are those of its training set: arXiv 2502.14786, section 2.1."""


@dataclass(frozen=True, slots=True)
class Speed:
    """What an encoder of this shape takes on the machine of the measurements.

    Attributes:
        pictures: Pictures a second.
        milliseconds: Time that one text takes.
    """

    pictures: float
    milliseconds: float


def recommended(name: str) -> RecommendedEncoder | None:
    """Return the recommended encoder with this alias or name, without a precision; None if there is none."""
    return next((encoder for encoder in RECOMMENDED if name in (encoder.alias, encoder.name)), None)


def measured_speeds() -> dict[str, Speed]:
    """Return the measured speed of recommended encoders by alias; empty if nothing was measured."""
    try:
        content = json.loads(SPEED_FILE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {alias: Speed(**speed) for alias, speed in content.items()}
