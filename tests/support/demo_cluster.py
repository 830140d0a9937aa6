"""What `make demo-cluster` shows: many machines fill a library in PostgreSQL, one of them dies, nothing is lost.

PostgreSQL with pgvector, an object store and two Ray nodes run on this machine, for as long as the program does.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from indexer.errors import RecallError
from retrieval import Library
from tests.support.cut_outs import make_cut_outs
from tests.support.postgresql import PostgresServer
from tests.support.ray_cluster import RayCluster
from tests.support.s3 import S3Server

CUT_OUTS = 480
"""Photos besides the demo's own, for a few parts: one has 128."""

QUERIES = ("a cat", "a cup of coffee", "a man with a camera", "an astronaut")

SETTINGS = ("RECALL_", "PG", "AWS_", "RAY_")
"""Beginnings of variables by which the programs are set up; the user's own do not count here."""

_MAX_SECONDS = 900
"""Longest time for one command; it takes some seconds on an idle machine."""


class DemoError(Exception):
    """The demo cannot go on, or did not show what it promises."""


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)  # noqa: T201  a program


@contextmanager
def started(*words: str | Path) -> Iterator[subprocess.Popen[str]]:
    """Show a command of Recall and start it; at the end it is killed if it still runs."""
    say(f"\n$ recall {shlex.join(map(str, words))}")
    with subprocess.Popen([Path(sys.executable).parent / "recall", *words], text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for a command; raise DemoError unless it succeeds."""
    try:
        code = process.wait(timeout=_MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise DemoError(f"recall did not end within {_MAX_SECONDS} seconds") from None
    if code:
        raise DemoError(f"recall ended with {code}")


def recall(*words: str | Path) -> None:
    """Show a command of Recall and run it to its end."""
    with started(*words) as process:
        finish(process)


def make_photos(folder: Path) -> int:
    """Fill a folder with the demo photos and many parts of them, and return how many these are."""
    spec = importlib.util.find_spec("skimage")  # not imported, which takes a second
    if spec is None or not spec.submodule_search_locations:
        raise DemoError("scikit-image, which has the photos, is missing; pip install 'recall-photos[demo]'")
    photos = Path(spec.submodule_search_locations[0]) / "data"
    folder.mkdir()
    for path in sorted(photos.glob("*.[jp][pn]g")):
        shutil.copy(path, folder)
    make_cut_outs(photos, folder, CUT_OUTS)
    return sum(path.is_file() for path in folder.rglob("*"))


def upload(folder: Path, target: str, store: S3Server) -> None:
    """Copy the files of a folder into a bucket."""
    from pyarrow.fs import LocalFileSystem, copy_files  # late: as in the server

    copy_files(str(folder), target, source_filesystem=LocalFileSystem(), destination_filesystem=store.files())


def index_with_a_death(source: str, bucket: str, store: S3Server, cluster: RayCluster) -> None:
    """Embed the photos on both nodes, and kill one of them when the first part is there."""
    start, files = time.monotonic(), store.files()
    arguments = ("--into", f"s3://{bucket}/parts", "--ray", cluster.address, "--workers", "1")
    with started("index", source, *arguments) as process:
        while not (done := manifests(files, f"{bucket}/parts")):
            if process.poll() is not None:
                raise DemoError(f"recall index ended with {process.returncode} before a part was there")
            time.sleep(0.05)
        cluster.kill_worker()
        say(f"  after {time.monotonic() - start:.1f} s, parts there: {done}; now the second Ray node is killed (-9)")
        finish(process)
    say(f"  after {time.monotonic() - start:.1f} s, parts there: {manifests(files, f'{bucket}/parts')}")


def manifests(files: Any, place: str) -> int:
    """Return how many parts of a place are complete."""
    from pyarrow.fs import FileSelector

    found = files.get_file_info(FileSelector(place, allow_not_found=True, recursive=True))
    return sum(entry.base_name == "manifest.json" for entry in found)


def answers(library: str | Path, query: str, root: str | Path) -> list[tuple[str, float]]:
    """Return the names below `root` and the scores of all photos, as a search of a library gives them."""
    with Library.open(library) as opened:
        return [(str(hit.path).removeprefix(f"{root}/"), hit.score) for hit in opened.search(query, k=1000)]


def compare(libraries: dict[str | Path, str | Path], photos: int) -> None:
    """Raise DemoError unless searches of two libraries, given with the roots of their photos, answer the same."""
    for query in QUERIES:
        one, other = (answers(library, query, root) for library, root in libraries.items())
        for here, there in itertools.zip_longest(one, other):
            if here != there:
                raise DemoError(f"the answers to {query!r} differ: {here} and {there}")
        if len(one) != photos:
            raise DemoError(f"{query!r} found {len(one)} photos of {photos}")
        name, score = one[0]
        say(f"  {query!r}: {len(one)} of {photos} photos, the same names and scores; first: {name} {score!r}")


def show(folder: Path, stack: ExitStack) -> None:
    """Start everything, index, import, search and compare."""
    photos = folder / "photos"
    count = make_photos(photos)
    say(f"{count} photos: those of `make demo`, and parts of them")
    say("Starting PostgreSQL with pgvector")
    database = PostgresServer()
    stack.callback(database.close)
    say("Starting SeaweedFS, a server that speaks S3")
    store = S3Server()
    stack.callback(store.close)
    os.environ.update(store.environment)
    say("Starting two Ray nodes")
    cluster = RayCluster(os.environ)
    stack.callback(cluster.close)
    bucket, library = store.make_bucket(), database.url().partition("?")[0]
    say(f"Copying the photos to s3://{bucket}/photos")
    upload(photos, f"{bucket}/photos", store)
    source = f"s3://{bucket}/photos"
    index_with_a_death(source, bucket, store, cluster)
    recall("import", f"s3://{bucket}/parts", "--library", library)
    recall("search", "a cat", "-k", "3", "--library", library)
    say("\nThe same photos, from a folder into a folder library, indexed by one process:")
    recall("index", photos, "--library", folder / "demo.recall")
    say("\nThe same searches on both:")
    compare({library: source, folder / "demo.recall": photos}, count)
    say("\nThe library in PostgreSQL and the one in a folder gave the same answers bit for bit, although a node died.")


def prepare_environment(folder: Path) -> None:
    """Hide the user's own settings, and set up the programs that are started."""
    for name in [name for name in os.environ if name.startswith(SETTINGS)]:
        del os.environ[name]
    os.environ.update({"RECALL_CACHE": str(folder / "cache"), "RAY_USAGE_STATS_ENABLED": "0"})


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    """Show the demo, stop and remove everything, and return the exit code."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="recall-demo-") as folder, ExitStack() as stack:
            stack.callback(say, "Stopping the servers, and removing everything")
            prepare_environment(Path(folder))
            show(Path(folder), stack)
    except KeyboardInterrupt:
        return 130
    except (DemoError, RecallError, RuntimeError, OSError) as error:
        sys.stderr.write(f"demo-cluster: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
