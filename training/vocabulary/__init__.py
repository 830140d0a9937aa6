"""Makes what Recall ships to tell words that the encoder `compact` does not know, and to suggest others.

`python -m training.vocabulary` writes the three files in `retrieval/query/vocabulary/`.
"""
