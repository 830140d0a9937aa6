"""Sets for `recall evaluate --rerank` and `--compare`: `python -m tests.bench.queries DATA FOLDER`.

Writes into FOLDER, which must not exist:

photos/ queries.csv    the pictures of Flickr8k's dev split; the first caption of each asks for it
bursts/ bursts.csv     100 of them as simulated bursts of 8 frames, 200 as single ones, see `tests.bench.reranking`;
                       the caption of a burst asks for its frames
"""

from __future__ import annotations

import csv
import shutil
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from tests.bench.reranking import chained, library_of, read, shoot

SHOT = 100
FRAMES = 8


def write(table: Path, lines: Iterable[tuple[str, str]]) -> None:
    """Write a set of queries and relevant files."""
    with table.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("query", "relevant"), *lines])


def main() -> None:
    """Write both sets."""
    data, folder = map(Path, sys.argv[1:])
    captioned = read(data / "flickr8k", split="dev")
    (folder / "photos").mkdir(parents=True)
    for each in captioned:
        shutil.copy(each.path, folder / "photos")
    write(folder / "queries.csv", ((each.caption, f"photos/{each.path.name}") for each in captioned))
    with tempfile.TemporaryDirectory() as place, library_of(Path(place), captioned) as library:
        scenes = chained(library, captioned, 3 * SHOT)
    shoot(folder / "bursts", scenes, shot=SHOT, count=FRAMES)
    frames = [(number, frame) for number in range(SHOT) for frame in range(FRAMES)]
    write(
        folder / "bursts.csv",
        ((scenes[number].caption, f"bursts/{number:03}-{frame}.jpg") for number, frame in frames),
    )


if __name__ == "__main__":
    main()
