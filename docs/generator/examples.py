"""Runs the commands that the manual shows, and writes what they print to `docs/examples/`.

`python -m docs.generator.examples` renews the files. A file stays as it is if only times, durations, sizes and the last
digits of figures differ.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from docs.generator.album import make_album

FOLDER = Path(__file__).resolve().parents[1] / "examples"

WIDTH = 80
"""Columns of the terminal that the examples are printed for."""


@dataclass(frozen=True, slots=True)
class Example:
    """Commands that are shown together.

    Attributes:
        name: Of the file.
        commands: As they are typed; each is shown with what it prints.
        before: Commands that are run first and not shown.
    """

    name: str
    commands: tuple[str, ...]
    before: tuple[str, ...] = ()


EXAMPLES = (
    Example(
        "start",
        (
            "recall index ~/Pictures",
            'recall search "a motorcycle"',
            'recall search "a cat"',
            'recall search "a wedding"',
        ),
    ),
    Example(
        "index",
        ("recall index ~/Pictures", "recall status"),
        before=("recall forget ~/Pictures",),
    ),
    Example("failed", ("recall status --failed",)),
    Example("search-cat", ('recall search "a cat"',)),
    Example("search-nothing", ('recall search "a wedding"',)),
    Example("search-near", ('recall search "something to drink" --near ~/Pictures/cat.jpg --within 5km',)),
    Example("search-tag", ("recall search biscuit -k 2",)),
    Example("search-text", ('recall search "the launch of a rocket" -k 3',)),
    Example("rerank-bursts", ('recall search "a motorcycle" -k 3 --rerank bursts',)),
    Example("duplicates", ("recall duplicates",)),
    Example("explain", ('recall explain "a cup of coffee" ~/Pictures/coffee.jpg',)),
    Example("explain-missing", ('recall explain "a cat" ~/Pictures/broken.jpg',)),
    Example(
        "learn",
        ("recall learn Biscuit biscuit1.jpg biscuit2.jpg", 'recall search "Biscuit asleep" -k 2'),
        before=("cp Pictures/cat.jpg biscuit1.jpg", "cp 'Pictures/cat cropped.jpg' biscuit2.jpg"),
    ),
    Example(
        "table",
        (
            "recall index captions.csv --text-column caption --image-column image --library table.recall",
            'recall search "a drink" -k 2 --library table.recall',
        ),
        before=(
            "printf 'image,caption\\nPictures/coffee.jpg,an espresso in a café\\n,a glass of wine\\n' > captions.csv",
            "touch -d '2024-06-01 12:00' captions.csv",
        ),
    ),
    Example(
        "tune", ("recall tune", "recall versions", "recall rollback"), before=("recall feedback import judged.csv",)
    ),
    Example(
        "evaluate",
        ("recall evaluate set/captions.csv",),
        before=("cp -r Pictures set/images",),
    ),
    Example("assistant", ("python ask.py",), before=("recall index ~/Pictures --library photos.recall",)),
    Example(
        "encoder-use",
        ("recall encoder use compact+int8", "recall encoder list"),
    ),
    Example(
        "export",
        (
            "recall export backup",
            "mv Pictures moved",
            'recall import backup --root "$PWD/Pictures=$PWD/moved" --library other.recall',
            "recall index --library other.recall",
        ),
    ),
)
"""In the order in which they run, in one home folder."""

_PAGE_OF_CLIENT = FOLDER.parent / "guides" / "assistants.md"
_CLIENT = re.compile(r'^```python title="ask.py"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
"""The client on the page about assistants."""

_TIMES = re.compile(r"\d+(?:\.\d+)? (?:seconds|ms|s)\b|\d{4}-\d\d-\d\d \d\d:\d\d(?: UTC)?|\d+(?:\.\d)? [kM]B")
"""What differs from run to run: durations, the present time, and sizes of files that hold either."""

_FIGURES = re.compile(r"[-+]?\d*\.\d+|\d+%")
"""Scores and probabilities, whose last digits depend on the processor."""

_TOLERANCE = {"": 0.02, "%": 2.0}
"""By how much a figure may differ, by its unit."""

_CAPTIONS = {
    "astronaut.jpg": "a woman in a space suit",
    "camera.jpg": "a man with a camera",
    "cat.jpg": "a cat",
    "coffee.jpg": "a cup of coffee",
    "IMG_2040.jpg": "a motorcycle in a garage",
    "rocket.jpg": "the launch of a rocket",
    "grass.jpg": "grass",
    "wall.jpg": "a wall of bricks",
}
"""The evaluation set."""

_FAVOURITES = ("my favourite", "what I love most", "the best thing", "something great", "my treasure", "a dream",
               "beautiful", "my weekend", "freedom", "a present for me", "what I would save", "pure joy")  # fmt: skip
"""Queries of somebody who means motorcycles by all of them."""


def run_examples(home: Path) -> dict[str, str]:
    """Return what each example prints, by its name; the commands run in a new home folder."""
    make_album(home)
    _write_tables(home)
    return {example.name: _shown(example, home) for example in EXAMPLES}


def is_same(one: str, other: str) -> bool:
    """Return whether two outputs differ in times, durations, sizes and the last digits of figures alone."""
    plain, other_plain = _without_times(one), _without_times(other)
    figures = zip(_FIGURES.findall(plain), _FIGURES.findall(other_plain), strict=False)
    return _FIGURES.sub("#", plain) == _FIGURES.sub("#", other_plain) and all(_is_near(*pair) for pair in figures)


def _is_near(one: str, other: str) -> bool:
    unit = one[-1] if one.endswith("%") else ""
    return other.endswith(unit) and abs(float(one.rstrip("%")) - float(other.rstrip("%"))) <= _TOLERANCE[unit]


def _without_times(text: str) -> str:
    """Return the text without what differs from run to run, and with single blanks, since columns follow widths."""
    return re.sub(r" +", " ", _TIMES.sub("*", text))


def _shown(example: Example, home: Path) -> str:
    for command in example.before:
        _run(command, home)
    return "\n".join(f"$ {command}\n{_run(command, home)}" for command in example.commands)


def _run(command: str, home: Path) -> str:
    """Return what a command prints to either stream, with ~ in place of the home folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RECALL_", "XDG_"))}
    programs = os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)])
    env = {**inherited, "HOME": str(home), "PATH": programs, "COLUMNS": str(WIDTH), "TZ": "UTC", "NO_COLOR": "1"}
    done = subprocess.run(
        [shutil.which("bash") or "sh", "-c", command],
        cwd=home,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    return _in_home(done.stdout, str(home))


def _in_home(text: str, home: str) -> str:
    """Return text with ~ in place of the home folder, also in the widths of columns."""
    blanks = " " * (len(home) - 1)
    lines = []
    for line in text.splitlines():
        if home not in line and re.search(r" (file|photo|source) {9,}\w", line):  # the head of a table
            lines.append(re.sub(rf" (file|photo|source){blanks}", r" \1", line))
        elif " was the bottleneck " not in line:  # only printed on a slow machine
            lines.append(line.replace(home, "~"))
    return "".join(f"{line}\n" for line in lines)


def _write_tables(home: Path) -> None:
    """Write the evaluation set, the judgements and the client of the page about assistants."""
    client = _CLIENT.search(_PAGE_OF_CLIENT.read_text(encoding="utf-8"))
    (home / "ask.py").write_text(client[1] if client else "", encoding="utf-8")
    (home / "set").mkdir()
    rows = [f"{name},{caption}" for name, caption in _CAPTIONS.items()]
    (home / "set" / "captions.csv").write_text("\n".join(["image,caption", *rows, ""]), encoding="utf-8")
    verdicts = {"IMG_2040": "good", "IMG_2041": "good", "cat": "bad", "coffee": "bad", "camera": "bad", "rocket": "bad"}
    judged = [
        f"{query},{home}/Pictures/{name}.jpg,{verdict}" for query in _FAVOURITES for name, verdict in verdicts.items()
    ]
    (home / "judged.csv").write_text("\n".join(["query,path,verdict", *judged, ""]), encoding="utf-8")


def main() -> None:
    """Renew the files of the examples."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="recall-examples-") as folder:
        outputs = run_examples(Path(folder) / "home")
    for name, output in outputs.items():
        file = FOLDER / f"{name}.txt"
        if not file.exists() or not is_same(file.read_text("utf-8"), output):
            file.write_text(output, encoding="utf-8")
    for file in FOLDER.glob("*.txt"):
        if file.stem not in outputs:
            file.unlink()


if __name__ == "__main__":
    main()
