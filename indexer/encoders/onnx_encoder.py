"""Encoding on the CPU: the adapter module for ONNX Runtime, which runs the towers as ONNX graphs without torch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as states

from indexer.config import active_settings, cpu_count
from indexer.encoders.base import to_unit_length
from indexer.encoders.full_encoder import FullEncoder
from indexer.encoders.names import Precision
from indexer.errors import EncoderError
from indexer.forking import ForkSafe, keep_for_parent, watch_forks
from indexer.types import Pixels, Preprocess, Vectors, require_list, require_pixels

if TYPE_CHECKING:
    from indexer.encoders.tokenizer import Tokenizer

onnxruntime.set_default_logger_severity(3)  # errors only: its warnings are about missing hardware

DESCRIPTION_FILE = "encoder.json"
"""Description of the graphs in their folder; see `ExportDescription`."""

FORMAT = 1
"""Version of the description."""

BATCH_SIZE = 16
"""Pictures per call: 8 to 16 are fastest for compact and ViT-B-32 (two cores); larger batches only take memory.

Calls of at least this size have a session of their own, in which the weights are rearranged (prepacked). That takes
1.7 s for the pictures of ViT-B-32 and makes each a little faster. A single query would not be worth the wait.
"""

_GRAPH_ERRORS: tuple[type[Exception], ...] = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NoSuchFile,
    states.NotFound,
    states.NotImplemented,
    states.RuntimeException,
)
"""What ONNX Runtime raises for a graph or weights that it cannot use; these have no base class of their own."""

Tower = Literal["image", "text"]


class BrokenExportError(EncoderError):
    """Raised when a folder of graphs is incomplete or damaged; the encoder can be exported again."""


@dataclass(frozen=True, slots=True)
class ExportDescription:
    """Content of `encoder.json`.

    Attributes:
        fingerprint: In float32 that of the exported torch encoder, so that their embeddings may be mixed.
        dim: Length of a vector.
        precision: Precision of the matrix products in the graphs.
        preprocess: Preprocessing of the pictures. Mean and standard deviation are applied in the graph.
        tokenizer: Description for `indexer.encoders.tokenizer.load_tokenizer`.
        cut_padding: Whether the text tower gives the same vector for a text without its padding.
    """

    fingerprint: str
    dim: int
    precision: Precision
    preprocess: Preprocess
    tokenizer: dict[str, Any]
    cut_padding: bool

    @classmethod
    def read(cls, folder: Path) -> ExportDescription:
        """Return the content of `encoder.json` in a folder.

        Raises:
            BrokenExportError: The file is missing, damaged or of another format.
        """
        try:
            content = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise _broken(folder / DESCRIPTION_FILE, f"its format is not {FORMAT}")
            preprocess = content.pop("preprocess")
            preprocess |= {name: tuple(map(float, preprocess[name])) for name in ("mean", "std")}
            return cls(preprocess=Preprocess(**preprocess), **content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _broken(folder / DESCRIPTION_FILE, repr(error)) from error


class OnnxEncoder(FullEncoder, ForkSafe):
    """An `Encoder` with both towers in ONNX Runtime, each opened at first use; several threads may use it."""

    def __init__(self, folder: Path, *, name: str, batch_size: int | None = None) -> None:
        """Read a folder's description; the graphs `image.onnx` and `text.onnx` are opened later.

        Raises:
            BrokenExportError: The description is missing or damaged, or a graph is missing. A damaged graph raises it
                in the first call that needs it.
        """
        self._folder = folder
        self._name = name
        self._batch_size = batch_size or BATCH_SIZE
        settings = active_settings()
        self._threads = (settings.threads if settings else None) or cpu_count()
        self._description = ExportDescription.read(folder)
        for tower in ("image", "text"):
            if not (folder / f"{tower}.onnx").is_file():
                raise _broken(folder / f"{tower}.onnx", "it is missing")
        self._lock = Lock()
        self._sessions: dict[tuple[Tower, bool], onnxruntime.InferenceSession] = {}  # by tower, and whether prepacked
        self._tokenizer: Tokenizer | None = None
        watch_forks(self)

    def after_fork_in_child(self) -> None:
        """Have no session: its threads exist in the parent only, and ending it would wait for them."""
        keep_for_parent(self._sessions)
        self._sessions, self._lock = {}, Lock()

    @property
    def name(self) -> str:
        """Name for `load_encoder`, with its precision."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hex digest over architecture, weights, preprocessing, tokenizer and, if not float32, precision."""
        return self._description.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._description.dim

    @property
    def device(self) -> str:
        """Device that it runs on."""
        return "cpu"

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._batch_size

    @property
    def preprocess(self) -> Preprocess:
        """Preprocessing of the pictures."""
        return self._description.preprocess

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim); see `Encoder.encode_images`."""
        require_pixels(pixels)
        return self._encode_images(pixels, prepacked=len(pixels) >= BATCH_SIZE)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        require_list(texts, "texts")
        return self._encode_texts(texts, prepacked=len(texts) >= BATCH_SIZE)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is encoded without truncation; see `Encoder.fits`."""
        require_list(texts, "texts")
        return self._load_tokenizer().fits(texts)

    def _encode_images(self, pixels: Pixels, *, prepacked: bool) -> Vectors:
        return self._encode("image", "pixels", pixels, prepacked=prepacked)

    def _encode_texts(self, texts: Sequence[str], *, prepacked: bool) -> Vectors:
        return self._encode("text", "tokens", self._tokens(texts), prepacked=prepacked)

    def _encode(self, tower: Tower, input_name: str, rows: Pixels | NDArray[np.int64], *, prepacked: bool) -> Vectors:
        """Return a tower's vectors for the rows, unit length, computed batch by batch."""
        outputs = [np.empty((0, self.dim), dtype=np.float32)]
        for start in range(0, len(rows), self._batch_size):
            batch = np.ascontiguousarray(rows[start : start + self._batch_size])
            outputs.extend(self._session(tower, prepacked=prepacked).run(["vectors"], {input_name: batch}))
        return to_unit_length(np.concatenate(outputs))

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the texts' token ids, shape (n, t); t is the length of the longest text if padding may be cut."""
        if not texts:  # a query of pictures alone needs no tokenizer
            return np.empty((0, 1), dtype=np.int64)
        tokens = self._load_tokenizer()(texts)  # (n, context)
        if self._description.cut_padding:
            pad_id = self._description.tokenizer.get("pad_id", 0)
            is_used = (tokens != pad_id).any(axis=0)  # every text ends with its end token
            tokens = tokens[:, : int(np.flatnonzero(is_used)[-1]) + 1]
        return tokens

    def _load_tokenizer(self) -> Tokenizer:
        with self._lock:
            if self._tokenizer is None:
                from indexer.encoders.tokenizer import load_tokenizer  # late: pictures need no tokenizer

                self._tokenizer = load_tokenizer(self._description.tokenizer, self._folder)
            return self._tokenizer

    def _session(self, tower: Tower, *, prepacked: bool) -> onnxruntime.InferenceSession:
        """Return a tower's session, opened at first use; for what `prepacked` means see `BATCH_SIZE`.

        Raises:
            BrokenExportError: The graph or its weights are damaged.
        """
        with self._lock:
            if (tower, prepacked) not in self._sessions:
                self._sessions[tower, prepacked] = _open_session(
                    self._folder / f"{tower}.onnx", prepacked=prepacked, threads=self._threads
                )
            return self._sessions[tower, prepacked]


def _open_session(graph: Path, *, prepacked: bool, threads: int) -> onnxruntime.InferenceSession:
    """Return a session for a graph, which computes in this many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # waiting threads sleep: spinning would take time from the decoder processes (43 against 61 CPU ms per picture)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not prepacked:
        options.add_session_config_entry("session.disable_prepacking", "1")
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except _GRAPH_ERRORS as error:
        raise _broken(graph, str(error).splitlines()[0]) from error


def _broken(file: Path, reason: str) -> BrokenExportError:
    return BrokenExportError(
        f"{file} cannot be used ({reason}); if it came with Recall, install Recall again, else delete {file.parent}: "
        "the encoder is then exported again"
    )
