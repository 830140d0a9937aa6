"""Maintenance of a library: check, forget, optimize, status and the change of encoder."""
