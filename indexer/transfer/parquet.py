"""Adapter module for pyarrow: Parquet files of catalog columns and vectors, written and read in pieces."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import JSON, Boolean, Column, DateTime, Double, Integer, LargeBinary, String

from indexer.catalog.column_types import PathBytes
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.errors import TransferError

ROW_GROUP = 10_000
"""Rows that are buffered before they are written: 10 MB of vectors with 512 dimensions."""

ROW_GROUP_BYTES = 32 << 20
"""Bytes of large values that are buffered before they are written."""

MAX_ROW_GROUP_BYTES = 4 << 30
"""Maximum uncompressed size of a row group that is read, as declared in the file."""

MAX_BATCH_BYTES = 256 << 20
"""Size of a column of 1,000 rows, decoded, at most: a file of a few kB can stand for gigabytes."""

_ARROW_TYPES = (
    (PathBytes, pa.binary()),
    (LargeBinary, pa.binary()),
    (JSON, pa.string()),
    (Boolean, pa.bool_()),
    (Integer, pa.int64()),
    (Double, pa.float64()),
    (DateTime, pa.timestamp("us")),
    (String, pa.string()),
)
"""Types of the catalog's columns, and the same types in Parquet."""

_STRING_LIST = pa.list_(pa.string())


class Layout:
    """Columns of a file: some of the catalog's columns, lists of strings, and vectors."""

    def __init__(
        self,
        columns: Sequence[Column[Any]],
        *,
        lists: Sequence[str] = (),
        vectors: Mapping[str, int],
        large: Sequence[str] = (),
    ) -> None:
        """Describe a file.

        Args:
            columns: Columns of a table; they keep their names.
            lists: Names of columns that hold lists of strings.
            vectors: Names of columns of float16 vectors, and their dimensions; a row's value is the stored bytes.
            large: Names of columns whose values may have megabytes; they end a row group before it has all its rows.
        """
        self.columns = {column.name: column for column in columns}
        self.lists = tuple(lists)
        self.vectors = dict(vectors)
        self.large = tuple(large)

    def schema(self) -> pa.Schema:
        """Return the Parquet types of all columns."""
        fields = [pa.field(name, _arrow_type(column)) for name, column in self.columns.items()]
        fields += [pa.field(name, _STRING_LIST) for name in self.lists]
        return pa.schema(fields + [pa.field(name, pa.list_(pa.float16(), dim)) for name, dim in self.vectors.items()])


class TableWriter:
    """Writes rows to a Parquet file, one row group at a time; use it in a `with` statement."""

    def __init__(self, file: Path, layout: Layout, *, row_group: int | None = None) -> None:
        """Open a file.

        Args:
            file: Its path.
            layout: Its columns.
            row_group: Rows that are buffered before they are written; None for `ROW_GROUP`.
        """
        self._layout = layout
        self._row_group = row_group
        self._schema = layout.schema()
        unique = {*layout.vectors, *layout.large}  # values that hardly repeat
        repetitive = [name for name in self._schema.names if name not in unique]
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd", use_dictionary=repetitive)
        self._buffer: list[Mapping[str, Any]] = []
        self._bytes = 0
        self.rows = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self._buffer.append(row)
        self.rows += 1
        self._bytes += sum(_size(row.get(name)) for name in self._layout.large)
        if len(self._buffer) >= (self._row_group or ROW_GROUP) or self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        arrays = [self._array(field) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._buffer, self._bytes = [], 0

    def _array(self, field: pa.Field) -> pa.Array:
        values = [row.get(field.name) for row in self._buffer]
        if field.name in self._layout.vectors:
            return _vector_array(values, self._layout.vectors[field.name])
        if field.name in self._layout.columns:
            values = [_to_parquet(self._layout.columns[field.name], value) for value in values]
        return pa.array(values, field.type)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._buffer:
            self._flush()
        self._writer.close()


def read_rows(
    file: Path, layout: Layout, *, only: Sequence[str] | None = None, batch_size: int = 1000
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file, of which `batch_size` are decoded together; with `only`, some of their columns.

    Nullable catalog columns that the file lacks are None, and lists are empty.

    Raises:
        TransferError: The file is not a Parquet file, is truncated, or has columns that are not in the layout.
    """
    with _parquet_errors(file), pq.ParquetFile(file) as plain:
        _check_columns(file, plain.schema_arrow, layout)
        _check_size(file, plain)
        names = [name for name in layout.columns if name in plain.schema_arrow.names]
    with _parquet_errors(file), pq.ParquetFile(file, read_dictionary=names) as parquet:
        missing: dict[str, Any] = dict.fromkeys(set(layout.columns) - set(parquet.schema_arrow.names))
        missing |= dict.fromkeys(set(layout.lists) - set(parquet.schema_arrow.names), ())
        groups = range(parquet.metadata.num_row_groups)  # one after the other: those of large values have few rows
        pieces = (parquet.iter_batches(batch_size, row_groups=[number], columns=only) for number in groups)
        for batch in itertools.chain.from_iterable(pieces):
            columns = {name: _column_values(file, layout, name, batch.column(name)) for name in batch.schema.names}
            for values in zip(*columns.values(), strict=True):
                yield missing | dict(zip(columns, values, strict=True))


def count_rows(file: Path) -> int:
    """Return the number of rows that a file declares.

    Raises:
        TransferError: The file is not a Parquet file, or is truncated.
    """
    with _parquet_errors(file), pq.ParquetFile(file) as parquet:
        return int(parquet.metadata.num_rows)


def column_names(file: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        TransferError: The file is not a Parquet file, or is truncated.
    """
    with _parquet_errors(file), pq.ParquetFile(file) as parquet:
        return list(parquet.schema_arrow.names)


def read_strings(file: Path, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """Yield the rows of some text columns of a file, whatever other columns it has.

    Raises:
        TransferError: The file is not a Parquet file, is truncated, lacks a column, or a column does not hold text.
    """
    with _parquet_errors(file), pq.ParquetFile(file) as parquet:
        _check_size(file, parquet)
        for name in names:
            kind = parquet.schema_arrow.field(name).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
                raise TransferError(f"column {name!r} of {file} is {kind}; expected text")
    with _parquet_errors(file), pq.ParquetFile(file, read_dictionary=list(names)) as parquet:
        for batch in parquet.iter_batches(batch_size=1000, columns=list(names)):
            yield from zip(*(_decoded(file, name, batch.column(name)) for name in names), strict=True)


@contextmanager
def _parquet_errors(file: Path) -> Iterator[None]:
    """Turn an error of pyarrow's reader into a TransferError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TransferError(f"{file} cannot be read as Parquet ({reason}); export or copy it again") from error


def _arrow_type(column: Column[Any]) -> pa.DataType:
    return next(arrow for kind, arrow in _ARROW_TYPES if isinstance(column.type, kind))


def _check_columns(file: Path, schema: pa.Schema, layout: Layout) -> None:
    expected = layout.schema()
    if len(set(schema.names)) != len(schema.names):
        raise TransferError(f"{file} has two columns of the same name; export it again")
    for field in schema:
        if field.name not in expected.names:
            raise TransferError(f"{file} has a column {field.name!r} that this Recall does not know; update Recall")
        if field.type != expected.field(field.name).type:
            raise TransferError(
                f"column {field.name!r} of {file} is {field.type}; expected {expected.field(field.name).type}"
            )
    for name in set(expected.names) - set(schema.names):
        is_optional = name in layout.lists or (name in layout.columns and layout.columns[name].nullable)
        if not is_optional:
            raise TransferError(f"{file} has no column {name!r}; export it again")


def _check_size(file: Path, parquet: pq.ParquetFile) -> None:
    """Raise if a file cannot be read in bounded memory."""
    for number in range(parquet.metadata.num_row_groups):
        size = parquet.metadata.row_group(number).total_byte_size
        if not 0 <= size <= MAX_ROW_GROUP_BYTES:
            raise TransferError(f"a row group of {file} has {size:,} bytes; expected at most {MAX_ROW_GROUP_BYTES:,}")


def _vector_array(values: Sequence[bytes | None], dim: int) -> pa.Array:
    zeros = bytes(dim * VECTOR_DTYPE.itemsize)
    numbers = np.frombuffer(b"".join(value or zeros for value in values), dtype=VECTOR_DTYPE)
    is_missing = pa.array([value is None for value in values], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers), dim, mask=is_missing)


def _size(value: Any) -> int:
    """Return about how many bytes a large value takes."""
    if value is None:
        return 0
    return len(value) if isinstance(value, str | bytes) else len(json.dumps(value))


def _to_parquet(column: Column[Any], value: Any) -> Any:
    """Return a value of the catalog in the column's Parquet type."""
    if value is None:
        return None
    if isinstance(column.type, PathBytes):
        return os.fsencode(value)
    return json.dumps(value) if isinstance(column.type, JSON) else value


def _column_values(file: Path, layout: Layout, name: str, array: pa.Array) -> list[Any]:
    """Return the values of a Parquet column as the catalog expects them."""
    if name in layout.vectors:
        return _vectors(file, name, array)
    column = layout.columns.get(name)
    if array.null_count and (column is None or not column.nullable):
        raise TransferError(f"column {name!r} of {file} has an empty value; expected one in every row")
    values = _decoded(file, name, array)
    if column is not None and isinstance(column.type, PathBytes):
        return [None if value is None else os.fsdecode(value) for value in values]
    if column is not None and isinstance(column.type, JSON):
        return [None if value is None else json.loads(value) for value in values]
    return values


def _decoded(file: Path, name: str, array: pa.Array) -> list[Any]:
    """Return the values of a column; those of a dictionary are decoded once, and together they have a maximum size."""
    if not isinstance(array, pa.DictionaryArray):
        return list(array.to_pylist())
    distinct = array.dictionary.to_pylist()
    values = [None if index is None else distinct[index] for index in array.indices.to_pylist()]
    size = sum(len(value) for value in values if isinstance(value, str | bytes))
    if size > MAX_BATCH_BYTES:
        raise TransferError(
            f"{len(values):,} rows of column {name!r} of {file} have {size:,} bytes when they are decoded; expected at "
            f"most {MAX_BATCH_BYTES:,}; such an export is not from Recall"
        )
    return values


def _vectors(file: Path, name: str, array: pa.FixedSizeListArray) -> list[bytes | None]:
    """Return the stored bytes of each vector, None where a row has no vector."""
    is_valid = array.is_valid().to_numpy(zero_copy_only=False)
    flat = array.flatten()  # leaves out the missing vectors
    if flat.null_count:
        raise TransferError(f"a vector in column {name!r} of {file} has an empty number; export it again")
    rows = np.asarray(flat).reshape(-1, array.type.list_size)  # (m, dim)
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    if not (np.abs(lengths - 1) < 1e-2).all():  # also false for NaN and infinity
        raise TransferError(f"column {name!r} of {file} has a row that is not a unit vector; export it again")
    stored = iter(rows.astype(VECTOR_DTYPE))
    return [next(stored).tobytes() if valid else None for valid in is_valid]
