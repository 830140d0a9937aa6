"""Errors that come from what a row holds."""

from __future__ import annotations


def is_of_a_row(error: BaseException) -> bool:
    """Return whether an error arose where SQLAlchemy, `json` or `enum` reads a stored value, which must be damaged."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    module = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] in ("sqlalchemy", "json", "enum")
