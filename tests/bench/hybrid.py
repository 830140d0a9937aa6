"""What full-text search adds where photos carry captions: `python -m tests.bench.hybrid [FLICKR8K]`.

Each of the 1,000 photos of Flickr8k's dev part gets its first caption as the IPTC caption of its file; what is asked is
its second caption. The three rows are the shares of queries whose photo is among the first k: by what is to be seen
(`--no-hybrid`), by the captions' words alone (BM25), and by both (`--hybrid`). The encoder is `compact`. Every second
photo is asked for, since the others were used to choose how both are put together.
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from indexer.catalog.statements import fulltext, items
from retrieval import Library
from tests.support.blocks import iptc_block, with_iptc

DATA = Path("../shared/data/flickr8k")
CUTS = (1, 5, 10)


def captioned(data: Path, folder: Path, *, count: int = 1000) -> dict[str, str]:
    """Write photos with a caption each into a folder, and return what to ask for each, by name."""
    captions: dict[str, list[str]] = defaultdict(list)
    with (data / "captions.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] == "dev":
                captions[row["image"]].append(row["caption"])
    chosen = dict(list(captions.items())[:count])
    for name, (caption, *_) in chosen.items():
        whole = (data / "images" / name).read_bytes()
        (folder / name).write_bytes(with_iptc(whole, iptc_block([(120, caption.encode())], utf_8=True)))
    return {name: found[1] for name, found in list(chosen.items())[1::2]}


def by_words(library: Library, query: str) -> list[str]:
    """Return the names of the photos whose captions match best."""
    known = library._store.encoder
    assert known is not None
    with library._store.reading() as connection:
        words = fulltext.query_words(query)
        ids = [match.embedding_id for match in fulltext.search_text(connection, known.id, words, limit=10)]
        found = items.item_details(connection, ids)
    return [Path(found[id_].path).name for id_ in ids]


def by_looks(library: Library, query: str, *, hybrid: bool) -> list[str]:
    """Return the names of the photos that a search gives."""
    return [hit.path.name for hit in library.search(query, k=10, hybrid=hybrid)]


def main(data: Path) -> None:
    """Print R@1, R@5 and R@10 of the three ways, and the milliseconds of one query."""
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work, "photos")
        folder.mkdir()
        asked = captioned(data, folder)
        with Library.open(Path(work, "hybrid.recall")) as library:
            library.sync(folder)
            library.search("warm up")
            ways: dict[str, Callable[[str], list[str]]] = {
                "looks": lambda query: by_looks(library, query, hybrid=False),
                "words": lambda query: by_words(library, query),
                "both": lambda query: by_looks(library, query, hybrid=True),
            }
            print(f"{library.status().photos} photos, {len(asked)} queries")  # noqa: T201 what the script is for
            for way, search in ways.items():
                start = time.perf_counter()
                places = [
                    found.index(name) if name in (found := search(query)) else 10 for name, query in asked.items()
                ]
                spent = (time.perf_counter() - start) / len(asked)
                shares = "  ".join(f"R@{k} {sum(place < k for place in places) / len(places):.3f}" for k in CUTS)
                print(f"{way:6} {shares}  {1000 * spent:.1f} ms")  # noqa: T201


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA)
