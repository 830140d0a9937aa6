"""What an app opens: sync, search, judge, tune, look after a library, all on one object."""

from __future__ import annotations

from retrieval.library.encoders import Encoders
from retrieval.library.feedback import Judging
from retrieval.library.maintenance import Keeping
from retrieval.library.private_words import Vocabulary
from retrieval.library.search import Finding
from retrieval.library.tuning import Tuning

__all__ = ["Library"]


class Library(Finding, Judging, Tuning, Vocabulary, Keeping, Encoders):
    """A folder `NAME.recall` that knows what is to be seen in photos, which stay where they are.

    Use it in a `with` statement. One process at a time may write (`sync`, `judge`, `tune`, `learn`, `use_encoder`,
    `forget`, `import_`, `check` with repair); any number may search meanwhile, and searches may run in several threads.
    """
