"""An encoder, a reranker, an importer and a command for Recall."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from retrieval import Context, ImportReport, Library, Preprocess, ProgressCallback, QueryError, Ranking, Settings, Step
from retrieval.cli.options import open_library, settings_options

Pixels = NDArray[np.uint8]
Vectors = NDArray[np.float32]


class Brightness:
    """Encodes a picture as its brightness, and a text as what it says about brightness."""

    name, fingerprint, dim = "brightness", "brightness-1", 2
    device, batch_size, preprocess = "cpu", 32, Preprocess(size=16)

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return unit vectors, shape (n, 2), float32, for pictures, shape (n, 16, 16, 3), uint8."""
        return _vectors(pixels.reshape(len(pixels), -1).mean(axis=1) / 255)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors, shape (n, 2), float32."""
        return _vectors(np.array([0.5 + ("bright" in text) / 2 - ("dark" in text) / 2 for text in texts]))

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation."""
        return [True] * len(texts)


def _vectors(brightness: NDArray[np.floating]) -> Vectors:
    return np.stack([np.cos(brightness), np.sin(brightness)], axis=1).astype(np.float32)


def load_encoder(model: str, *, device: str, batch_size: int | None) -> Brightness:
    """Brightness instead of contents."""
    return Brightness()


class Oldest:
    """Puts the oldest photos first; those without a date come last."""

    def rerank(self, ranking: Ranking, context: Context) -> Ranking:
        """Return the candidates in this order."""
        times = [item.taken_at for item in ranking.candidates.items]
        score = np.array([-time.timestamp() if time else -np.inf for time in times])
        return ranking.reorder(Step("oldest", score.astype(np.float32)), score)


def make_oldest(argument: str) -> Oldest:
    """Return the reranker; `argument` is what follows the colon in oldest:VALUE, "" for nothing."""
    if argument:
        raise QueryError(f"oldest takes no value after a colon, but has {argument!r}")
    return Oldest()


def import_captions(
    library: Library, path: Path, *, roots: Mapping[str, str], replace: bool, progress: ProgressCallback | None
) -> ImportReport:
    """Import a JSON file that has captions by file name; the pictures are next to it."""
    captions = json.loads(path.read_text(encoding="utf-8"))
    report = library.add(
        images=[path.parent / name for name in captions],
        texts=list(captions.values()),
        ids=list(captions),
        collection="captions",
        on_conflict="replace" if replace else "skip",
        progress=progress,
    )
    return ImportReport(
        added=report.added, replaced=report.replaced, existing=report.unchanged, failed=len(report.failures)
    )


@click.command("cameras")
@settings_options("library")
def cameras(settings: Settings) -> None:
    """Count the photos of each camera."""
    with open_library(settings) as library:
        counts = Counter(item.camera or "unknown" for item in library.scan())
    for camera, count in counts.most_common():
        click.echo(f"{count:6,}  {camera}")
