"""A catalog in a schema of a PostgreSQL database.

`database` is what a store opens; the other modules are its parts, and have the names of those in `catalog.sqlite`.
Nothing imports this package before a URL is opened.
"""
