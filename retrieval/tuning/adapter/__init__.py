"""The query adapter: a small transform of embeddings, trained on judgements in NumPy.

To be called from outside: `train_adapter.train_adapter` and `train_adapter.query_scores`.
"""
