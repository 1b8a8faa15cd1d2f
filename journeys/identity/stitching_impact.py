"""The same question asked of stitched and of unstitched journeys, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.display.tables import is_rate
from journeys.errors import ArgumentError, UnknownNameError, unknown_message
from journeys.result import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go


_POSITIONS = ("step", "position", "rank", "period")
_SUFFIX = "_without"
# words that may differ between the answers: rows are not matched by them
_VERDICTS = ("strength", "note")
_REDUNDANT = {"name": ("step", "rank"), "behaviour": ("kind", "value")}
_WORDS = {"rate_with": "conversion rate with it", "rate_without": "conversion rate without it"}
_SIDES = ("with", "without")
_STACKED = ("stitching", "person")

Format = Callable[[Any], str]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StitchingImpact(Result):
    """What stitching changes in an answer.

    Attributes
    ----------
    table : pl.DataFrame
        The rows of both answers, matched by their text columns; each number with stitching and `_without` it.
    stitched, unstitched : object
        The two answers as they were returned.
    keys : tuple of str
        The columns by which the rows were matched.
    """

    table: pl.DataFrame
    stitched: Any
    unstitched: Any
    keys: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, object]:
        """The columns by which the rows of the two answers were matched."""
        return {"matched by": list(self.keys)}

    @property
    def changes(self) -> pl.DataFrame:
        """Every number that differs: the key columns, `measure`, `with`, `without`, `difference`.

        A number that only one of the answers has is null in the other; times are left out, durations are in
        microseconds. Empty where the rows of the two answers cannot be matched.
        """
        found = [self._compare_measure(measure) for measure in self._list_measures()]
        table = pl.concat(found) if found else self._compare_measure(None)
        return table.filter(pl.col("with").ne_missing(pl.col("without")))

    @property
    def measure(self) -> str | None:
        """The column that finding and chart are about: phi, a rate or people, if one differs, else the first."""
        differ = self.changes.unique("measure", keep="first", maintain_order=True)["measure"].to_list()
        rates = [name for name in differ if is_rate(name)]
        wanted = ["phi", *rates, "people", "value", *differ]
        return next((name for name in wanted if name in differ), None)

    @property
    def finding(self) -> str:
        """The largest difference in a sentence."""
        return f"{self._describe_largest(self.measure)}."

    def _describe_largest(self, measure: str | None) -> str:
        """Describe the largest difference in one column of numbers, as a title."""
        if not self._is_matched():
            return "The rows of the two answers cannot be matched, so they are listed one below the other"
        if measure is None:
            return "Stitching changes nothing in this answer"
        words = _measure_words(measure)
        rows = self.changes.filter(pl.col("measure") == measure)
        if not rows.height:
            return f"Stitching changes nothing in {words}"
        size = pl.col("difference").abs().fill_null(0)
        row = rows.with_row_index("at").sort(size, "at", descending=[True, False]).row(0, named=True)
        as_text = self._choose_format(measure)
        name = " · ".join(str(row[key]) for key in self._label_keys() if row[key] is not None)
        where = f"{name}: {words}" if name else _capitalise_first(words)
        change = "" if row["difference"] is None else f" ({_format_signed(row['difference'], measure, as_text)})"
        return f"{where} {as_text(row['with'])} with stitching, {as_text(row['without'])} without{change}"

    def plot(self, *, measure: str | None = None, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw each row with and without stitching.

        Parameters
        ----------
        measure : str, optional
            Which column of numbers; that of the finding by default.
        dark, narrow : bool
            For a dark page; for a phone.

        Raises
        ------
        UnknownNameError
            When there is no such column of numbers.
        """
        from journeys.charts.stitching_impact import draw_stitching_impact

        known = self._list_measures()
        if measure is not None and measure not in known:
            raise UnknownNameError(unknown_message("measure", str(measure), available=known, what="column of numbers"))
        chosen = measure or self.measure or next(iter(known), None)
        table = self._compare_measure(chosen).drop("measure")
        keys = self._label_keys()
        name = pl.concat_str([pl.col(key).cast(pl.String) for key in keys], separator=" · ", ignore_nulls=True)
        rows = table.select((name if keys else pl.lit("")).alias("name"), "with", "without", "difference")
        words = _capitalise_first(_measure_words(chosen or "nothing to draw"))
        return draw_stitching_impact(
            rows,
            number_format=self._choose_format(chosen or ""),
            title=self._describe_largest(measure or self.measure),
            subtitle=f"{words}; without stitching every identifier is a person of its own",
            dark=dark,
            narrow=narrow,
        )

    def _choose_format(self, measure: str) -> Format:
        """Return the function that writes the numbers of a column as text."""
        from journeys.display import format_duration, format_number, format_percent, format_ratio

        if is_rate(measure):
            return format_percent
        kind = self._type_of(measure)
        return format_duration if kind == pl.Duration else format_number if kind.is_integer() else format_ratio

    def __repr__(self) -> str:
        from journeys.display import render_text_table

        shown = self._displayed_table()
        return f"StitchingImpact: {self.finding}" + (f"\n{render_text_table(shown)}" if shown.height else "")

    def _repr_html_(self) -> str:
        from journeys.display import render_card, render_html_table

        note = "The same question, asked of stitched people and of every identifier by itself."
        shown = self._displayed_table()
        small = shown if shown.height else ""
        top = render_card("What stitching changes", sentence=self.finding, settings=note, table=small)
        if not self._is_matched() or not self.table.height:
            return top
        all_numbers = f"<details><summary>All numbers</summary>{render_html_table(self.table, style=False)}</details>"
        return f'{top}<div class="jn">{all_numbers}</div>'

    def _is_matched(self) -> bool:
        return bool(self.keys) or not self.table["stitching"].is_duplicated().any()

    def _label_keys(self) -> list[str]:
        """Return the keys that a reader needs: a name makes the number of the step redundant."""
        redundant = {key for name, others in _REDUNDANT.items() if name in self.keys for key in others}
        return [key for key in self.keys if key not in redundant]

    def _list_measures(self) -> list[str]:
        """List the columns with numbers in both answers."""
        if not self._is_matched():
            return []
        columns = [name for name in self.table.columns if name not in (*self.keys, *_STACKED)]
        if self.keys:
            columns = [name for name in columns if f"{name}{_SUFFIX}" in columns]
        return [name for name in columns if self._type_of(name).is_numeric() or self._type_of(name) == pl.Duration]

    def _type_of(self, name: str) -> pl.DataType:
        return self.table.schema.get(name, pl.Null())

    def _compare_measure(self, measure: str | None) -> pl.DataFrame:
        """Return one number of each row of the answers: keys, `measure`, `with`, `without`, `difference`."""
        keys = self.keys
        if measure is None:
            none = {"measure": pl.String, **dict.fromkeys(("with", "without", "difference"), pl.Float64)}
            return self.table.select(keys).clear().with_columns(pl.lit(None, kind).alias(n) for n, kind in none.items())
        ends = [_as_float(pl.col(one), self._type_of(measure)) for one in (measure, f"{measure}{_SUFFIX}")]
        if not keys:
            value = _as_float(pl.col(measure), self._type_of(measure))
            ends = [value.filter(stitching=side).first() for side in _SIDES]
        rows = self.table.select(
            *keys, pl.lit(measure).alias("measure"), ends[0].alias("with"), ends[1].alias("without")
        )
        return rows.with_columns((pl.col("with") - pl.col("without")).alias("difference"))

    def _displayed_table(self) -> pl.DataFrame:
        """Return the small table: what differs in the column of the finding, as text, with the people beside a rate."""
        if not self._is_matched():
            return self.table
        chosen = self.measure
        if chosen is None:
            return pl.DataFrame()
        rows = self._compare_measure(chosen)
        columns = {key: rows[key].cast(pl.String) for key in self._label_keys()}
        columns |= _as_text(rows, chosen, self._choose_format(chosen))
        differs = rows["with"].ne_missing(rows["without"])
        if chosen != "people" and "people" in self.changes["measure"]:
            people = self._compare_measure("people")
            words = _as_text(people, "people", self._choose_format("people"))
            columns |= {f"people {side}": words[side] for side in _SIDES}
            differs |= people["with"].ne_missing(people["without"])
        return pl.DataFrame(columns).filter(differs)


def _as_text(rows: pl.DataFrame, measure: str, as_text: Format) -> dict[str, pl.Series]:
    columns = {side: pl.Series([as_text(value) for value in rows[side]], dtype=pl.String) for side in _SIDES}
    signed = [_format_signed(value, measure, as_text) for value in rows["difference"]]
    return columns | {"difference": pl.Series(signed, dtype=pl.String)}


def _as_float(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    value = value.dt.total_microseconds() if kind == pl.Duration else value
    return value.cast(pl.Float64)


def _measure_words(measure: str) -> str:
    return _WORDS.get(measure, measure.replace("_", " "))


def _capitalise_first(words: str) -> str:
    return words[:1].upper() + words[1:]


def _format_signed(value: float | None, measure: str, as_text: Format) -> str:
    from journeys.display import format_points, format_signed

    return format_points(value) if is_rate(measure) else format_signed(value, form=as_text)


def compare_answers(stitched: Any, unstitched: Any) -> StitchingImpact:
    """Put the two answers side by side.

    Raise ArgumentError when what was returned is neither a result, nor a table, nor a number.

    Examples
    --------
    >>> steps = {"step": [1, 2], "name": ["Visit", "Buy"]}
    >>> stitched = pl.DataFrame({**steps, "people": [80, 20], "rate_from_start": [1.0, 0.25]})
    >>> unstitched = pl.DataFrame({**steps, "people": [100, 0], "rate_from_start": [1.0, 0.0]})
    >>> compare_answers(stitched, unstitched)
    StitchingImpact: Buy: rate from start 25% with stitching, 0% without (+25.0 points).
    name   with   without  difference    people with  people without
    Visit  100%  100%     0.0 points    80           100
    Buy    25%   0%       +25.0 points  20           0
    """
    one, other = _as_table(stitched), _as_table(unstitched)
    numbers = {name for name, kind in one.schema.items() if kind.is_numeric() or kind.is_temporal() or kind == pl.Null}
    texts = [name for name in one.columns if name not in numbers or name in _POSITIONS]
    texts = [name for name in texts if name in other.columns and not one.schema[name].is_nested()]
    for keys in ([name for name in texts if name not in _VERDICTS], texts):
        if keys and not (one.select(keys).is_duplicated().any() or other.select(keys).is_duplicated().any()):
            return StitchingImpact(_match_rows(one, other, keys=keys), stitched, unstitched, tuple(keys))
    parts = [
        table.with_columns(pl.lit(side).alias("stitching")) for table, side in zip((one, other), _SIDES, strict=True)
    ]
    both = pl.concat(parts, how="diagonal_relaxed")
    return StitchingImpact(both.select("stitching", pl.exclude("stitching")), stitched, unstitched)


def _match_rows(one: pl.DataFrame, other: pl.DataFrame, *, keys: Sequence[str]) -> pl.DataFrame:
    """Put the rows of both beside each other, in the order of the first."""
    plain = [pl.col(name).cast(pl.String) for name in keys if one.schema[name] in (pl.Enum, pl.Categorical)]
    values = [name for name in one.columns if name not in keys and name in other.columns]
    left = one.with_columns(plain).select(*keys, *values).with_row_index("__at")
    right = other.with_columns(plain).select(*keys, pl.col(values).name.suffix(_SUFFIX))
    joined = left.join(right, on=keys, how="full", coalesce=True, nulls_equal=True)
    order = [name for value in values for name in (value, f"{value}{_SUFFIX}")]
    return joined.sort("__at", *keys, nulls_last=True).select(*keys, *order)


def _as_table(answer: Any) -> pl.DataFrame:
    """Return the table of a result, or a number as a table of one cell."""
    table = getattr(answer, "table", answer)
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    value = _as_python_number(table)
    if isinstance(value, int | float | timedelta):
        return pl.DataFrame({"value": [value]})
    raise ArgumentError(f"ask: expected a result, a table or a number to be returned, got {type(answer).__name__}.")


def _as_python_number(value: Any) -> Any:
    if isinstance(value, np.timedelta64):
        return value.astype("timedelta64[us]").item()
    if isinstance(value, Decimal | Fraction):
        return float(value)
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biuf" else value
