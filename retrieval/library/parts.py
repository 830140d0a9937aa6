"""Embedding without a library, into parts that libraries import."""

from __future__ import annotations

import os
from collections.abc import Sequence

from indexer.config import DEFAULT_ENCODER, Settings
from indexer.distributed.embed import embed_parts as embed_source
from indexer.distributed.part_list import Share
from indexer.distributed.report import PartsReport
from indexer.encoders import check_name, load_encoder
from indexer.encoders.base import Encoder
from indexer.encoders.full_encoder import full_encoder
from indexer.encoders.names import Precision, in_precision
from indexer.encoders.trust import check_trust
from indexer.errors import ConfigError
from indexer.store.library_encoder import absolute_encoder_name
from indexer.types import ProgressCallback


def embed_parts(
    source: str | os.PathLike[str],
    into: str | os.PathLike[str],
    *,
    encoder: str | Encoder | None = None,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
    part: tuple[int, int] | None = None,
    ray: str | None = None,
    config: bool = True,
    device: str | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    threads: int | None = None,
    max_pixels: int | None = None,
    max_bytes: int | None = None,
    timeout: float | None = None,
    progress: ProgressCallback | None = None,
) -> PartsReport:
    """Embed the photos and texts of a folder without a library, and return a report.

    The result is divided into parts of 128 files or a few more, each a whole small export in Parquet, which
    `Library.import_` reads, all at once or some. Parts that are complete already are passed over, so a run that was
    stopped continues where it left off, and several machines may share the work. A file that cannot be read costs one
    item, which is recorded with the reason. Tables are left out.

    Args:
        source: A folder, or one file.
        into: A folder for the parts.
        encoder: Name of an encoder, or an encoder object; None takes the variable RECALL_ENCODER or "compact".
        exclude: Patterns such as "*.png" or "2019/*" for names, and for paths below the folder, to leave out.
        include_hidden: Whether to include names that begin with a dot.
        part: The share of this machine: (7, 64) makes every 64th part, beginning with the seventh. None makes all.
        ray: Address of a Ray cluster whose machines make the parts: "HOST:PORT" of its head, or "auto" for the one of
            this machine. Each needs Recall, the encoder, the source at the same path, and access to `into`.
        config: Whether the environment and the user's settings file count, as in `Library.open`.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps"; by default "auto".
        batch_size: Pictures per call of the encoder; by default what suits the device.
        workers: Processes that decode pictures; by default one per processor.
        threads: Threads of the encoder on the CPU; by default one per processor.
        max_pixels: Pictures with more pixels are refused; by default 200,000,000.
        max_bytes: Files with more bytes are refused; by default 536,870,912.
        timeout: Seconds after which the decoding of one picture is given up; by default 60.
        progress: Called with the progress.

    Raises:
        SourceError: The source does not exist, cannot be read or is a table.
        NoPhotosError: The source has no photos and no texts.
        ConfigError: An argument has a value that cannot be used.
        EncoderMismatchError: `into` has parts of another encoder.
        TransferError: `into` has parts of another source.
        StorageError: `into` cannot be read or written; complete parts are kept.
        MissingPackageError: pyarrow, or for a cluster Ray, is not installed.
    """
    settings = Settings.load(
        config=config,
        device=device,
        batch_size=batch_size,
        workers=workers,
        threads=threads,
        max_pixels=max_pixels,
        max_bytes=max_bytes,
        timeout=timeout,
    )
    return embed_with_settings(
        source,
        into,
        settings,
        encoder=encoder,
        exclude=exclude,
        include_hidden=include_hidden,
        part=part,
        ray=ray,
        progress=progress,
    )


def embed_with_settings(
    source: str | os.PathLike[str],
    into: str | os.PathLike[str],
    settings: Settings,
    *,
    encoder: str | Encoder | None = None,
    precision: Precision | None = None,
    exclude: Sequence[str] = (),
    include_hidden: bool = False,
    part: tuple[int, int] | None = None,
    ray: str | None = None,
    progress: ProgressCallback | None = None,
) -> PartsReport:
    """Embed a source as `embed_parts` does, with settings that were read already."""
    share = _share(part)
    if ray is not None and encoder is not None and not isinstance(encoder, str):
        raise ConfigError("ray is given with an encoder object, which other machines do not have; give its name")
    with settings.active():
        return embed_source(
            source,
            into,
            encoder=_loaded(encoder, precision, settings),
            settings=settings,
            exclude=[pattern.rstrip("/") for pattern in exclude if pattern.rstrip("/")],
            include_hidden=include_hidden,
            share=share,
            ray=ray,
            progress=progress,
        )


def _share(part: tuple[int, int] | None) -> Share:
    """Return a share.

    Raises:
        ConfigError: Its number is not one of those.
    """
    number, of = part or (1, 1)
    if not 1 <= number <= of:
        raise ConfigError(f"part is {number}/{of}; expected a number from 1 to the number of machines, such as 7/64")
    return Share(number, of)


def _loaded(encoder: str | Encoder | None, precision: Precision | None, settings: Settings) -> Encoder:
    """Return the encoder, loaded; one that the user names is trusted from now on."""
    if encoder is not None and not isinstance(encoder, str):
        return full_encoder(encoder)
    name = encoder or settings.encoder or DEFAULT_ENCODER
    check_name(name)
    name = absolute_encoder_name(name if precision is None else in_precision(name, precision))
    check_trust(name, is_trusted=True)
    return load_encoder(name, device=settings.device, batch_size=settings.batch_size)
