"""Why a photo or text is in the answer to a query, and why it is not.

explain()          everything about one file and one query
regions.py         which part of the picture carried it
words.py           which words of the query carried it
absence.py         why a file is not in the library
"""

from __future__ import annotations

from retrieval.explain.explain import Explanation, explain
from retrieval.explain.regions import Region, Regions, save_heatmap
from retrieval.explain.word_effects import WordEffect

__all__ = ["Explanation", "Region", "Regions", "WordEffect", "explain", "save_heatmap"]
