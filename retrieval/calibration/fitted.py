"""The constants of the match probabilities, as `python -m training.calibration` prints them.

They were fitted for `compact` on both halves of the photos and of the queries. What the manual reports was measured on
one half with constants that were fitted on the other.
"""

from __future__ import annotations

from indexer.types import Modality
from retrieval.calibration.probability import Constants, Form, ModelKey

CALIBRATED = frozenset(
    ("3b4ddf4212994f57b3a40262abf4abb5e8d5ae87", "189088619ef07d5270ff03be38f24c44ca9697dc")  # compact, compact+int8
)
"""Fingerprints of the encoders that the constants were fitted for, without an adapter."""

FITTED = {
    ModelKey(Form.WORDS, Modality.PHOTO): Constants(
        -2.742, 14.72, 0, -2.217, 0.7317, -0.377, -1.901, -10.34, 11.44, 0.908, 0.9488, 0.2413
    ),
    ModelKey(Form.PICTURE, Modality.PHOTO): Constants(-4.855, 12.31, 0, 0, 0, 0, 0, -7.343, -20.96, 0, 1, 0),
    ModelKey(Form.MIXED, Modality.PHOTO): Constants(-6.879, 15.17, 0, 0, 0, 0, 0, -8.801, -12.9, 0, 1, 0),
    ModelKey(Form.WORDS, Modality.TEXT): Constants(
        -10.07, 6.104, 12.89, 1.574, -0.1285, -0.003508, -0.5978, 3.816, -5.497, 0, 1, 0
    ),
    ModelKey(Form.PICTURE, Modality.TEXT): Constants(-8.891, 18.75, 0, 0, 0, 0, 0, 5.181, -16.42, 0, 1, 0),
    ModelKey(Form.MIXED, Modality.TEXT): Constants(-11.81, 9.968, 13.31, 0, 0, 0, 0, 6.575, 2.493, 0, 1, 0),
}

DISPERSION = 0.85
"""Standard deviation of the logarithm of true by expected numbers of matches, over the nouns."""

MERGE_SHIFTS = {Form.WORDS: -3.0, Form.PICTURE: -3.0, Form.MIXED: -3.0}
"""Added to the log-odds of photos when photos and texts are merged into one list."""
