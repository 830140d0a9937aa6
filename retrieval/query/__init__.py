"""Queries: their parts, parser, private words, filters and embedding."""
