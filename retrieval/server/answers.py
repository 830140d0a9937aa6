"""Answers as JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


class Json(Response):
    """An answer as JSON; bytes of file names that are not UTF-8 are escapes, as `recall --json` writes them.

    Endpoints return it, so that it is written in their thread and not on the event loop.
    """

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the content as bytes."""
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode("utf-8", "backslashreplace")  # \udc80, which is the escape of JSON too
