"""Libraries on a server that tests search there: how large they are, and what makes them so."""

COUNT = 1501
"""Items."""

LITTLE = 1000
"""Bytes of memory that no index in memory fits into."""
