"""The folder layout of clip-retrieval, read and written."""
