"""What an app opens: sync, search, look after a library, all on one object."""

from __future__ import annotations

from retrieval.library.encoders import Encoders
from retrieval.library.finding import Finding
from retrieval.library.keeping import Keeping

__all__ = ["Library"]


class Library(Finding, Keeping, Encoders):
    """A folder `NAME.recall` that knows what is to be seen in photos, which stay where they are.

    Use it in a `with` statement. One process at a time may write (`sync`, `forget`, `import_`, `check` with repair);
    any number may search meanwhile, and searches may run in several threads.
    """
