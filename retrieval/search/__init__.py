"""Search: an encoded query in, hits out.

engine.py             search(): candidates, probabilities, reranking, hits
candidates.py         the items nearest to a query, and Candidates, which holds them
filtered_nearest.py   the units nearest to a query that pass a filter
hybrid.py             full-text search beside vector search, fused by rank
word_evidence.py      words of a query in names and texts, and how much they tell
rank_fusion.py        reciprocal rank fusion
probabilities.py      match probabilities of candidates
rerank/               rerankers
hits.py               Hit and Hits, which a search returns
paging.py             sort orders and pages

From outside use `engine`, `hits`, `paging` and `rerank`. Importing this package loads none of them.
"""
