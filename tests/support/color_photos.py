"""Small photos of a single color, for the fake encoder, which sees only colors."""

from __future__ import annotations

import io
import os
import random
from datetime import datetime
from pathlib import Path

from PIL import Image, PngImagePlugin

from tests.support.pictures import exif_block

Color = str | tuple[int, int, int]
"""A name that Pillow knows, or red, green and blue."""

PALETTE = ("red", "lime", "blue", "yellow", "cyan", "magenta")  # hues that differ by 0, 60, 120 or 180 degrees


def photo_bytes(color: Color, *, note: str = "", taken_at: datetime | None = None) -> bytes:
    """Return a PNG of one color.

    Args:
        color: The color of all pixels.
        note: A comment in the file, to make two files of one color differ.
        taken_at: The time in its EXIF; None for none.
    """
    chunks = PngImagePlugin.PngInfo()
    if note:
        chunks.add_text("Comment", note)
    exif = {"exif": exif_block(taken_at=taken_at)} if taken_at else {}
    buffer = io.BytesIO()
    Image.new("RGB", (16, 12), color).save(buffer, "PNG", pnginfo=chunks, **exif)
    return buffer.getvalue()


def paint(path: Path, color: Color, *, note: str | None = None, taken_at: datetime | None = None) -> Path:
    """Write a photo of one color and return its path; without a note, its name makes it differ from other files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(photo_bytes(color, note=ascii(path.name) if note is None else note, taken_at=taken_at))
    return path


def paint_many(folder: Path, count: int, *, seed: int = 1) -> list[Path]:
    """Write photos of random colors into three subfolders and return their paths."""
    pick = random.Random(seed)
    colors = [(pick.randrange(256), pick.randrange(256), pick.randrange(256)) for _ in range(count)]
    return [paint(folder / f"{n % 3}" / f"{n:04}.png", color) for n, color in enumerate(colors)]


def advance_mtime(path: Path, seconds: int = 10) -> None:
    """Set a file's modification time to a later one, as touching or editing it does."""
    mtime_ns = path.stat().st_mtime_ns + seconds * 10**9
    os.utime(path, ns=(mtime_ns, mtime_ns))
