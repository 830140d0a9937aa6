"""Match probabilities: how likely a hit is right, and how many right ones there are.

A cosine alone says little. Its scale differs between queries, between photos, between photos and texts and between
encoders. So each score is compared with two others: the scores of the same unit for queries about other things (the
background), and the scores of the same query for other units of the library (a sample). A logistic regression, fitted
on captioned photos, turns the differences into a probability.

calibrator.py    Calibrator: probabilities for the hits of one library
background.py    prompts about other things, and their vectors
sample.py        a sample of the library
evidence.py      how far a score stands out from background and sample
probability.py   evidence -> probability
metrics.py       calibration error and AUROC

From outside use `Calibrator`; evaluation and training also use the functions of the other modules. Importing this
package loads none of them.
"""

from __future__ import annotations

THRESHOLD = 0.02
"""Hits with a lower probability are unlikely and hidden by default; the manual has what this finds and loses."""
