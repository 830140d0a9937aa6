"""Search on a GPU, with results that are exact."""
