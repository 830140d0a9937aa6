"""Search: candidates, probabilities, reranking and hits."""
