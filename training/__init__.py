"""Trainers of the encoder and constants that ship with Recall. Not part of the wheel."""
