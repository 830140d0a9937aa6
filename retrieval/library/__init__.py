"""Provides `Library`, the one object that an app opens to index, search, judge, tune and maintain a collection.

base.py            opens and closes a library; holds its store, encoder, settings and calibrator
calls.py           the calls in progress, which end before the files are closed
library.py         the class `Library`: the list of its methods
search.py          search, similar
listing.py         list, count
analysis.py        explain, duplicates, evaluate
feedback.py        judge, show, judgements, and their export and import
private_words.py   learn, words, forget_word
tuning.py          tune, versions, rollback
maintenance.py     sync, optimize, forget, status, failures, check
transfer.py        export, import_
encoders.py        use_encoder, encoders, drop_encoder

A method is a function of one of these modules with the library as its first parameter. It checks its arguments, takes
the write lock where it writes, and calls the rooms below. From outside, only `Library` may be used.
"""

from __future__ import annotations

from retrieval.library.library import Library

__all__ = ["Library"]
