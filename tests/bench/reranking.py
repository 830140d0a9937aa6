"""What reranking does to answers: `python -m tests.bench.reranking DATA`, with the evaluation sets in DATA.

Prints the tables of the README. Behind DATA may stand which of them: bursts, captions, classes, encoders. Libraries are
made in a temporary folder, with the encoder that ships.
"""

from __future__ import annotations

import csv
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from indexer.types import Vectors
from retrieval import Hit, Hits, Library
from tests.support.pictures import exif_block

LAMBDAS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.3)
ASKED = 300
"""Queries of the table of encoders."""

BOUNDS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)

BROAD = (
    "an animal", "a bird", "an insect", "a sea animal", "a pet", "a wild cat", "a vehicle", "something that flies",
    "a ship", "a musical instrument", "furniture", "a tool", "a flower", "a tree", "food", "a building", "a face",
    "a machine", "something to wear", "a toy",
)  # fmt: skip
"""Queries that several classes of caltech101 answer."""


@dataclass(frozen=True, slots=True)
class Captioned:
    """A picture of a set, what is said about it, and its class."""

    path: Path
    caption: str
    label: str


def read(folder: Path, *, split: str | None = None) -> list[Captioned]:
    """Return the pictures of a set, each with its first caption."""
    found: dict[str, Captioned] = {}
    with (folder / "captions.csv").open(newline="", encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            if split in (None, row.get("split")):
                name = row["image"]
                found.setdefault(name, Captioned(folder / "images" / name, row["caption"], row.get("label") or ""))
    return list(found.values())


def library_of(place: Path, pictures: Sequence[Captioned], *, encoder: str = "compact") -> Library:
    """Return an open library of pictures."""
    folder = place / "photos"
    folder.mkdir(parents=True)
    for each in pictures:
        shutil.copy(each.path, folder)
    library = Library.open(place / "test.recall", encoder=encoder)
    library.sync(folder)
    return library


def say(*cells: str) -> None:
    """Print a row of a table, or a line."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n" if len(cells) > 1 else f"\n{cells[0]}\n")
    sys.stdout.flush()


def vectors_of(library: Library, unit_ids: Sequence[int]) -> Vectors:
    """Return the embeddings of photos, shape (n, d); their ids are those of their units in a library made at once."""
    return library._store.index().vectors(np.array(sorted(unit_ids)))


def likeness(library: Library, hits: Hits) -> float:
    """Return the mean cosine of two different hits."""
    rows = vectors_of(library, [hit.unit_id for hit in hits])
    products = rows @ rows.T
    return float((products.sum() - len(rows)) / (len(rows) * (len(rows) - 1)))


def recall(library: Library, pictures: Sequence[Captioned], rerank: Sequence[str]) -> tuple[list[float], float, float]:
    """Return recall at 1, 5 and 10 from caption to picture, the mean cosine of two hits, milliseconds a query."""
    places, alike = [], []
    start = time.perf_counter()
    for picture in pictures:
        hits = library.search(picture.caption, k=10, rerank=rerank)
        names = [hit.path.name for hit in hits]
        places.append(names.index(picture.path.name) if picture.path.name in names else 10)
        alike.append(hits)
    spent = (time.perf_counter() - start) / len(pictures) * 1000
    shares = [float(np.mean(np.array(places) < k)) for k in (1, 5, 10)]
    return shares, float(np.mean([likeness(library, hits) for hits in alike])), spent


def captions(data: Path, place: Path) -> None:
    """Print what exact and mmr do to recall and to how different the hits are."""
    captioned = read(data / "flickr8k", split="dev")
    say(f"flickr8k dev, {len(captioned):,} pictures, first caption of each, k = 10")
    say("rerank", "R@1", "R@5", "R@10", "cosine of two hits", "ms a query")
    with library_of(place, captioned) as library:
        for rerank in ((), ("exact",), ("bursts",), *((f"mmr:{each:g}",) for each in LAMBDAS)):
            shares, alike, spent = recall(library, captioned, rerank)
            say(" ".join(rerank) or "none", *(f"{share:.3f}" for share in shares), f"{alike:.3f}", f"{spent:.1f}")


def classes(data: Path, place: Path) -> None:
    """Print how many classes mmr brings into the answers to queries that several of them fit."""
    labelled = read(data / "caltech101")
    label = {each.path.name: each.label for each in labelled}
    say(f"caltech101, {len(labelled):,} pictures of {len(set(label.values()))} classes, {len(BROAD)} broad queries")
    say("rerank", "classes among 10", "cosine with the query", "cosine of two hits")
    with library_of(place, labelled) as library:
        for rerank in ((), *((f"mmr:{each:g}",) for each in LAMBDAS)):
            answers = [library.search(query, k=10, rerank=rerank) for query in BROAD]
            found = np.mean([len({label[hit.path.name] for hit in hits}) for hits in answers])
            fit = np.mean([[hit.score for hit in hits] for hits in answers])
            alike = np.mean([likeness(library, hits) for hits in answers])
            say(" ".join(rerank) or "none", f"{found:.1f}", f"{fit:.3f}", f"{alike:.3f}")


def chained(library: Library, pictures: Sequence[Captioned], count: int) -> list[Captioned]:
    """Return pictures in an order in which each is followed by the one most like it of those that are left."""
    by_name = {each.path.name: each for each in pictures}
    hits = library.search("a photo", k=len(pictures))
    rows = vectors_of(library, [hit.unit_id for hit in hits])
    names = [hit.path.name for hit in sorted(hits, key=lambda hit: hit.unit_id)]
    order, left = [0], np.ones(len(names), dtype=np.bool_)
    while len(order) < count:
        left[order[-1]] = False
        order.append(int(np.where(left, rows @ rows[order[-1]], -np.inf).argmax()))
    return [by_name[names[row]] for row in order]


def frames(picture: Image.Image, count: int, chance: random.Random) -> list[tuple[Image.Image, int]]:
    """Return frames of a burst with JPEG qualities: up to 6 % of each side cut, up to 10 % lighter or darker."""
    result = []
    width, height = picture.size
    for _ in range(count):
        left, top, right, bottom = (chance.uniform(0, 0.06) for _ in range(4))
        frame = picture.crop(
            (int(left * width), int(top * height), int(width - right * width), int(height - bottom * height))
        )
        result.append((ImageEnhance.Brightness(frame).enhance(chance.uniform(0.9, 1.1)), chance.randint(60, 95)))
    return result


def shoot(folder: Path, scenes: Sequence[Captioned], *, shot: int, count: int) -> None:
    """Write the first scenes as bursts, a frame a second, then single photos; all 30 seconds from each other."""
    chance = random.Random(7)
    folder.mkdir()
    moment = datetime(2024, 5, 1, 9)  # noqa: DTZ001 - cameras write local time
    for number, each in enumerate(scenes):
        with Image.open(each.path) as picture:
            taken = frames(picture.convert("RGB"), count if number < shot else 1, chance)
        for second, (frame, quality) in enumerate(taken):
            exif = exif_block(taken_at=moment + timedelta(seconds=30 * number + second))
            frame.save(folder / f"{number:03}-{second}.jpg", quality=quality, exif=exif)


def scenes_of(hit: Hit) -> set[str]:
    """Return the scenes of the photos that a hit stands for."""
    return {each.path.name.partition("-")[0] for each in hit.expanded()}


def bursts(data: Path, place: Path, *, shot: int = 100, count: int = 8) -> None:
    """Print what bursts does where every scene is followed, within a minute, by the one most like it."""
    captioned = read(data / "flickr8k", split="dev")
    with library_of(place / "flickr", captioned) as library:
        scenes = chained(library, captioned, 3 * shot)
    shoot(place / "bursts", scenes, shot=shot, count=count)
    with Library.open(place / "bursts.recall") as library:
        library.sync(place / "bursts")
        say(f"{shot} bursts of {count} frames, {2 * shot} single photos, each 30 s after the one that is most like it")
        say("rerank", "scenes among 10", "R@10", "bursts in one hit", "hits of two scenes")
        for rerank in ((), *((f"bursts:{each:g}",) for each in BOUNDS)):
            answers = [library.search(each.caption, k=10, rerank=rerank) for each in scenes[:shot]]
            found = np.mean([len(set().union(*map(scenes_of, hits))) for hits in answers])
            own = [[hit for hit in hits if f"{number:03}" in scenes_of(hit)] for number, hits in enumerate(answers)]
            whole = np.mean([len(hits) == 1 and hits[0].count >= count for hits in own if hits])
            mixed = np.mean([len(scenes_of(hit)) > 1 for hits in answers for hit in hits])
            right = np.mean([len(hits) > 0 for hits in own])
            say(" ".join(rerank) or "none", f"{found:.1f}", f"{right:.2f}", f"{whole:.0%}", f"{mixed:.1%}")


def encoders(data: Path, place: Path) -> None:
    """Print what another encoder costs, and that it orders the best N as it would order them itself."""
    captioned = read(data / "flickr8k", split="dev")
    asked = captioned[:ASKED]
    with library_of(place / "float32", captioned) as own:
        alone = [[hit.path for hit in own.search(each.caption, k=len(captioned))] for each in asked]
    with library_of(place / "int8", captioned, encoder="compact+int8") as library:
        first, again = (_seconds(library, captioned[0].caption, "encoder:compact:1000") for _ in range(2))
        say(f"flickr8k dev by compact+int8; compact loaded and 1,000 photos scored in {first:.1f} s, then {again:.2f}")
        say(f"the first {ASKED} captions of these {len(captioned):,} pictures")
        say("rerank", "R@1", "R@5", "R@10", "ms a query", "ordered as compact orders them")
        for first_n in (0, 10, 50, 100):
            rerank = (f"encoder:compact:{first_n}",) if first_n else ()
            shares, _, spent = recall(library, asked, rerank)
            same = np.mean(
                [_agrees(library, each, order, rerank, first_n or 10) for each, order in zip(asked, alone, strict=True)]
            )
            row = (f"{share:.3f}" for share in shares)
            say(" ".join(rerank) or "none", *row, f"{spent:.1f}", f"{same:.1%}")
        shares, _, spent = recall(library, asked, ("encoder:compact:50", "blend:0.5"))
        say("encoder:compact:50 blend:0.5", *(f"{share:.3f}" for share in shares), f"{spent:.1f}", "")


def _seconds(library: Library, query: str, rerank: str) -> float:
    start = time.perf_counter()
    library.search(query, rerank=[rerank])
    return time.perf_counter() - start


def _agrees(library: Library, asked: Captioned, order: Sequence[Path], rerank: Sequence[str], count: int) -> bool:
    """Return whether the best photos stand in the order in which another library has them."""
    best = [hit.path.name for hit in library.search(asked.caption, k=count, rerank=rerank)]
    place = {path.name: number for number, path in enumerate(order)}
    return best == sorted(best, key=place.__getitem__)


def main() -> None:
    """Measure everything, or what is named."""
    parts = {part.__name__: part for part in (captions, classes, bursts, encoders)}
    data, *asked = sys.argv[1:] or ["../shared/data"]
    for name in asked or parts:
        with tempfile.TemporaryDirectory() as folder:
            parts[name](Path(data), Path(folder))


if __name__ == "__main__":
    main()
