"""What PyInstaller does not see of `indexer`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

from indexer.catalog.migrate import migration_folder
from retrieval.integrations.pyinstaller import LEFT_OUT

_DECODERS = [name for name in ("pi_heif", "pillow_jxl", "rawpy") if find_spec(name)]

hiddenimports = [
    *collect_submodules("indexer", filter=lambda name: not name.startswith("indexer._migrations")),
    *_DECODERS,
    "alembic.context",  # migrations import these, and are read as files
    "alembic.op",
]
excludedimports = LEFT_OUT
datas = [
    *collect_data_files("indexer", excludes=["_migrations"]),
    *(
        (str(file), str(Path("indexer", "_migrations", file.parent.relative_to(migration_folder()))))
        for file in migration_folder().rglob("*")
        if file.suffix in {".py", ".mako"}
    ),
]
