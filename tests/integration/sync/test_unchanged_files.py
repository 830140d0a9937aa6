"""What a sync asks the system and the catalog about files that have not changed."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from indexer.sync.scan_rules import Rules
from retrieval import Library
from tests.support.color_photos import paint
from tests.support.statements import record_statements
from tests.support.sync_results import counts
from tests.support.walks import make_files, walk


@contextmanager
def recorded_calls(*names: str) -> Iterator[Counter[tuple[str, str]]]:
    """Yield the number of calls of functions of `os`, by their name and path."""
    calls: Counter[tuple[str, str]] = Counter()

    def recorded(name: str, real: Any, path: str | bytes, **options: Any) -> Any:
        calls[name, os.fsdecode(path)] += 1
        return real(path, **options)

    with pytest.MonkeyPatch.context() as patch:
        for name in names:
            patch.setattr(os, name, partial(recorded, name, getattr(os, name)))
        yield calls


def test_a_walk_asks_the_system_once_for_each_file_and_twice_for_each_folder(root: Path) -> None:
    names = [f"{folder}/{number}.jpg" for folder in "abc" for number in range(20)]
    make_files(root, *names)
    with recorded_calls("stat", "lstat", "scandir") as calls:
        assert len(walk(str(root), Rules())) == 60
    below = Counter({call: count for call, count in calls.items() if call[1].startswith(f"{root}/")})
    expected = [("lstat", name) for name in names] + [
        (call, folder) for folder in "abc" for call in ("stat", "scandir")
    ]
    assert below == Counter((call, str(root / name)) for call, name in expected)


def test_the_number_of_statements_does_not_grow_with_the_unchanged_files(library: Library, folder: Path) -> None:
    sent = []
    paint(folder / "photo.png", "red")
    for number in range(1, 31):
        (folder / f"{number % 3}").mkdir(exist_ok=True)
        shutil.copy(folder / "photo.png", folder / f"{number % 3}" / f"{number}.png")
        if number in (1, 30):
            library.sync(folder)
            with record_statements() as statements:
                assert counts(library.sync(folder)) == {"unchanged": number + 1}
            sent.append(Counter(statement for statement, _ in statements))
    assert sent[0] == sent[1]
    assert not [statement for statement in sent[0] if "items.path IN" in statement]


def test_only_changed_files_are_looked_up_in_the_catalog(library: Library, folder: Path) -> None:
    for name in ("a", "b", "c", "d"):
        paint(folder / f"{name}.png", "red")
    library.sync(folder)
    os.utime(folder / "b.png", (1, 1))
    (folder / "c.png").unlink()
    with record_statements() as statements:
        assert counts(library.sync(folder)) == {"unchanged": 3, "removed": 1}
    (values,) = [values for statement, values in statements if "items.path IN" in statement]
    looked_up = list(values.values() if isinstance(values, dict) else values)  # in psycopg.Binary
    names = [os.path.basename(getattr(path, "obj", path)) for path in looked_up]
    assert names == [b"b.png", b"c.png"]
