"""Writes the generated parts of the manual from the code: tables, reference pages, pictures and example outputs."""
