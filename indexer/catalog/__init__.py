"""The catalog: a library's SQL database, the only source of truth, embeddings included.

Other packages call `database`, `migrate`, the filters of `filters.expression` and the functions in `statements`; all
SQL is written here. `sqlite` has what is only SQLite's.
"""
