"""Why two answers to one question differ: every option that is not the same, and what it alone would change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.steps import Step

if TYPE_CHECKING:
    import plotly.graph_objects as go


S = TypeVar("S")


def list_differences(
    here: S,
    there: S,
    *,
    count: Callable[[S], int],
    together: Mapping[str, tuple[str, ...]],
    left_out: Collection[str],
) -> pl.DataFrame:
    """List the options that differ, with what would be counted here if this one alone were as there.

    Parameters
    ----------
    here, there : dataclass
        The options of two answers.
    count : callable
        Counts with some options.
    together : mapping of str to tuple of str
        Options as an analyst knows them that several fields hold; every other field is an option of its own.
    left_out : collection of str
        The fields that change no number.
    """
    ours, rows = count(here), []
    grouped = {name for names in together.values() for name in names}
    alone = [one.name for one in fields(here) if one.name not in grouped | set(left_out)]  # type: ignore[arg-type]
    for choice, names in {**together, **{name: (name,) for name in alone}}.items():
        mine, theirs = (tuple(_field_values(spec, name) for name in names) for spec in (here, there))
        if mine != theirs:
            changed = count(replace(here, **{name: getattr(there, name) for name in names}))  # type: ignore[type-var]
            rows.append((choice, _describe_values(mine), _describe_values(theirs), changed, changed - ours))
    schema = {"choice": pl.String, "here": pl.String, "there": pl.String, "people": pl.Int64, "change": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.sort(pl.col("change").abs(), "choice", descending=[True, False], nulls_last=True)


def _field_values(spec: Any, name: str) -> Any:
    """Return a field of the options as values that can be compared."""
    value = getattr(spec, name)
    if isinstance(value, Step):
        return ((value.name, str(value.condition)),)
    if isinstance(value, Calendar):
        return tuple(one for one in (value.name, value.time_zone, value.week_start) if one not in ("UTC", "monday"))
    if name == "steps":
        return tuple((one.name, str(one.condition)) for one in value)
    if name == "exclude":
        return tuple((one.step.name, str(one.step.condition), one.low, one.high) for one in value)
    return value


def _describe_values(values: tuple[Any, ...]) -> str:
    """Write the fields of an option as an analyst would: durations as such, steps by their names."""
    from journeys.display import format_duration

    words = []
    for value in values:
        if value is None or value == () or value is False:
            continue
        if isinstance(value, int) and value > 1000:
            words.append(format_duration(value))
        elif isinstance(value, tuple):
            words.append(", ".join(_describe_values((one[0] if isinstance(one, tuple) else one,)) for one in value))
        elif value != 0 or isinstance(value, bool):
            words.append(str(value))
    return " ".join(dict.fromkeys(words)) or "none"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class DifferenceExplanation(Result[J]):
    """Why two funnels, or two retentions, give different numbers.

    Attributes
    ----------
    table : pl.DataFrame
        `choice`, `here`, `there`, `people` (Int64: how many would convert here if this option alone were as there; of
        retention, how many returns there would be in the periods after the first), `change` (Int64, compared with those
        here); the largest change first.
    """

    _counted: tuple[str, str] = ("person", "people")

    @property
    def finding(self) -> str:
        """The option that changes most, as one sentence."""
        from journeys.display import adapt_words, choose_form

        if not self.table.height:
            return adapt_words("Both ask the same; they differ in the people asked.")
        row = self.table.row(0, named=True)
        if not row["change"]:
            return adapt_words("None of the options that differ changes anything for these people on its own.")
        if (people := self.settings["people"]) < MIN_PEOPLE:
            return say_too_few(people, "asked", unit=self._journeys._log.unit)
        if abs(row["change"]) < MIN_PEOPLE:
            counted = adapt_words(choose_form(MIN_PEOPLE, *self._counted))
            changes = f"changes fewer than {MIN_PEOPLE} {counted} on its own"
            return f"The option that changes most, {row['choice']}, {changes}: too few for a finding."
        counted = adapt_words(choose_form(abs(row["change"]), *self._counted))
        change = f"{row['change']:+,} {counted}".replace("-", "−")
        return (
            f"The largest change comes from {row['choice']}: {row['here']!r} here, {row['there']!r} there ({change})."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw what each option alone would change."""
        from journeys.charts.bars import draw_changes
        from journeys.display import adapt_words

        counted = adapt_words("people who convert") if self._counted[1] == "people" else self._counted[1]
        subtitle = f"{counted}, more or fewer"
        return draw_changes(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
