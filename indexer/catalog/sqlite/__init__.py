"""A catalog in SQLite: the file `catalog.db` in a library's folder.

`database` is what a store opens; the other modules are its parts, and have the names of those in `catalog.postgresql`.
"""
