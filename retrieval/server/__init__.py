"""Serves libraries through HTTP: the gallery in a browser, and an API for other programs.

    Options           what the server allows, and to whom
    open_libraries    libraries under the names that addresses have
    make_app          the application of these libraries
    serve             answers requests until Ctrl-C

Needs the extra `server`. Endpoints are plain functions that call `Library`; they run in threads, so that no encoder,
index, catalog or file is used on the event loop. `routers/` has them, one file per noun; `guard.py` decides who may
call them.
"""

from __future__ import annotations

from retrieval.server.app import make_app
from retrieval.server.libraries import Served, open_libraries
from retrieval.server.options import Options
from retrieval.server.run import serve

__all__ = ["Options", "Served", "make_app", "open_libraries", "serve"]
