"""Fits the constants of match probabilities on one half of captioned photos, and measures them on the other half.

To be run as a command: `python -m training.calibration`.
"""
