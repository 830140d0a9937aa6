"""Search on GPUs, with the results of an exact index.

From outside use `index.GpuIndex`, and `select.backend_for` to make its backend.
"""
