"""Draws the best hits of ten searches in scikit-image's photos: `python -m docs.generator.contact_sheet`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from docs.generator.album import skimage_file
from retrieval import Hit, Library

QUERIES = (
    "a cat", "a motorcycle", "a man with a camera", "a horse", "grass",
    "a brick wall", "text on a page", "a woman", "a submarine", "a dog on the beach",
)  # fmt: skip
"""The searches: things that the photos show, a person whom they show, and two that they do not."""

SHEET = Path(__file__).parents[1] / "ten-searches.jpg"

_SIDE, _GAP, _LINE, _SHOWN = 120, 8, 18, 4
"""Pixels of a photo, between two, and of a line of text; hits of each search."""


def main() -> int:
    """Search, and write the sheet; print the table of the manual."""
    with tempfile.TemporaryDirectory() as work, Library.open(Path(work, "photos.recall"), device="cpu") as library:
        library.sync(skimage_file("chelsea.png").parent)
        results = [(query, library.search(query, k=_SHOWN, kind="photos", hybrid=False)) for query in QUERIES]
    columns, cell = 2, (_LINE + _SIDE + _LINE + _GAP)
    width = _SHOWN * (_SIDE + _GAP) + 2 * _GAP
    sheet = Image.new("RGB", (columns * width, cell * len(QUERIES) // columns), "white")
    for number, (query, hits) in enumerate(results):
        left, top = _GAP + width * (number % columns), cell * (number // columns)
        _draw_row(sheet, left, top, query, [hit for hit in hits if (hit.probability or 0) >= hits.cutoff])
        shown = ", ".join(f"{hit.path.name} {hit.probability:.0%}" for hit in hits.above(hits.cutoff))
        sys.stdout.write(f"| {query} | {shown or 'nothing matches'} |\n")
    sheet.save(SHEET, quality=80, optimize=True)
    return 0


def _draw_row(sheet: Image.Image, left: int, top: int, query: str, hits: list[Hit]) -> None:
    """Draw a search with its hits, each with its match probability."""
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    draw.text((left, top), query, "black", font)
    if not hits:
        draw.text((left, top + _LINE + _SIDE // 2), "nothing matches", "gray", font)
    for column, hit in enumerate(hits):
        with Image.open(hit.path) as photo:
            small = photo.convert("RGB")
        small.thumbnail((_SIDE, _SIDE))
        x = left + column * (_SIDE + _GAP)
        sheet.paste(small, (x, top + _LINE))
        draw.text((x, top + _LINE + _SIDE), f"{hit.probability:.0%}", "black", font)


if __name__ == "__main__":
    sys.exit(main())
