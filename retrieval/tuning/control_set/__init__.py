"""The control set: general queries with known answers, which training must not make worse.

To be called from outside: `control_set.ControlSet` and the functions that return one.
"""
