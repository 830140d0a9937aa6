"""Filters: an expression over metadata, compiled to SQL."""
