"""The query adapter: a small transform trained on judgements."""
