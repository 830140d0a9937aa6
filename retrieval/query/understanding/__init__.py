"""Understanding: dates, places, cameras and negations among the words of a query, and what a search makes of them.

tokens.py      the words of a text, each with what stands next to it
dates.py       dates in a text -> phrases
date_spans.py  the time spans of seasons, holidays, months and periods
places.py      places of the library in a text -> phrases
cameras.py     cameras of the library in a text -> phrases
negation.py    "without people" -> what no result may show
understand.py  Query -> Query
understood.py  what was understood, for people and programs

Nothing is guessed that the library has no photos for: then the words stay words.
"""
