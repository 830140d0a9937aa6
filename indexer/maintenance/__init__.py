"""Maintenance of a library: check and repair, forget, optimize, status and the change of encoder.

Call `check.check`, `check.repair`, `forget.forget`, the functions of `optimize`, `status.read_status` and `reencode`.
"""
