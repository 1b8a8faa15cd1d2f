"""JSON objects kept as text in a column of a table, parsed while its rows are read, in one pass.

The rows come in batches. The texts of a batch are read with the types known so far, and the rows are buffered with the
parsed objects. If later rows widen the types, the earlier ones are converted in the end; if they cannot be converted,
all rows are read again with the types that are known by then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import polars as pl

from journeys.events.batches import iterate_batches
from journeys.sources.reading.json_files import is_readable, read_batch
from journeys.sources.reading.json_rows import (
    assemble_column,
    count_non_objects,
    describe_non_objects,
    join_lines,
    keep_objects,
    simplify_value,
)
from journeys.sources.reading.json_schema import NON_OBJECT, Schema, can_widen, has_values, readable_dtype
from journeys.sources.reading.row_store import SpillBuffer, convert_value

BATCH_ROWS = 25_000
BATCH_BYTES = 16 << 20
TEXT = pl.String()


class ColumnTypes(NamedTuple):
    """The types known for a column: those of its objects' fields, and whether some values are not objects."""

    types: Schema
    has_non_objects: bool

    @property
    def types_with_non_objects(self) -> Schema:
        """The types, including that of the values that are not objects."""
        return {**self.types, NON_OBJECT: TEXT} if self.has_non_objects else self.types

    @property
    def fields(self) -> Schema:
        """The types to read the fields as; none if no object has any value."""
        has_fields = any(has_values(dtype) for dtype in self.types.values())
        types = self.types_with_non_objects if has_fields else {}
        return {name: readable_dtype(dtype) for name, dtype in types.items() if has_values(dtype)}


class _OpenTable(NamedTuple):
    rows: pl.LazyFrame
    buffer: SpillBuffer[int]
    non_objects: Counter[str]


class JsonColumns:
    """Tables that are read one after another, whose columns of JSON objects get one type for all of them."""

    def __init__(self, columns: Collection[str], types: Mapping[str, Schema] | None = None) -> None:
        self.known = {column: ColumnTypes((types or {}).get(column, {}), has_non_objects=False) for column in columns}
        self.history = [self.known]
        self.tables: list[_OpenTable] = []
        self.is_convertible = True

    def read_rows(self, rows: pl.LazyFrame, *, on_batch: Callable[[pl.DataFrame], object] | None = None) -> None:
        """Read a table's rows, each batch once; `on_batch` sees them as well. Nothing is kept if that fails."""
        table = _OpenTable(rows, SpillBuffer(), Counter())
        for batch in iterate_batches(rows, size=BATCH_ROWS):
            if on_batch is not None:
                on_batch(batch)
            for piece in self._split_batches(batch) if batch.height else ():
                texts = {column: keep_objects(piece[column]) for column in self.known if column in piece.columns}
                self._add_rows(table, piece, texts, repaired=frozenset())
        self.tables.append(table)

    def list_frames(self) -> tuple[list[pl.LazyFrame], list[str]]:
        """Return the tables' rows in order of arrival, unchanged if there is no object, and notes on non-objects."""
        if not self.is_convertible:
            again = JsonColumns(self.known, {column: known.types for column, known in self.known.items()})
            for table in self.tables:
                again.read_rows(table.rows)
            return again.list_frames()
        if not any(known.fields for known in self.known.values()):
            return [table.rows for table in self.tables], []
        lost = sum((table.non_objects for table in self.tables), Counter())
        mixed = [column for column, known in self.known.items() if known.has_non_objects and known.fields]
        notes = [describe_non_objects((column,), lost[column]) for column in mixed]
        buffered = [table.buffer.list_tables() or [(0, table.rows)] for table in self.tables]
        return [self._convert_rows(rows, self.history[mark]) for tables in buffered for mark, rows in tables], notes

    def _split_batches(self, batch: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Split batches of long texts: a piece is in memory several times over."""
        sizes = batch.select(pl.col([column for column in self.known if column in batch.columns]).str.len_bytes().sum())
        size = sum(int(column.item()) for column in sizes)
        return batch.iter_slices(max(1, batch.height * BATCH_BYTES // max(size, BATCH_BYTES)))

    def _add_rows(
        self, table: _OpenTable, rows: pl.DataFrame, texts: dict[str, pl.Series], *, repaired: frozenset[str]
    ) -> None:
        """Buffer rows with their objects parsed; rows that cannot be parsed together are added apart."""
        parsed: dict[str, pl.DataFrame] = {}
        lost = Counter({column: count_non_objects(rows[column], objects) for column, objects in texts.items()})
        for column, objects in texts.items():
            types, has_non_objects = self.known[column]
            if objects.null_count() < len(objects) or types:
                read = read_batch(join_lines(objects.fill_null("{}")), types, lines=len(objects))
                if read is None:
                    self._add_apart(table, rows, texts, column=column, repaired=repaired)
                    return
                parsed[column], new_types = read
                self.is_convertible &= all(can_widen(old, new_types[name]) for name, old in types.items())
                types = new_types
            if types != self.known[column].types or (lost[column] and not has_non_objects):
                self.known = {**self.known, column: ColumnTypes(types, has_non_objects or lost[column] > 0)}
        if self.known is not self.history[-1]:
            self.history.append(self.known)
        fields = {column: self.known[column].fields for column in parsed}
        columns = [
            assemble_column(inside, rows[column], fields[column], good=texts[column].is_not_null())
            for column, inside in parsed.items()
            if fields[column]
        ]
        table.non_objects.update(lost)
        table.buffer.add_rows(rows.with_columns(columns), mark=len(self.history) - 1)

    def _add_apart(
        self,
        table: _OpenTable,
        rows: pl.DataFrame,
        texts: dict[str, pl.Series],
        *,
        column: str,
        repaired: frozenset[str],
    ) -> None:
        """Add rows whose texts cannot be parsed together: repaired one by one, then halved until they can."""
        if column not in repaired:
            objects = texts[column].map_elements(_repair_object, return_dtype=TEXT)
            self._add_rows(table, rows, texts | {column: objects}, repaired=repaired | {column})
            return
        if rows.height == 1:
            self._add_rows(table, rows, texts | {column: texts[column].clear(1)}, repaired=repaired)
            return
        half = rows.height // 2
        for part in (slice(0, half), slice(half, None)):
            self._add_rows(
                table, rows[part], {name: objects[part] for name, objects in texts.items()}, repaired=repaired
            )

    def _convert_rows(self, rows: pl.LazyFrame, old: dict[str, ColumnTypes]) -> pl.LazyFrame:
        present = rows.collect_schema().names()
        return rows.with_columns(
            _convert_column(pl.col(column), old[column], new)
            for column, new in self.known.items()
            if column in present and old[column].fields != new.fields
        )


def _convert_column(value: pl.Expr, old: ColumnTypes, new: ColumnTypes) -> pl.Expr:
    if old.fields:
        return convert_value(value, pl.Struct(old.fields), pl.Struct(new.fields)).name.keep()

    def convert_batch(values: pl.Series) -> pl.Series:
        objects = keep_objects(values)
        if not is_readable(join_lines(objects.fill_null("{}"))):
            objects = objects.map_elements(_repair_object, return_dtype=TEXT)
        nothing = pl.DataFrame(schema=new.fields).clear(len(values))
        return assemble_column(nothing, values, list(new.fields), good=objects.is_not_null())

    # the objects among these texts have no fields
    return value.map_batches(convert_batch, return_dtype=pl.Struct(new.fields), is_elementwise=True)


def _repair_object(text: str) -> str | None:
    """Write JSON so that any parser reads it; None if it is not a JSON object."""
    try:
        line = json.dumps(simplify_value(json.loads(text)))
    except (ValueError, RecursionError):
        return None
    return line if is_readable(line.encode() + b"\n") else None
