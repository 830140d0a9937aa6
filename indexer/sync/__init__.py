"""Sync: walk a source, plan the work, decode, encode and commit it batch by batch."""
