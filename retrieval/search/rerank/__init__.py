"""Rerankers: put the candidates of a search into another order, or into groups, by name or as an app's own objects.

protocol.py           Reranker, Ranking, Step and Context: all that a reranker of your own needs
registry.py           finds rerankers and makes them by name: "mmr:0.7"
plugins.py            the rerankers of installed packages
chain.py              applies several rerankers in turn
blend.py, bursts.py, exact.py, mmr.py, second_encoder.py
                      one reranker each
normalize.py          brings scores of different encoders to one scale
extra_embeddings.py   embeddings of a second encoder, stored in the catalog

Every module here with an `ENTRY` and a function `make` is a reranker; nothing else has to be changed to add one. From
outside use `protocol`, `registry` and `chain`. Importing this package loads nothing.
"""
