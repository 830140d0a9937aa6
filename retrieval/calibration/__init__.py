"""Match probabilities: how likely a hit is right, and how many right ones there are.

A cosine alone says little: its scale differs between queries, between photos and texts, and between encoders. So
it is compared with the scores that the query has with photos and texts that do not match, and with how common its words
are. A logistic regression, fitted on what people called right, turns that into a probability.

calibrator.py    Calibrator: probabilities and expected numbers for the queries of one library
probability.py   score and facts of a query -> probability
fitted.py        the constants, and the encoders that they belong to
null_scores.py   what the scores of a query are when nothing matches
word_counts.py   how common the words of a query are
expected.py      how many units of a library match
sample.py        a sample of the library
background.py    prompts about other things, which learning and the choice of an index use as general queries
metrics.py       calibration error and AUROC

From outside use `Calibrator`; evaluation and training also use the functions of the other modules. Importing this
package loads none of them.
"""

from __future__ import annotations

THRESHOLD = 0.05
"""Hits with a lower probability are unlikely and hidden by default; the manual has what this finds and loses."""
