"""Whole paths, and the sequences inside them, as results: a table and a picture each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.flow.spec import CountUnit
from journeys.analyses.flow.summarise import rename_to_people
from journeys.analyses.flow.text import UNITS
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True)
class PathChart:
    """What the pictures of paths need to know of their flow."""

    goal: str | None
    unit: CountUnit
    definition: str
    journey_count: int
    choose_colours: Callable[[pl.Series, bool], Mapping[str, str] | None]

    def draw(self, table: pl.DataFrame, *, title: str, dark: bool, narrow: bool) -> go.Figure:
        """Draw the lists of names in the column `path`."""
        from journeys.charts.paths import draw_paths

        return draw_paths(
            rename_to_people(table, self.unit),
            goal=self.goal,
            colour_of=self.choose_colours(table["path"].explode(empty_as_null=False), dark),
            title=title,
            subtitle=self.definition,
            dark=dark,
            narrow=narrow,
        )


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Paths(JourneysResult[J]):
    """Which whole paths do journeys take, from their first node to their last?

    Attributes
    ----------
    table : pl.DataFrame
        `path` (List[String]), `people` (or `sessions`, `entries`), `conversion_rate` of all who took the same route to
        whatever end, `median_time` (Duration, first node to last), `share`, `nodes`, `ci_low`, `ci_high`; of a flow
        with an end also `reached`, `passed` and `converted`.
    covering : tuple of int
        How many paths cover 80% of all journeys shown, and how many paths there are.
    """

    covering: tuple[int, int]
    _chart: PathChart = field(repr=False)

    @property
    def finding(self) -> str:
        """How many paths cover most journeys, as one sentence."""
        from journeys.display import adapt_words, choose_form, format_count, format_number

        count, total = self.covering
        if not total:
            return NoFinding("There are no paths.")
        if self._chart.journey_count < MIN_PEOPLE:
            unit = self._journeys._log.unit if self._chart.unit == "people" else UNITS[self._chart.unit]
            return say_too_few(self._chart.journey_count, "took a path", unit=unit)
        make = choose_form(count, "makes", "make")
        units = adapt_words(self._chart.unit)
        return f"{format_number(count)} of {format_count(total, 'path')} {make} up 80% of all {units} shown."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw each path as a line of names, with how many take it and convert."""
        return self._chart.draw(self.table, title=self.finding, dark=dark, narrow=narrow)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Sequences(JourneysResult[J]):
    """Which nodes directly follow each other, anywhere in a journey?

    Attributes
    ----------
    table : pl.DataFrame
        `sequence` (List[String]), `people` (or `sessions`, `entries`: journeys with it), `times` (how often it occurs),
        `conversion_rate` of all with it and its interval `ci_low`, `ci_high`; most people first.
    """

    _chart: PathChart = field(repr=False)

    @property
    def finding(self) -> str:
        """The most frequent sequence, as one sentence."""
        from journeys.display import adapt_words, format_number, quote_labels

        if self.table.is_empty():
            return NoFinding("No sequence of that size occurs.")
        top = self.table.row(0, named=True)
        names = quote_labels(top["sequence"])
        if top[self._chart.unit] < MIN_PEOPLE:
            unit = self._journeys._log.unit if self._chart.unit == "people" else UNITS[self._chart.unit]
            return say_too_few(top[self._chart.unit], f"took the most frequent sequence, {names}", unit=unit)
        count, units = format_number(top[self._chart.unit]), adapt_words(self._chart.unit)
        return f"The most frequent sequence is {names}: {count} {units}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw each sequence as a line of names, with how many have it and convert."""
        table = self.table.rename({"sequence": "path"})
        return self._chart.draw(table, title=self.finding, dark=dark, narrow=narrow)
