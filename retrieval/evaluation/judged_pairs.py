"""Measures match probabilities on pairs of photo and caption that people judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from indexer.encoders.base import Encoder
from indexer.errors import EvaluationError
from indexer.types import ProgressCallback
from retrieval.evaluation.caption_retrieval import encode_captions, encode_pictures
from retrieval.evaluation.datasets import CaptionedPicture, locate_picture, read_judgements
from retrieval.evaluation.result import Evaluation


def evaluate_judgements(
    csv_path: Path, encoder: Encoder, *, split: str | None = None, progress: ProgressCallback | None = None
) -> Evaluation:
    """Return how well the match probabilities agree with what people said of photos and captions.

    Args:
        csv_path: Table with the columns image, caption, yes and no: how many people called the caption right for the
            photo, and how many did not. Photos are searched for as `read_captions` does.
        encoder: The encoder.
        split: Only the rows with this value in the column split.
        progress: Called after each batch.

    Raises:
        EvaluationError: The table cannot be used, none of its photos can be read, or the encoder is not calibrated.
    """
    from retrieval.evaluation.calibration import calibration_report, require_calibrated  # late: it loads the database

    require_calibrated(encoder)
    judgements = read_judgements(csv_path, split)
    names = list(dict.fromkeys(judgement.image for judgement in judgements))
    pictures = [CaptionedPicture(locate_picture(csv_path.parent, name), (name,)) for name in names]
    failures: list[tuple[str, str]] = []
    readable, images = encode_pictures(pictures, encoder, failures, progress)
    if not readable:
        path, reason = failures[0]
        raise EvaluationError(f"no picture of {csv_path} can be read ({len(names)} tried), first {path}: {reason}")
    columns = {picture.captions[0]: row for row, picture in enumerate(readable)}
    captions = {caption: row for row, caption in enumerate(dict.fromkeys(each.caption for each in judgements))}
    votes = np.zeros((len(captions), len(images), 2))
    for judgement in judgements:
        if judgement.image in columns:
            votes[captions[judgement.caption], columns[judgement.image]] += judgement.yes, judgement.no
    with np.errstate(invalid="ignore"):
        shares = votes[..., 0] / votes.sum(axis=2)  # (t, n), NaN where nobody judged
    vectors = encode_captions(list(captions), encoder, progress)
    about: dict[str, str | int | float] = {"images": len(readable), "captions": len(captions), "encoder": encoder.name}
    return Evaluation(
        system=encoder.name,
        directions={},
        about=about,
        failures=tuple(failures),
        calibration=calibration_report(list(captions), vectors, images, list(shares)),
    )
