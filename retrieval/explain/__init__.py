"""Explains why a file is or is not among the results of a query.

explain.py         everything about one file and one query
rank.py            rank of a unit among all that are compared with a query
regions.py         scores of the regions of a picture, and their heat map
word_effects.py    effect of each word of the query on the score
missing.py         why a file is not in the library, or not in its present state

From outside call `explain`, `save_heatmap` and `heatmap_png`.
"""

from __future__ import annotations

from retrieval.explain.explain import Explanation, explain
from retrieval.explain.regions import Region, Regions, heatmap_png, save_heatmap
from retrieval.explain.word_effects import WordEffect

__all__ = ["Explanation", "Region", "Regions", "WordEffect", "explain", "heatmap_png", "save_heatmap"]
