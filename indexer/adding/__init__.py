"""Adds items without files to a library, changes and deletes them; the functions below are its interface.

Each batch is one transaction. Pictures are decoded in worker processes, and encoded without the write lock.
"""

from __future__ import annotations

from indexer.adding.add import OnConflict, add_items
from indexer.adding.delete import delete_items
from indexer.adding.inputs import NewItem, new_items
from indexer.adding.report import AddFailure, AddReport
from indexer.adding.update import update_items

__all__ = [
    "AddFailure",
    "AddReport",
    "NewItem",
    "OnConflict",
    "add_items",
    "delete_items",
    "new_items",
    "update_items",
]
