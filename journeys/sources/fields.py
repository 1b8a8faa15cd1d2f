"""Fields of nested columns by name, and which of them no one has asked for yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import polars as pl

from journeys.errors import SourceError
from journeys.events.epochs import check_unit_fits, explain_wrong_unit
from journeys.events.source_errors import translate_source_errors
from journeys.events.times import UTC_TIME, TimeParser
from journeys.sources.column_mapping import Named, as_id, as_key, as_text, inexact_ids
from journeys.sources.reading import RawTable
from journeys.sources.reading.flat_columns import as_json, snake_case
from journeys.sources.reading.json_schema import NON_OBJECT

__all__ = ["Fields", "field_path", "null_if_equal", "replace_names"]

Path = tuple[str, ...]
NOTHING = pl.lit(None, dtype=pl.String)


class Fields:
    """The leaves of a schema by name; a leaf that is not there is null.

    "a.b" is the field b of the column a, or, in a flattened table, the column called "a.b". What is asked for by
    `text`, `id` or `time` counts as used; `rest` gives the others.

    Attributes
    ----------
    problem : pl.Expr
        Of each row, what is wrong with the numbers that were asked for as times.
    inexact : list of pl.Expr
        Numbers asked for as identifiers that are too large to be exact.
    """

    def __init__(self, schema: pl.Schema, *, hidden: bool = False) -> None:
        self.leaves: dict[Path, tuple[pl.Expr, pl.DataType]] = {}
        self.used: set[Path] = set()
        self.problem: pl.Expr = NOTHING
        self.inexact: list[pl.Expr] = []
        self._ids: set[Path] = set()
        shown = {name: dtype for name, dtype in schema.items() if hidden or not name.startswith("_")}
        leaves_of: dict[str, dict[Path, tuple[pl.Expr, pl.DataType]]] = {}
        taken: set[Path] = set()
        # Columns of objects first: where a table also has their fields flattened, the objects count.
        for name in sorted(shown, key=lambda name: "." in name):
            path = field_path(name)
            is_flattened = all(path) and path not in taken
            leaves_of[name] = dict(_leaves(path if is_flattened else (name,), pl.col(name), shown[name]))
            taken |= leaves_of[name].keys()
        self.leaves = {path: leaf for name in shown for path, leaf in leaves_of[name].items()}

    def has(self, *names: str) -> bool:
        """Is at least one of these fields there?"""
        return any(field_path(name) in self.leaves for name in names)

    def dtype(self, name: str) -> pl.DataType:
        """Give the type of a field; Null when it is not there."""
        return self.leaves[field_path(name)][1] if self.has(name) else pl.Null()

    def raw(self, name: str) -> pl.Expr:
        """Give a field as it is."""
        self.used.add(field_path(name))
        return self.leaves[field_path(name)][0] if self.has(name) else NOTHING

    def text(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is not empty, as text."""
        return self._first(names, as_text)

    def id(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is not empty, as an identifier."""
        for path in [field_path(name) for name in names if self.has(name)]:
            if path not in self._ids:
                self._ids.add(path)
                self.inexact += inexact_ids(*self.leaves[path])
        return self._first(names, as_id)

    def key(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is not empty as part of a message's key; see `as_key`."""
        return self._first(names, as_key)

    def email(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is not empty, as an e-mail address, in lower case."""
        return self._first(names, as_id).str.to_lowercase()

    def time_text(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is not empty as it was before it was read as a time."""
        there = [name for name in names if self.has(name)]
        return self.raw(there[0]) if len(there) == 1 else self.text(*there)

    def time(self, name: str, *, unit: str | None = None, time_zone: str | None = None) -> pl.Expr:
        """Give a field as a UTC time."""
        self._refuse_numbers([name], unit)
        expr = self.raw(name)
        return TimeParser(unit=unit, time_zone=time_zone).parse(expr, self.dtype(name), column=name)

    def first_time(self, *names: str) -> pl.Expr:
        """Give the first of these fields that is a time, as a UTC time; the later ones are read only where needed."""
        there = [name for name in names if self.has(name)]
        self._refuse_numbers(there, None)
        dtypes = [self.dtype(name) for name in there]
        values = pl.struct(self.raw(name).alias(f"{place}") for place, name in enumerate(there))

        def read(batch: pl.Series) -> pl.Series:
            rows = batch.struct.unnest()
            found = pl.Series([None] * rows.height, dtype=UTC_TIME)
            for column, dtype, name in zip(rows, dtypes, there, strict=True):
                missing = found.is_null()
                if not missing.any():
                    break
                unread = column.set(~missing, None).to_frame()
                parsed = unread.select(TimeParser().parse(pl.first(), dtype, column=name)).to_series()
                found = found.zip_with(~missing, parsed)
            return found

        return values.map_batches(read, return_dtype=UTC_TIME, is_elementwise=True)

    def epoch(self, raw: RawTable, name: str, *, unit: str, has_unit_option: bool = False) -> pl.Expr:
        """Give a field that counts from 1970, as numbers or as digits, as a UTC time; dates in words are read, too.

        `has_unit_option`: the caller can choose another unit.

        Raises
        ------
        SourceError
            The numbers count another unit.
        """
        if not self.has(name):
            return self.time(name)
        values = raw.rows.select(self.raw(name).alias("v")).filter(pl.col("v").is_not_null()).head(1000)
        with translate_source_errors(raw.name):
            sample = values.collect().to_series()
        if not sample.dtype.is_numeric():
            digits = sample.filter(sample.cast(pl.String).str.contains(r"^\d+$"))
            if sample.len() == 0 or 2 * digits.len() < sample.len():
                return self.time(name)
            sample = digits.cast(pl.String)
        check_unit_fits(sample, column=name, unit=unit, has_unit_option=has_unit_option)
        wrong = explain_wrong_unit(self.raw(name), self.dtype(name), column=name, unit=unit)
        self.problem = pl.coalesce(self.problem, wrong)
        return self.time(name, unit=unit)

    def _refuse_numbers(self, names: Iterable[str], unit: str | None) -> None:
        numbers = [name for name in names if self.dtype(name).is_numeric()]
        if numbers and unit is None:
            raise SourceError(
                f"column {numbers[0]!r} holds numbers where this system writes date and time, and their unit is not "
                "known: turn them into times first (pl.from_epoch), or read the table with read_table(…, unit='ms')."
            )

    def rest(
        self,
        root: str | None = None,
        *,
        prefix: str = "",
        skip: Iterable[str] = (),
        rename: Callable[[str], str] = snake_case,
    ) -> Named:
        """List the fields (under a root) that no one asked for, with flat names; they count as used afterwards."""
        skipped = {field_path(name) for name in skip}
        found: Named = []
        for path, (expr, _) in self.leaves.items():
            if root is not None and path[0] != root:
                continue
            if path in self.used or any(path[: len(one)] == one for one in skipped):
                continue
            self.used.add(path)
            own = prefix + "_".join(rename(part) for part in path[1:]) if root is not None and path[1:] else ""
            found.append((own or "_".join(rename(part) for part in path), expr))
        return found

    def _first(self, names: Iterable[str], convert: Callable[[pl.Expr, pl.DataType], pl.Expr]) -> pl.Expr:
        found = []
        for name in names:
            self.used.add(field_path(name))
            if self.has(name):
                found.append(convert(*self.leaves[field_path(name)]))
        return pl.coalesce(found) if found else NOTHING


def replace_names(value: pl.Expr, names: Mapping[str, str], *, default: pl.Expr = NOTHING) -> pl.Expr:
    """Replace texts by their names, batch by batch: `replace_strict` would wait for all rows."""

    def read(batch: pl.Series) -> pl.Series:
        return batch.replace_strict(names, default=None, return_dtype=pl.String)

    return pl.coalesce(value.map_batches(read, return_dtype=pl.String, is_elementwise=True), default)


def null_if_equal(value: pl.Expr, *, text: str) -> pl.Expr:
    """Leave out a text that stands for nothing; `replace` would wait for all rows."""
    return pl.when(value != text).then(value)


def field_path(name: str) -> Path:
    """Give the path of a field by its name: "a.b" is ("a", "b")."""
    return tuple(name.split("."))


def _leaves(path: Path, expr: pl.Expr, dtype: pl.DataType) -> Iterator[tuple[Path, tuple[pl.Expr, pl.DataType]]]:
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            # What other rows have in the object's place is called like the object.
            inner = path if field.name == NON_OBJECT else (*path, field.name)
            yield from _leaves(inner, expr.struct.field(field.name), pl.Series(dtype=field.dtype).dtype)
    elif isinstance(dtype, pl.List | pl.Array):
        yield path, (as_json(expr), pl.String())
    else:
        yield path, (expr, dtype)
