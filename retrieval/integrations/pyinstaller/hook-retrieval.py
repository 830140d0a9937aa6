"""What PyInstaller does not see of `retrieval`, and the metadata of Recall and its plugins."""

from __future__ import annotations

from PyInstaller.utils.hooks import collect_data_files, collect_entry_point, collect_submodules, copy_metadata

from indexer.plugins import COMMANDS, ENCODERS, IMPORTERS, RERANKERS
from retrieval.integrations.pyinstaller import LEFT_OUT

_PLUGINS = [collect_entry_point(group) for group in (COMMANDS, ENCODERS, IMPORTERS, RERANKERS)]

hiddenimports = [
    # an app imports the integrations that it uses
    *collect_submodules("retrieval", filter=lambda name: not name.startswith("retrieval.integrations")),
    *(module for _, modules in _PLUGINS for module in modules),
]
excludedimports = LEFT_OUT
datas = [
    *collect_data_files("retrieval"),
    *collect_data_files("retrieval.search.rerank", include_py_files=True),  # their entries are read from the source
    *copy_metadata("recall-photos"),
    *(file for files, _ in _PLUGINS for file in files),
]
