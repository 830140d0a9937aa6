"""Brings a library up to date with its sources: `library_sync.sync_paths` does it, `report.SyncReport` is its result.

library_sync    all sources, or given paths and the sources inside them
pipeline        one source: scan, plan, catalog updates, encoding
walker          the files of a source, in the byte order of paths
table_rows      the rows of a table
planner         the steps that make the catalog match the source
spool           the steps, on disk
encode_stage    decoding, encoding and commits, batch by batch
"""
