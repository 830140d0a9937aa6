"""Reads and writes the files of clip-retrieval (https://github.com/rom1504/clip-retrieval): embeddings as .npy.

From outside, `indexer.transfer` calls `write_export` of the writer and `open_export` of the reader.
"""
