"""The catalog: a library's SQL database, the only source of truth, embeddings included."""
