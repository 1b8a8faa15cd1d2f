"""One question, asked with the bridge and without it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, unknown

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["Worth", "compare"]

_PLACES = ("step", "position", "rank", "period")
_RATES = ("rate", "share", "conversion_rate", "coverage")
_ENDS = "_without"
# what an answer says of a row, so that it may differ with the bridge: rows are not matched by it
_VERDICTS = ("strength", "note")
_NEEDLESS = {"name": ("step", "rank"), "behaviour": ("kind", "value")}
_WORDS = {"rate_with": "conversion rate with it", "rate_without": "conversion rate without it"}
_BRIDGE = ("with", "without")
_STACKED = ("bridge", "person")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Worth:
    """What the bridge changes in an answer.

    Attributes
    ----------
    table : pl.DataFrame
        The rows of both answers, matched by their words; each number with the bridge and `_without` it.
    bridged, unbridged : object
        The two answers as they were given.
    keys : tuple of str
        The columns by which the rows were matched.
    """

    table: pl.DataFrame
    bridged: Any
    unbridged: Any
    keys: tuple[str, ...] = ()

    @property
    def changes(self) -> pl.DataFrame:
        """Every number that differs: the columns of the row, `measure`, `with`, `without`, `difference`.

        A number that only one of the answers has is null in the other; times are left out, durations are in
        microseconds. Empty where the rows of the two answers cannot be told from one another.
        """
        found = [self._of(measure) for measure in self._measures()]
        table = pl.concat(found) if found else self._of(None)
        return table.filter(pl.col("with").ne_missing(pl.col("without")))

    @property
    def measure(self) -> str | None:
        """The column that the sentence and the chart tell of: phi, a rate or people, if one differs, else the first."""
        differ = self.changes.unique("measure", keep="first", maintain_order=True)["measure"].to_list()
        rates = [name for name in differ if _is_rate(name)]
        wanted = ["phi", *rates, "people", "value", *differ]
        return next((name for name in wanted if name in differ), None)

    @property
    def finding(self) -> str:
        """The largest difference in a sentence."""
        return self._finding(self.measure)

    def _finding(self, measure: str | None) -> str:
        if not self._matched():
            return "The two answers have rows that cannot be told from one another, so they stand one below the other."
        if measure is None:
            return "The bridge changes nothing in this answer."
        words = _said(measure)
        rows = self.changes.filter(pl.col("measure") == measure)
        if not rows.height:
            return f"The bridge changes nothing in {words}."
        size = pl.col("difference").abs().fill_null(0)
        row = rows.with_row_index("at").sort(size, "at", descending=[True, False]).row(0, named=True)
        say = self.form(measure)
        name = " · ".join(str(row[key]) for key in self._named() if row[key] is not None)
        where = f"{name}: {words}" if name else _capital(words)
        least = "" if row["difference"] is None else f" ({_signed(row['difference'], measure, say)})"
        return f"{where} {say(row['with'])} with the bridge, {say(row['without'])} without{least}"

    def plot(self, *, measure: str | None = None, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw each row with the bridge and without it.

        Parameters
        ----------
        measure : str, optional
            Which column of numbers; that of the sentence by default.
        dark, narrow : bool
            For a dark page; for a telephone.

        Raises
        ------
        UnknownNameError
            When there is no such column of numbers.
        """
        from journeys.charts.worth import draw

        known = self._measures()
        if measure is not None and measure not in known:
            raise UnknownNameError(unknown("measure", str(measure), available=known, what="column of numbers"))
        chosen = measure or self.measure or next(iter(known), None)
        table = self._of(chosen).drop("measure")
        names = [pl.col(one).cast(pl.String) for one in self._named()]
        name = pl.concat_str(names, separator=" · ", ignore_nulls=True)
        rows = table.select((name if self._named() else pl.lit("")).alias("name"), "with", "without", "difference")
        said = _capital(_said(chosen or "nothing to draw"))
        return draw(
            rows,
            form=self.form(chosen or ""),
            title=self._finding(measure or self.measure),
            subtitle=f"{said}; without the bridge every identifier is a person of its own",
            dark=dark,
            narrow=narrow,
        )

    def form(self, measure: str) -> Any:
        """Return the words for the numbers of a column: a function from number to text."""
        from journeys.display import duration, number, percent, ratio

        if _is_rate(measure):
            return percent
        kind = self._type(measure)
        return duration if kind == pl.Duration else number if kind.is_integer() else ratio

    def __repr__(self) -> str:
        from journeys.display import text_table

        shown = self._shown()
        return f"Worth: {self.finding}" + (f"\n{text_table(shown)}" if shown.height else "")

    def _repr_html_(self) -> str:
        from journeys.display import card, html_table

        note = "The same question, asked of people as bridged and of every identifier by itself."
        shown = self._shown()
        small = shown if shown.height else ""
        top = card("What the bridge is worth", sentence=self.finding, settings=note, table=small)
        if not self._matched() or not self.table.height:
            return top
        all_numbers = f"<details><summary>All numbers</summary>{html_table(self.table, style=False)}</details>"
        return f'{top}<div class="jn">{all_numbers}</div>'

    def _matched(self) -> bool:
        return bool(self.keys) or not self.table["bridge"].is_duplicated().any()

    def _named(self) -> list[str]:
        """The keys that say something to a reader: a name makes the number of the step needless."""
        needless = {key for name, others in _NEEDLESS.items() if name in self.keys for key in others}
        return [key for key in self.keys if key not in needless]

    def _measures(self) -> list[str]:
        """Columns with numbers in both answers."""
        if not self._matched():
            return []
        columns = [name for name in self.table.columns if name not in (*self.keys, *_STACKED)]
        if self.keys:
            columns = [name for name in columns if f"{name}{_ENDS}" in columns]
        return [name for name in columns if self._type(name).is_numeric() or self._type(name) == pl.Duration]

    def _type(self, name: str) -> pl.DataType:
        return self.table.schema.get(name, pl.Null())

    def _of(self, measure: str | None) -> pl.DataFrame:
        """One row a row of the answers, with one of its numbers."""
        keys = self.keys
        if measure is None:
            none = {"measure": pl.String, **dict.fromkeys(("with", "without", "difference"), pl.Float64)}
            return self.table.select(keys).clear().with_columns(pl.lit(None, kind).alias(n) for n, kind in none.items())
        ends = [_number(pl.col(one), self._type(measure)) for one in (measure, f"{measure}{_ENDS}")]
        if not keys:
            ends = [_number(pl.col(measure), self._type(measure)).filter(bridge=one).first() for one in _BRIDGE]
        rows = self.table.select(
            *keys, pl.lit(measure).alias("measure"), ends[0].alias("with"), ends[1].alias("without")
        )
        return rows.with_columns((pl.col("with") - pl.col("without")).alias("difference"))

    def _shown(self) -> pl.DataFrame:
        """The small table: what differs in the column of the sentence, in words, and the people beside a rate."""
        if not self._matched():
            return self.table
        chosen = self.measure
        if chosen is None:
            return pl.DataFrame()
        rows = self._of(chosen)
        told = {key: rows[key].cast(pl.String) for key in self._named()}
        told |= _in_words(rows, chosen, self.form(chosen))
        differs = rows["with"].ne_missing(rows["without"])
        if chosen != "people" and "people" in self.changes["measure"]:
            people = self._of("people")
            words = _in_words(people, "people", self.form("people"))
            told |= {f"people {one}": words[one] for one in _BRIDGE}
            differs |= people["with"].ne_missing(people["without"])
        return pl.DataFrame(told).filter(differs)


def _in_words(rows: pl.DataFrame, measure: str, say: Any) -> dict[str, pl.Series]:
    told = {one: pl.Series([say(value) for value in rows[one]], dtype=pl.String) for one in _BRIDGE}
    signed = [_signed(value, measure, say) for value in rows["difference"]]
    return told | {"difference": pl.Series(signed, dtype=pl.String)}


def _number(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    value = value.dt.total_microseconds() if kind == pl.Duration else value
    return value.cast(pl.Float64)


def _said(measure: str) -> str:
    return _WORDS.get(measure, measure.replace("_", " "))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _is_rate(name: str) -> bool:
    return name.startswith(_RATES) or name.endswith(("_rate", "_share"))


def _signed(value: float | None, measure: str, say: Any) -> str:
    from journeys.display import points, signed

    return points(value) if _is_rate(measure) else signed(value, form=say)


def compare(bridged: Any, unbridged: Any) -> Worth:
    """Put two answers side by side.

    Raises
    ------
    ArgumentError
        When what was returned is neither a result, nor a table, nor a number.

    Examples
    --------
    >>> steps = {"step": [1, 2], "name": ["Visit", "Buy"]}
    >>> with_bridge = pl.DataFrame({**steps, "people": [80, 20], "rate_from_start": [1.0, 0.25]})
    >>> without = pl.DataFrame({**steps, "people": [100, 0], "rate_from_start": [1.0, 0.0]})
    >>> compare(with_bridge, without)
    Worth: Buy: rate from start 25% with the bridge, 0% without (+25.0 points)
    name   with   without  difference    people with  people without
    Visit  100%  100%    0.0 points    80           100
    Buy    25%   0%      +25.0 points  20           0
    """
    one, other = _as_table(bridged), _as_table(unbridged)
    numbers = {name for name, kind in one.schema.items() if kind.is_numeric() or kind.is_temporal() or kind == pl.Null}
    told = [name for name in one.columns if name not in numbers or name in _PLACES]
    told = [name for name in told if name in other.columns and not one.schema[name].is_nested()]
    for keys in ([name for name in told if name not in _VERDICTS], told):
        if keys and not (one.select(keys).is_duplicated().any() or other.select(keys).is_duplicated().any()):
            return Worth(_matched(one, other, keys=keys), bridged, unbridged, tuple(keys))
    marked = [table.with_columns(pl.lit(words).alias("bridge")) for table, words in ((one, "with"), (other, "without"))]
    both = pl.concat(marked, how="diagonal_relaxed")
    return Worth(both.select("bridge", pl.exclude("bridge")), bridged, unbridged)


def _matched(one: pl.DataFrame, other: pl.DataFrame, *, keys: Sequence[str]) -> pl.DataFrame:
    """Put the rows of both beside each other, in the order of the first."""
    plain = [pl.col(name).cast(pl.String) for name in keys if one.schema[name] in (pl.Enum, pl.Categorical)]
    values = [name for name in one.columns if name not in keys and name in other.columns]
    left = one.with_columns(plain).select(*keys, *values).with_row_index("__at")
    right = other.with_columns(plain).select(*keys, pl.col(values).name.suffix(_ENDS))
    joined = left.join(right, on=keys, how="full", coalesce=True, nulls_equal=True)
    order = [name for value in values for name in (value, f"{value}{_ENDS}")]
    return joined.sort("__at", *keys, nulls_last=True).select(*keys, *order)


def _as_table(answer: Any) -> pl.DataFrame:
    table = getattr(answer, "table", answer)
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    plain = _plain(table)
    if isinstance(plain, int | float | timedelta):
        return pl.DataFrame({"value": [plain]})
    raise ArgumentError(f"ask: expected a result, a table or a number to be returned, got {type(answer).__name__}.")


def _plain(value: Any) -> Any:
    """Take a number as Python has it: those of NumPy, decimals and fractions, too."""
    if isinstance(value, np.timedelta64):
        return value.astype("timedelta64[us]").item()
    if isinstance(value, Decimal | Fraction):
        return float(value)
    return value.item() if isinstance(value, np.generic) and value.dtype.kind in "biuf" else value
