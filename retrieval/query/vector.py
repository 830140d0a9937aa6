"""A vector of the library's encoder as a part of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from indexer.errors import QueryError

if TYPE_CHECKING:  # a command's --help needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

    from indexer.types import Vectors

VectorLike = Union["NDArray[Any]", Sequence[float]]
"""One vector: an array of one dimension, or a list of numbers."""


@dataclass(frozen=True, slots=True, init=False)
class QueryVector:
    """A vector of the library's encoder, which is searched for as it is; vectors with equal numbers are equal.

    Attributes:
        data: Its numbers at unit length, as little-endian float32.
    """

    data: bytes

    def __init__(self, vector: VectorLike) -> None:
        """Copy a vector, scaled to unit length.

        Args:
            vector: Shape (d,), of any length above 0.

        Raises:
            QueryError: It has another number of dimensions, is zero, or holds something other than finite numbers.
        """
        import numpy as np  # late, see above

        values = _numbers(vector)
        largest = np.abs(values).max(initial=0.0)
        if not np.isfinite(largest) or largest == 0:
            raise QueryError("the query vector is zero, or has numbers that are not finite (NaN, infinity)")
        scaled = values / largest  # the squares of very large and very small numbers are no numbers
        object.__setattr__(self, "data", (scaled / np.linalg.norm(scaled)).astype("<f4").tobytes())

    @property
    def array(self) -> Vectors:
        """The vector, shape (d,), float32, unit length; it cannot be changed."""
        import numpy as np  # late, see above

        return np.frombuffer(self.data, dtype="<f4")

    def __len__(self) -> int:
        return len(self.data) // 4

    def __repr__(self) -> str:
        return f"QueryVector({len(self)} numbers)"


def is_vector(query: object) -> bool:
    """Return whether a query is meant as a vector: an array, also of another library, or a list of numbers."""
    return isinstance(query, list | tuple) or hasattr(query, "__array__")


def _numbers(vector: object) -> NDArray[np.float64]:
    """Return a vector as float64, shape (d,).

    Raises:
        QueryError: It is no vector.
    """
    import numpy as np  # late, see above

    try:
        values = np.asarray(vector)
    except (TypeError, ValueError) as error:
        raise QueryError(f"the query is no vector ({error}); expected an array of one dimension") from error
    if values.dtype.kind not in "fiu" or values.ndim != 1:
        raise QueryError(
            f"the query is an array of shape {values.shape} and type {values.dtype}; expected a vector of shape (d,), "
            "float32; search_many takes several"
        )
    return values.astype(np.float64)
