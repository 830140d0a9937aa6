"""Small photos of one colour, for the encoder that sees only colours."""

from __future__ import annotations

import io
import os
import random
from datetime import datetime
from pathlib import Path

from PIL import Image, PngImagePlugin

from tests.support.pictures import exif_block

PALETTE = ("red", "lime", "blue", "yellow", "cyan", "magenta")  # two of them are 0, 60, 90 or 180 degrees apart in hue


def photo(colour: str | tuple[int, int, int], *, note: str = "", taken_at: datetime | None = None) -> bytes:
    """Return a PNG of one colour.

    Args:
        colour: A name, or red, green and blue.
        note: Stands in the file, so that two files of one colour differ.
        taken_at: When a camera took it; None leaves that out.
    """
    facts = PngImagePlugin.PngInfo()
    if note:
        facts.add_text("Comment", note)
    exif = {"exif": exif_block(taken_at=taken_at)} if taken_at else {}
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), colour).save(buffer, "PNG", pnginfo=facts, **exif)
    return buffer.getvalue()


def paint(
    path: Path, colour: str | tuple[int, int, int], *, note: str | None = None, taken_at: datetime | None = None
) -> Path:
    """Write a photo of one colour, made different from all others by its name unless a note is given, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo(colour, note=ascii(path.name) if note is None else note, taken_at=taken_at))
    return path


def paint_many(folder: Path, count: int, *, seed: int = 1) -> list[Path]:
    """Write that many photos of random colours, in three folders, and return them."""
    pick = random.Random(seed)
    colours = [(pick.randrange(256), pick.randrange(256), pick.randrange(256)) for _ in range(count)]
    return [paint(folder / f"{n % 3}" / f"{n:04}.png", colour) for n, colour in enumerate(colours)]


def later(path: Path, seconds: int = 10) -> None:
    """Give a file a new time, as touching or editing it later does."""
    moment = path.stat().st_mtime_ns + seconds * 10**9
    os.utime(path, ns=(moment, moment))
