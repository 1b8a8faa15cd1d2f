"""JSON objects kept as text in a column of a table, taken apart while its rows are read, once.

The rows come in batches. What a batch's texts hold is read with the types known so far, and the rows are put by with
their objects taken apart. Where later rows teach wider types, those before are turned into them when they are asked
for; where they cannot be, all is read again with the types that are known by then.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

import polars as pl

from journeys.sources.reading.json_batch import read_piece, sound_schema, widened, widens
from journeys.sources.reading.json_rows import Schema, assembled, json_objects, no_object, no_objects, packed
from journeys.sources.reading.json_schema import EMPTY, NON_OBJECT, readable
from journeys.sources.reading.spill import SpillBuffer

__all__ = ["JsonColumns"]

ROWS = 25_000
ROOM = 16 << 20
TEXT = pl.String()


class State(NamedTuple):
    """What is known of a column: the types of its objects' fields, and whether something else stands beside them."""

    types: Schema
    rest: bool

    @property
    def all(self) -> Schema:
        """The types, with that of what is no object."""
        return {**self.types, NON_OBJECT: TEXT} if self.rest else self.types

    @property
    def fields(self) -> Schema:
        """What the fields can be read as; none where no object holds more than `{}`."""
        there = any(dtype != EMPTY for dtype in self.types.values())
        return {name: readable(dtype) for name, dtype in self.all.items() if dtype != EMPTY} if there else {}


class _Table(NamedTuple):
    rows: pl.LazyFrame
    spool: SpillBuffer[int]
    lost: Counter[str]


class JsonColumns:
    """Tables that are read one after the other, columns that hold JSON objects as text with one type for all."""

    def __init__(self, columns: Collection[str], types: Mapping[str, Schema] | None = None) -> None:
        self.now = {column: State((types or {}).get(column, {}), rest=False) for column in columns}
        self.states = [self.now]
        self.tables: list[_Table] = []
        self.wide_enough = True

    def read(self, rows: pl.LazyFrame, *, look: Callable[[pl.DataFrame], object] | None = None) -> None:
        """Read a table's rows, each batch once, which others may `look` at; if that fails nothing is kept."""
        table = _Table(rows, SpillBuffer(), Counter())
        for batch in rows.collect_batches(chunk_size=ROWS):
            if look is not None:
                look(batch)
            for piece in self._pieces(batch) if batch.height else ():
                texts = {column: json_objects(piece[column]) for column in self.now if column in piece.columns}
                self._put(table, piece, texts, checked=frozenset())
        self.tables.append(table)

    def frames(self) -> tuple[list[pl.LazyFrame], list[str]]:
        """Give the tables' rows in order of arrival, and say what was no object; as they came if there was none."""
        if not self.wide_enough:
            again = JsonColumns(self.now, {column: state.types for column, state in self.now.items()})
            for table in self.tables:
                again.read(table.rows)
            return again.frames()
        if not any(state.fields for state in self.now.values()):
            return [table.rows for table in self.tables], []
        lost = sum((table.lost for table in self.tables), Counter())
        told = [column for column, state in self.now.items() if state.rest and state.fields]
        notes = [no_object((column,), lost[column]) for column in told]
        put_by = [table.spool.tables() or [(0, table.rows)] for table in self.tables]
        return [self._as_wanted(rows, self.states[mark]) for tables in put_by for mark, rows in tables], notes

    def _pieces(self, batch: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """Cut batches of long texts: a piece is in memory several times over."""
        sizes = batch.select(pl.col([column for column in self.now if column in batch.columns]).str.len_bytes().sum())
        size = sum(int(column.item()) for column in sizes)
        return batch.iter_slices(max(1, batch.height * ROOM // max(size, ROOM)))

    def _put(self, table: _Table, rows: pl.DataFrame, texts: dict[str, pl.Series], *, checked: frozenset[str]) -> None:
        """Put rows by with their objects taken apart; those that cannot be read together are put by apart."""
        found: dict[str, pl.DataFrame] = {}
        lost = Counter({column: no_objects(rows[column], those) for column, those in texts.items()})
        for column, those in texts.items():
            types, rest = self.now[column]
            if those.null_count() < len(those) or types:
                read = read_piece(packed(those.fill_null("{}")), types, lines=len(those))
                if read is None:
                    self._put_apart(table, rows, texts, column=column, checked=checked)
                    return
                found[column], types = read
                self.wide_enough &= all(widens(old, types[name]) for name, old in self.now[column].types.items())
            if types != self.now[column].types or (lost[column] and not rest):
                self.now = {**self.now, column: State(types, rest=rest or lost[column] > 0)}
        if self.now is not self.states[-1]:
            self.states.append(self.now)
        fields = {column: self.now[column].fields for column in found}
        taken = [
            assembled(inside, rows[column], fields[column], good=texts[column].is_not_null())
            for column, inside in found.items()
            if fields[column]
        ]
        table.lost.update(lost)
        table.spool.add(rows.with_columns(taken), mark=len(self.states) - 1)

    def _put_apart(
        self, table: _Table, rows: pl.DataFrame, texts: dict[str, pl.Series], *, column: str, checked: frozenset[str]
    ) -> None:
        if column not in checked:
            sound = texts[column].map_elements(_checked, return_dtype=TEXT)
            self._put(table, rows, texts | {column: sound}, checked=checked | {column})
            return
        if rows.height == 1:
            self._put(table, rows, texts | {column: texts[column].clear(1)}, checked=checked)
            return
        half = rows.height // 2
        for part in (slice(0, half), slice(half, None)):
            self._put(table, rows[part], {name: those[part] for name, those in texts.items()}, checked=checked)

    def _as_wanted(self, rows: pl.LazyFrame, read: dict[str, State]) -> pl.LazyFrame:
        there = rows.collect_schema().names()
        changed = [
            _retyped(pl.col(column), read[column], wanted)
            for column, wanted in self.now.items()
            if column in there and read[column].fields != wanted.fields
        ]
        return rows.with_columns(changed)


def _retyped(value: pl.Expr, old: State, new: State) -> pl.Expr:
    if old.fields:
        fields = [
            widened(value.struct.field(name), old.all.get(name), new.all[name]).alias(name) for name in new.fields
        ]
        return pl.when(value.is_not_null()).then(pl.struct(fields)).name.keep()

    def read(values: pl.Series) -> pl.Series:
        good = json_objects(values)
        if sound_schema(packed(good.fill_null("{}"))) is None:
            good = good.map_elements(_checked, return_dtype=TEXT)
        nothing = pl.DataFrame(schema=new.fields).clear(len(values))
        return assembled(nothing, values, list(new.fields), good=good.is_not_null())

    # an object among these texts holds nothing
    return value.map_batches(read, return_dtype=pl.Struct(new.fields), is_elementwise=True)


def _checked(text: str) -> str | None:
    """Write JSON so that any parser reads it; None when it is none."""
    try:
        line = json.dumps(json.loads(text, parse_constant=lambda _: None, parse_int=_whole))
    except (ValueError, RecursionError):
        return None
    return line if sound_schema(line.encode() + b"\n") is not None else None


def _whole(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits
