"""Filters on metadata: expressions that compile to SQL conditions.

Call `expression.Filter` to build one, `expression.combine_filters` and `expression.where_conditions` to use it in a
statement, and `matching` to find the embeddings that pass.
"""
