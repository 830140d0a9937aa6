"""A process that syncs a folder with an encoder that costs nothing: what is left is what Recall itself takes.

python -m tests.bench.syncing LIBRARY FOLDER
"""

from __future__ import annotations

import sys

from indexer.maintenance import optimize
from retrieval import Library
from tests.support.encoders import FakeEncoder


def main(library: str, folder: str) -> None:
    """Sync a folder."""
    optimize.AUTO_CHOICE_SIZE = sys.maxsize  # to choose an index is measured elsewhere
    with Library.open(library, encoder=FakeEncoder(batch_size=250)) as opened:
        print(opened.sync(folder).summary)  # noqa: T201 - a program


if __name__ == "__main__":
    main(*sys.argv[1:])
