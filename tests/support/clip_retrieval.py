"""Files in clip-retrieval's format, written as its writer.py writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

RED, LIME, BLUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]


def write_part(
    folder: Path,
    paths: Sequence[object],
    images: Sequence[Sequence[float]],
    *,
    number: str = "0",
    captions: Sequence[str | None] | None = None,
    texts: Sequence[Sequence[float]] | None = None,
    kind: str = "float16",
) -> Path:
    """Write one part: vectors with np.save, metadata with pandas and with the columns that img2dataset adds."""
    for name in ("img_emb", "text_emb", "metadata"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    np.save(folder / "img_emb" / f"img_emb_{number}.npy", np.array(images, kind))
    columns: dict[str, object] = {"image_path": list(paths)}
    if texts is not None:
        np.save(folder / "text_emb" / f"text_emb_{number}.npy", np.array(texts, kind))
    if captions is not None:
        columns["caption"] = list(captions)
    frame = pd.DataFrame(columns).assign(NSFW="UNLIKELY", similarity=0.3, width=640)
    frame.to_parquet(folder / "metadata" / f"metadata_{number}.parquet")
    return folder
