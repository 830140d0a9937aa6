"""`python -m tests.bench.frozen_app`: how large the frozen app of the manual is, and how long it takes."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.support.environment import build, make_environment
from tests.support.frozen_app import freeze, run, source

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ("chelsea.png", "coffee.png", "camera.png", "rocket.jpg", "horse.png")


def main() -> None:
    """Build the app, run it twice and print a table, then what it printed."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        python = make_environment(folder / "environment", build("wheel", ROOT, folder / "wheel"), "pyinstaller")
        start = time.perf_counter()
        app = freeze(source(), python=python, into=folder / "build")
        rows = [("building it", f"{time.perf_counter() - start:.0f} s")]
        files = [file for file in app.parent.rglob("*") if file.is_file() and not file.is_symlink()]
        rows.append(("its folder", f"{sum(os.path.getsize(file) for file in files) / 1e6:.0f} MB"))
        pictures = folder / "home" / "Pictures"
        pictures.mkdir(parents=True)
        spec = importlib.util.find_spec("skimage.data")
        for name in PHOTOS:
            shutil.copy(Path(str(spec and spec.origin)).parent / name, pictures)
        for what in (f"the first run, with {len(PHOTOS)} photos", "the next run"):
            start = time.perf_counter()
            printed = run(app, "a cup of coffee", home=folder / "home", cwd=folder)
            rows.append((what, f"{time.perf_counter() - start:.1f} s"))
            assert printed.splitlines()[1].endswith("coffee.png"), printed
    lines = [f"| {what} | {figure} |\n" for what, figure in rows]
    sys.stdout.write("**A frozen app: the one above, built by PyInstaller with the extra cpu**\n\n")
    sys.stdout.writelines(["| | measured |\n", "|---|---:|\n", *lines])


if __name__ == "__main__":
    main()
