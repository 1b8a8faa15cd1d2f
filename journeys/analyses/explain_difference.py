"""Why two answers to one question differ: every option that is not the same, and what it alone would change."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.steps import Step

if TYPE_CHECKING:
    import plotly.graph_objects as go


S = TypeVar("S")

_COUNTS = frozenset({"periods", "at_least"})  # the fields whose whole numbers are no microseconds


class _Condition:
    """A condition that equals those that select the same rows in the same way; as text, lists of values are alike."""

    def __init__(self, step: Step) -> None:
        self._step = step

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Condition):
            return False
        return self._step.name == other._step.name and self._step.condition.meta.eq(other._step.condition)

    __hash__ = None  # type: ignore[assignment]


def list_differences(
    here: S,
    there: S,
    *,
    count: Callable[[S], int],
    together: Mapping[str, tuple[str, ...]],
    left_out: Collection[str],
    texts: Mapping[str, Callable[[S], str]] | None = None,
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
    texts : mapping of str to callable, optional
        How options are written that need words of their own.
    """
    ours, rows = count(here), []
    grouped = {name for names in together.values() for name in names}
    alone = [one.name for one in fields(here) if one.name not in grouped | set(left_out)]  # type: ignore[arg-type]
    for choice, names in {**together, **{name: (name,) for name in alone}}.items():
        mine, theirs = (tuple(_field_values(spec, name) for name in names) for spec in (here, there))
        if mine != theirs:
            changed = count(replace(here, **{name: getattr(there, name) for name in names}))  # type: ignore[type-var]
            describe = (texts or {}).get(choice) or partial(_describe_option, names=names)
            rows.append((choice, describe(here), describe(there), changed, changed - ours))
    schema = {"choice": pl.String, "here": pl.String, "there": pl.String, "people": pl.Int64, "change": pl.Int64}
    table = pl.DataFrame(rows, schema=schema, orient="row")
    return table.sort(pl.col("change").abs(), "choice", descending=[True, False], nulls_last=True)


def _field_values(spec: Any, name: str) -> Any:
    """Return a field of the options as values that can be compared."""
    value = getattr(spec, name)
    if isinstance(value, Step):
        return _Condition(value)
    if isinstance(value, Calendar):
        return tuple(one for one in (value.name, value.time_zone, value.week_start) if one not in ("UTC", "monday"))
    if name == "steps":
        return tuple(map(_Condition, value))
    if name == "names":
        return None  # they follow from the steps and the order
    if name == "exclude":
        return tuple((_Condition(one.step), one.low, one.high) for one in value)
    return value


def _describe_option(spec: Any, *, names: tuple[str, ...]) -> str:
    """Write the fields of an option as an analyst would: durations as such, steps by their names."""
    from journeys.display import format_duration

    words = []
    for name in names:
        value = getattr(spec, name)
        value = _field_values(spec, name) if isinstance(value, Calendar) else value
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, Step):
                words.append(describe_step(one))
            elif isinstance(one, int) and not isinstance(one, bool) and name not in _COUNTS:
                words += [format_duration(one)] if one else []
            elif one is True and len(names) > 1:
                continue
            elif name == "periods":
                words.append(f"{one} periods")
            elif one not in (None, False):
                words.append(str(one))
    return ", ".join(dict.fromkeys(words)) or "none"


def describe_step(step: Step, *, notes: Sequence[str] = ()) -> str:
    """Write a step by its name, with its condition where that is not an event of this name.

    Examples
    --------
    >>> from journeys.steps import step
    >>> describe_step(step("A")), describe_step(step("B", pl.col("amount") > 30), notes=["optional"])
    ('A', 'B (amount > 30, optional)')
    """
    written = re.sub(r"(\.fill_null\(\[false\]\))+$", "", str(step.condition))  # which every step adds
    condition = _describe_condition(written) if step.events is None else " or ".join(step.events)
    name = condition if step.name == written else step.name
    inside = [*([] if condition == name else [condition]), *notes]
    return f"{name} ({', '.join(inside)})" if inside else name


def _describe_condition(text: str) -> str:
    """Write the text of a Polars expression as an analyst would write it.

    For instance ``[([(col("a")) > (dyn int: 30)]) & (col("b").is_null())]`` → ``(a > 30) & (b.is_null())``.
    """
    text = re.sub(r'col\("([^"]*)"\)', r"\1", re.sub(r"dyn (int|float): ", "", text))
    text = text.replace("([", "(").replace("])", ")")
    text = re.sub(r'(?<!\w)\(([^\s()]+|"[^"]*")\)', r"\1", text)
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class DifferenceExplanation(JourneysResult[J]):
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
        """The option that changes the count most, as one sentence."""
        from journeys.display import adapt_words, choose_form, quote_name, shorten_words

        if not self.table.height:
            return adapt_words("Both ask the same; they differ in the people asked.")
        row = self.table.row(0, named=True)
        if not row["change"]:
            return adapt_words("None of the options that differ changes anything for these people on its own.")
        if (people := self.settings["people"]) < MIN_PEOPLE:
            return say_too_few(people, "asked", unit=self._journeys._log.unit)
        choice = quote_name(row["choice"])
        if abs(row["change"]) < MIN_PEOPLE:
            counted = adapt_words(choose_form(MIN_PEOPLE, *self._counted))
            changes = f"changes the count by fewer than {MIN_PEOPLE} {counted} on its own"
            return NoFinding(f"The option that matters most, {choice}, {changes}: too few for a finding.")
        counted = adapt_words(choose_form(abs(row["change"]), *self._counted))
        change = f"{row['change']:+,} {counted}".replace("-", "−")
        here, there = (shorten_words(row[side]) for side in ("here", "there"))
        return f"The option that matters most is {choice}: {here!r} here, {there!r} there ({change})."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw what each option alone would change."""
        from journeys.charts.bars import draw_changes
        from journeys.display import adapt_words

        counted = adapt_words("people who convert") if self._counted[1] == "people" else self._counted[1]
        subtitle = f"{counted}, more or fewer"
        return draw_changes(self.table, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)
