"""The program while embeddings are approximate."""

from __future__ import annotations

import json
from pathlib import Path

from retrieval import Library
from tests.support.contents import Place
from tests.support.program import Program


def test_an_open_library_continues_with_the_encoder_that_the_program_set(
    recall_program: Program, photos: Path, library_place: Place
) -> None:
    with Library.open(library_place) as library:
        library.sync(photos)
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        used = recall_program("encoder", "use", "compact+int8")
        assert used.returncode == 0, used.stderr
        assert used.stdout.startswith(
            "compact+int8: 21 encoded, 0 approximate in "
        )  # the program's sample size is 1,000
        assert library.search("a cat", k=1)[0].path.name == "chelsea.png"
        assert library.encoder.name == "compact+int8"
    assert recall_program("encoder", "use", "compact+int8").stdout == (
        "compact+int8 already is the encoder of the library; nothing was changed\n"
    )
    listed = recall_program("encoder", "list", "--json").stdout.splitlines()
    assert [(row["name"], row["is_active"], row["encoded"]) for row in map(json.loads, listed)] == [
        ("compact", False, 21),
        ("compact+int8", True, 21),
    ]
    assert recall_program("encoder", "drop").stdout == "21 embeddings dropped\n"
    refused = recall_program("index", photos, "--encoder", "compact")
    assert (refused.returncode, "recall encoder use compact" in refused.stderr) == (2, True)


def test_the_program_marks_approximate_hits_until_the_next_index(
    recall_program: Program, photos: Path, tmp_path: Path, library_place: Place
) -> None:
    with Library.open(library_place) as library:
        library.sync(photos)
        assert library.use_encoder("compact+int8").approximate == 9  # the sample size of this process is 12
    found = recall_program("search", "a cat", "-k", "21", "--all", "--no-hybrid")
    assert found.stdout.count(" ~") == 9
    assert "~ 9 of 21 found by approximate embeddings, made from the former encoder's" in found.stderr
    exported = recall_program("export", tmp_path / "out")
    assert exported.returncode == 0, exported.stderr
    indexed = recall_program("index")
    assert "9 approximate embeddings re-encoded\n" in indexed.stdout
    found = recall_program("search", "a cat", "-k", "21", "--all", "--no-hybrid")
    assert ("~" in found.stdout, "approximate" in found.stderr) == (False, False)
