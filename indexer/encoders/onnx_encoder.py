"""The CPU door: an encoder's two towers as ONNX graphs in ONNX Runtime, without torch."""

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

from indexer.config import cpu_count
from indexer.encoders.base import to_unit_length
from indexer.encoders.names import Precision
from indexer.errors import EncoderError
from indexer.types import Pixels, Preprocess, Vectors

if TYPE_CHECKING:
    from indexer.encoders.tokenizer import Tokenizer

onnxruntime.set_default_logger_severity(3)  # errors only: it warns of hardware that it looked for in vain

DESCRIPTION = "encoder.json"
"""What the folder of graphs says about itself; see `Description`."""

FORMAT = 1

BATCH = 16
"""Pictures per call: 8 to 16 are the fastest on compact and ViT-B-32 (two cores), more only costs memory.

Calls of as many have a session of their own, with the weights laid out for them: that takes ViT-B-32's pictures 1.7 s
and makes each a little faster. A query would wait for it in vain."""

BROKEN: tuple[type[Exception], ...] = (
    states.Fail,
    states.InvalidArgument,
    states.InvalidGraph,
    states.InvalidProtobuf,
    states.NoSuchFile,
    states.NotFound,
    states.NotImplemented,
    states.RuntimeException,
)
"""What ONNX Runtime raises over a graph or its weights that it cannot use; they share no base of their own."""

Tower = Literal["image", "text"]


class BrokenExportError(EncoderError):
    """A folder of graphs is incomplete or damaged: whoever exported it can make it anew."""


@dataclass(frozen=True, slots=True)
class Description:
    """What `encoder.json` says.

    Attributes:
        fingerprint: In float32 that of the torch encoder which was exported: vectors of both may meet.
        dim: Length of a vector.
        precision: What the graphs compute their matrix products in.
        preprocess: How pictures are prepared; scaling, mean and standard deviation are inside the graph.
        tokenizer: What `indexer.encoders.tokenizer.load_tokenizer` reads.
        cut_padding: Whether the text tower gives the same for a text without its padding.
    """

    fingerprint: str
    dim: int
    precision: Precision
    preprocess: Preprocess
    tokenizer: dict[str, Any]
    cut_padding: bool

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Return what the folder's `encoder.json` says.

        Raises:
            BrokenExportError: It is absent, damaged or of another format.
        """
        try:
            content = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            if content.pop("format") != FORMAT:
                raise _broken(folder / DESCRIPTION, f"it has another format than {FORMAT}")
            preprocess = content.pop("preprocess")
            preprocess |= {name: tuple(map(float, preprocess[name])) for name in ("mean", "std")}
            return cls(preprocess=Preprocess(**preprocess), **content)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise _broken(folder / DESCRIPTION, repr(error)) from error


class OnnxEncoder:
    """Two towers in ONNX Runtime, each opened when it is first used; safe to use from several threads."""

    def __init__(self, folder: Path, *, name: str, batch_size: int | None = None) -> None:
        """Read the folder's description; the graphs `image.onnx` and `text.onnx` are opened later.

        Raises:
            BrokenExportError: The description or a graph is absent, or the description is damaged. A damaged graph
                raises it from the first call that needs it.
        """
        self._folder = folder
        self._name = name
        self._batch_size = batch_size or BATCH
        self._described = Description.read(folder)
        for tower in ("image", "text"):
            if not (folder / f"{tower}.onnx").is_file():
                raise _broken(folder / f"{tower}.onnx", "it is missing")
        self._lock = Lock()
        self._sessions: dict[tuple[Tower, bool], onnxruntime.InferenceSession] = {}  # for few, and for many
        self._tokenizer: Tokenizer | None = None

    @property
    def name(self) -> str:
        """The name that `load_encoder` knows it by, with its precision."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """Hex digest over architecture, weights, preprocessing, tokenizer and, other than float32, precision."""
        return self._described.fingerprint

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return self._described.dim

    @property
    def device(self) -> str:
        """Where it runs."""
        return "cpu"

    @property
    def batch_size(self) -> int:
        """Pictures per call."""
        return self._batch_size

    @property
    def preprocess(self) -> Preprocess:
        """How pictures are prepared."""
        return self._described.preprocess

    def encode_images(self, pixels: Pixels) -> Vectors:
        """Return one unit vector per picture, shape (n, dim); see `Encoder.encode_images`."""
        return self._encode_images(pixels, many=len(pixels) >= BATCH)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per text, shape (n, dim); see `Encoder.encode_texts`."""
        return self._encode_texts(texts, many=len(texts) >= BATCH)

    def fits(self, texts: Sequence[str]) -> list[bool]:
        """Return for each text whether it is read to its end; see `Encoder.fits`."""
        return self._loaded_tokenizer().fits(texts)

    def _encode_images(self, pixels: Pixels, *, many: bool) -> Vectors:
        return self._encode("image", "pixels", pixels, many=many)

    def _encode_texts(self, texts: Sequence[str], *, many: bool) -> Vectors:
        return self._encode("text", "tokens", self._tokens(texts), many=many)

    def _encode(self, tower: Tower, taken: str, rows: Pixels | NDArray[np.int64], *, many: bool) -> Vectors:
        """Return the tower's vectors for the rows, unit length, a batch at a time."""
        found = [np.empty((0, self.dim), dtype=np.float32)]
        for start in range(0, len(rows), self._batch_size):
            batch = np.ascontiguousarray(rows[start : start + self._batch_size])
            found.extend(self._session(tower, many=many).run(["vectors"], {taken: batch}))
        return to_unit_length(np.concatenate(found))

    def _tokens(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """Return the texts' token ids, shape (n, t); t is the longest text's where padding may be cut."""
        if not texts:  # a query of pictures alone: it needs no tokenizer
            return np.empty((0, 1), dtype=np.int64)
        tokens = self._loaded_tokenizer()(texts)  # (n, context)
        if self._described.cut_padding:
            used = (tokens != self._described.tokenizer.get("pad_id", 0)).any(axis=0)  # a text ends with its end token
            tokens = tokens[:, : int(np.flatnonzero(used)[-1]) + 1]
        return tokens

    def _loaded_tokenizer(self) -> Tokenizer:
        with self._lock:
            if self._tokenizer is None:
                from indexer.encoders.tokenizer import load_tokenizer  # late: pictures need no tokenizer

                self._tokenizer = load_tokenizer(self._described.tokenizer, self._folder)
            return self._tokenizer

    def _session(self, tower: Tower, *, many: bool) -> onnxruntime.InferenceSession:
        """Return the tower's session for few rows or for many, opened at its first use.

        Raises:
            BrokenExportError: The graph or its weights are damaged.
        """
        with self._lock:
            if (tower, many) not in self._sessions:
                self._sessions[tower, many] = _open(self._folder / f"{tower}.onnx", many=many)
            return self._sessions[tower, many]


def _open(graph: Path, *, many: bool) -> onnxruntime.InferenceSession:
    """Return a session over the graph, on all cores that this process may use."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cpu_count()
    # waiting threads sleep: spinning would take the cores from the decoders (43 against 61 CPU ms an image)
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if not many:
        options.add_session_config_entry("session.disable_prepacking", "1")  # see BATCH
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except BROKEN as error:
        raise _broken(graph, str(error).splitlines()[0]) from error


def _broken(file: Path, reason: str) -> BrokenExportError:
    return BrokenExportError(
        f"{file} cannot be used ({reason}); if it came with Recall, install that again, else remove {file.parent}: "
        "the encoder is then exported anew"
    )
