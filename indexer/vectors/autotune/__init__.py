"""Choice of the index: every kind is built from the library's own vectors and measured with its own queries.

From outside call `select.choose`, and the functions of `choice_file`, which keep the choice in a file.
"""
