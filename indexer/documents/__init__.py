"""Reads text files and tables, and splits long texts into chunks that an encoder reads to their end.

text_file.read_text(path)       file -> Document: text, format, content hash
table.read_rows(path, columns)  CSV, JSON Lines or Parquet -> rows, one by one
chunking.split_text(text)       text -> chunks that fit the encoder
chunking.truncate_queries       query texts -> as much of each as the encoder reads
"""
