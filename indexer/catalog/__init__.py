"""The catalog: a library's SQL database, the only source of truth, embeddings included.

Other packages call `engine`, `migrate`, `locking`, `vacuum`, the filters of `filters.expression` and the functions in
`statements`; all SQL is written here.
"""
