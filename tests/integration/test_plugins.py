"""Encoders of other packages, which are found by their entry points in the group `recall.encoders`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from indexer.encoders import check_name, load_encoder
from indexer.errors import EncoderError, EncoderNotFoundError
from retrieval import Library
from tests.support.encoders import FakeEncoder
from tests.support.program import Program

MODULE = '''
"""Encoders of colours."""
from tests.support.encoders import FakeEncoder


def load(model, *, device, batch_size):
    """Colours instead of contents."""
    name = f"colours:{model}" if model else "colours"
    if model == "odd":
        name = "another"
    if model == "none":
        raise KeyError(model)
    return FakeEncoder(name=name)


class Named(FakeEncoder):
    def __init__(self, model, *, device, batch_size):
        super().__init__()
'''


def install(folder: Path, package: str, entries: dict[str, str], modules: dict[str, str]) -> None:
    """Install a package into a folder of `sys.path`, as pip does: its modules and its metadata."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    lines = [f"{name} = {value}" for name, value in entries.items()]
    (info / "entry_points.txt").write_text("\n".join(["[recall.encoders]", *lines, ""]))
    for name, code in modules.items():
        (folder / f"{name}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder on `sys.path` with a package that has a whole, and a package that has a broken encoder."""
    folder = tmp_path / "site"
    entries = {"colours": "recall_colours:load", "fake/colours": "recall_colours:Named"}
    install(folder, "recall-colours", entries, {"recall_colours": MODULE})
    broken = {"broken": "recall_broken:load", "number": "recall_colours:__name__"}
    install(folder, "recall-broken", broken, {"recall_broken": "import no_such_module"})
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    yield folder
    for name in ("recall_colours", "recall_broken"):
        sys.modules.pop(name, None)


def test_an_encoder_of_an_installed_package_is_loaded_by_name(site: Path) -> None:
    assert load_encoder("colours").name == "colours"
    assert load_encoder("colours:soft").name == "colours:soft"
    assert isinstance(load_encoder("fake/colours"), FakeEncoder)  # open_clip has no model "fake"


def test_a_library_finds_the_encoder_object_that_it_was_made_with_by_its_name(site: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a red house")
    for name in ("colours", "fake/colours"):
        folder = tmp_path / f"{name.replace('/', '-')}.recall"
        with Library.open(folder, encoder=FakeEncoder(name=name)) as library:
            library.sync(tmp_path / "note.txt")
        with Library.open(folder) as library:
            assert [hit.path.name for hit in library.search("red", threshold=0)] == ["note.txt"]


@pytest.mark.parametrize("name", ["mine", "mine/own", "mine:own"])
def test_a_library_whose_encoder_nothing_provides_says_which_and_how_to_give_it(name: str, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("a red house")
    folder, encoder = tmp_path / "l.recall", FakeEncoder(name=name)
    with Library.open(folder, encoder=encoder) as library:
        library.sync(tmp_path / "note.txt")
    message = f"indexed with the encoder '{name}', which no installed package provides; .* encoder=ENCODER"
    with Library.open(folder) as library, pytest.raises(EncoderNotFoundError, match=message):
        library.search("red")
    with Library.open(folder, encoder=encoder) as library:
        assert len(library.search("red", threshold=0)) == 1


def test_a_model_that_a_package_loads_by_name_is_not_trusted_because_a_catalog_names_it(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "note.txt").write_text("a red house")
    for name in ("colours", "colours:/their/folder"):
        with Library.open(tmp_path / f"{len(name)}.recall", encoder=FakeEncoder(name=name)) as library:
            library.sync(tmp_path / "note.txt")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "another-user"))
    with Library.open(tmp_path / "7.recall") as library:
        assert len(library.search("red", threshold=0)) == 1
    with Library.open(tmp_path / "21.recall") as library, pytest.raises(EncoderError, match="add --trust-encoder"):
        library.search("red")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "the entry point 'broken' of recall-broken .* cannot be loaded .ModuleNotFoundError: .*; reinstall"),
        ("number", "the entry point 'number' of recall-broken .* is a str; expected a function or class"),
        ("colours:odd", "returned an encoder called 'another'; expected 'colours:odd'"),
        ("colours:none", "encoder 'colours:none': the entry point 'colours' .* failed .KeyError: 'none'"),
        ("colours+int8", "compute in float32 only; use colours"),
    ],
)
def test_an_encoder_of_a_package_that_fails_is_answered_in_one_line(site: Path, name: str, message: str) -> None:
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(name)
    assert "\n" not in str(caught.value)


def test_a_name_that_no_package_provides_is_unknown(site: Path) -> None:
    check_name("colours:any")
    for name in ("colour", "colour:any", "st-clip"):
        with pytest.raises(EncoderNotFoundError, match="no encoder is called"):
            check_name(name)


def test_available_lists_installed_packages_and_names_those_that_fail(site: Path, recall_program: Program) -> None:
    path = f"{recall_program.env['PYTHONPATH']}:{site}:{Path(__file__).parents[2]}"
    done = recall_program("encoder", "available", env={"PYTHONPATH": path})
    assert done.returncode == 0, done
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("colours, colours:MODEL  ")]
    assert line.endswith("  Colours instead of contents. (recall-colours)")
    assert [line for line in done.stderr.splitlines() if "'broken'" in line and "cannot be loaded" in line]
    assert "Traceback" not in done.stderr
    searched = recall_program("search", "a cat", env={"PYTHONPATH": path})
    assert "broken" not in searched.stderr
