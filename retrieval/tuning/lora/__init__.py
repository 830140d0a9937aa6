"""Low-rank updates of both towers of any open_clip model, learnt from judgements.

train_lora     judged queries, unjudged photos -> Trained
Trained        the old weights and a change of them: at a share, as an encoder, as a folder
"""

from __future__ import annotations

from retrieval.tuning.lora.data import LoraPlan, PairedQuery
from retrieval.tuning.lora.train import train_lora
from retrieval.tuning.lora.trained import Trained

__all__ = ["LoraPlan", "PairedQuery", "Trained", "train_lora"]
