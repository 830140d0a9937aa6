"""The door to Parquet: tables of the catalog's columns, and of vectors, written and read a piece at a time."""

from __future__ import annotations

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

from indexer.catalog.schema import PathBytes
from indexer.catalog.statements.items import VECTOR_DTYPE
from indexer.errors import TransferError

ROW_GROUP = 10_000
"""Rows that are held until they are written: 10 MB of vectors with 512 dimensions."""

LARGEST = 4 << 30
"""Bytes of one row group, uncompressed as the file declares it, that are read at all."""

TYPES = (
    (PathBytes, pa.binary()),
    (LargeBinary, pa.binary()),
    (JSON, pa.string()),
    (Boolean, pa.bool_()),
    (Integer, pa.int64()),
    (Double, pa.float64()),
    (DateTime, pa.timestamp("us")),
    (String, pa.string()),
)
"""What each of the catalog's types is in Parquet."""

TAGS = pa.list_(pa.string())


class Layout:
    """Which columns a file has: some of the catalog's, lists of words, and vectors."""

    def __init__(
        self, columns: Sequence[Column[Any]], *, lists: Sequence[str] = (), vectors: Mapping[str, int]
    ) -> None:
        """Describe a file.

        Args:
            columns: Columns of a table, which keep their names.
            lists: Names of columns that are lists of strings.
            vectors: Names of columns of float16 vectors, and their dimensions; a row's value is the stored bytes.
        """
        self.columns = {column.name: column for column in columns}
        self.lists = tuple(lists)
        self.vectors = dict(vectors)

    def schema(self) -> pa.Schema:
        """Return the types of all columns."""
        fields = [pa.field(name, type_of(column)) for name, column in self.columns.items()]
        fields += [pa.field(name, TAGS) for name in self.lists]
        return pa.schema(fields + [pa.field(name, pa.list_(pa.float16(), dim)) for name, dim in self.vectors.items()])


def type_of(column: Column[Any]) -> pa.DataType:
    """Return what a column of the catalog is in Parquet."""
    return next(arrow for kind, arrow in TYPES if isinstance(column.type, kind))


class TableWriter:
    """Writes rows into a Parquet file, a row group at a time; use it in a `with` statement."""

    def __init__(self, file: Path, layout: Layout) -> None:
        self._layout = layout
        self._schema = layout.schema()
        words = [name for name in self._schema.names if name not in layout.vectors]  # vectors never repeat
        self._writer = pq.ParquetWriter(file, self._schema, compression="zstd", use_dictionary=words)
        self._held: list[Mapping[str, Any]] = []
        self.rows = 0

    def put(self, row: Mapping[str, Any]) -> None:
        """Add a row."""
        self._held.append(row)
        self.rows += 1
        if len(self._held) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        arrays = [self._array(field) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))
        self._held = []

    def _array(self, field: pa.Field) -> pa.Array:
        values = [row.get(field.name) for row in self._held]
        if field.name in self._layout.vectors:
            return _vector_array(values, self._layout.vectors[field.name])
        if field.name in self._layout.columns:
            values = [_written(self._layout.columns[field.name], value) for value in values]
        return pa.array(values, field.type)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._held:
            self._flush()
        self._writer.close()


def read_rows(file: Path, layout: Layout) -> Iterator[dict[str, Any]]:
    """Yield the rows of a file; catalog columns that may be empty and that the file lacks are None.

    Raises:
        TransferError: The file is no Parquet file, is cut short, or has other columns than the layout.
    """
    with parquet_errors(file), pq.ParquetFile(file) as opened:
        _check_columns(file, opened.schema_arrow, layout)
        _check_size(file, opened)
        lacking = dict.fromkeys(set(layout.columns) - set(opened.schema_arrow.names))
        for batch in opened.iter_batches(batch_size=1000):
            columns = {name: _read(file, layout, name, batch.column(name)) for name in batch.schema.names}
            for values in zip(*columns.values(), strict=True):
                yield lacking | dict(zip(columns, values, strict=True))


def count_rows(file: Path) -> int:
    """Return how many rows a file says it has.

    Raises:
        TransferError: It is no Parquet file, or is cut short.
    """
    with parquet_errors(file), pq.ParquetFile(file) as opened:
        return int(opened.metadata.num_rows)


def column_names(file: Path) -> list[str]:
    """Return the names of a file's columns.

    Raises:
        TransferError: It is no Parquet file, or is cut short.
    """
    with parquet_errors(file), pq.ParquetFile(file) as opened:
        return list(opened.schema_arrow.names)


def read_strings(file: Path, names: Sequence[str]) -> Iterator[tuple[str | None, ...]]:
    """Yield the rows of some columns of text, in a file of whatever other columns.

    Raises:
        TransferError: The file is no Parquet file, is cut short, lacks a column, or has something else in it.
    """
    with parquet_errors(file), pq.ParquetFile(file) as opened:
        _check_size(file, opened)
        for name in names:
            kind = opened.schema_arrow.field(name).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
                raise TransferError(f"column {name!r} of {file} is {kind}; expected text")
        for batch in opened.iter_batches(batch_size=1000, columns=list(names)):
            yield from zip(*(batch.column(name).to_pylist() for name in names), strict=True)


@contextmanager
def parquet_errors(file: Path) -> Iterator[None]:
    """Turn what Parquet's reader says of a file into a TransferError that names the file."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TransferError(f"{file} cannot be read as Parquet ({said}); export or copy it again") from error


def _check_columns(file: Path, schema: pa.Schema, layout: Layout) -> None:
    expected = layout.schema()
    if len(set(schema.names)) != len(schema.names):
        raise TransferError(f"{file} has a column twice; export it again")
    for field in schema:
        if field.name not in expected.names:
            raise TransferError(f"{file} has a column {field.name!r} that this Recall does not know; update Recall")
        if field.type != expected.field(field.name).type:
            raise TransferError(
                f"column {field.name!r} of {file} is {field.type}; expected {expected.field(field.name).type}"
            )
    for name in set(expected.names) - set(schema.names):
        if name not in layout.columns or not layout.columns[name].nullable:
            raise TransferError(f"{file} has no column {name!r}; export it again")


def _check_size(file: Path, opened: pq.ParquetFile) -> None:
    """Refuse a file that cannot be read in bounded memory."""
    for number in range(opened.metadata.num_row_groups):
        size = opened.metadata.row_group(number).total_byte_size
        if not 0 <= size <= LARGEST:
            raise TransferError(f"a row group of {file} has {size:,} bytes; expected at most {LARGEST:,}")


def _vector_array(values: Sequence[bytes | None], dim: int) -> pa.Array:
    empty = bytes(dim * VECTOR_DTYPE.itemsize)
    numbers = np.frombuffer(b"".join(value or empty for value in values), dtype=VECTOR_DTYPE)
    lacking = pa.array([value is None for value in values], pa.bool_())
    return pa.FixedSizeListArray.from_arrays(pa.array(numbers), dim, mask=lacking)


def _written(column: Column[Any], value: Any) -> Any:
    """Return a value of the catalog as Parquet holds it."""
    if value is None:
        return None
    if isinstance(column.type, PathBytes):
        return os.fsencode(value)
    return json.dumps(value) if isinstance(column.type, JSON) else value


def _read(file: Path, layout: Layout, name: str, array: pa.Array) -> list[Any]:
    """Return the values of a column as the catalog takes them."""
    if name in layout.vectors:
        return _vectors(file, name, array)
    column = layout.columns.get(name)
    if array.null_count and (column is None or not column.nullable):
        raise TransferError(f"column {name!r} of {file} has an empty value; expected one in every row")
    if column is not None and isinstance(column.type, PathBytes):
        return [None if value is None else os.fsdecode(value) for value in array.to_pylist()]
    if column is not None and isinstance(column.type, JSON):
        return [None if value is None else json.loads(value) for value in array.to_pylist()]
    return list(array.to_pylist())


def _vectors(file: Path, name: str, array: pa.FixedSizeListArray) -> list[bytes | None]:
    """Return the stored bytes of each vector, None where there is none."""
    there = array.is_valid().to_numpy(zero_copy_only=False)
    flat = array.flatten()  # without those that are not there
    if flat.null_count:
        raise TransferError(f"a vector in column {name!r} of {file} has an empty number; export it again")
    rows = np.asarray(flat).reshape(-1, array.type.list_size)  # (m, dim)
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    if not (np.abs(lengths - 1) < 1e-2).all():  # NaN and infinity fail this too
        raise TransferError(f"column {name!r} of {file} holds a row that is no unit vector; export it again")
    stored = iter(rows.astype(VECTOR_DTYPE))
    return [next(stored).tobytes() if is_there else None for is_there in there]
