"""Low-rank updates (LoRA) of both towers of any open_clip model, trained on judgements.

To be called from outside: `tune_lora.tune_lora`, behind the gate, and `train_lora.train_lora`, one training without it.
"""
