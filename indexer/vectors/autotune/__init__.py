"""Choice of an index: candidates are measured on the library's own vectors."""
