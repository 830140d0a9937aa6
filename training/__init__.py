"""Trainers of what ships with Recall: the compact encoder, the constants of match probabilities, the control set.

They run from a checkout and are not part of the wheel. To be run as commands: `python -m training.compact`,
`python -m training.calibration` and `python -m training.control_set`.
"""
