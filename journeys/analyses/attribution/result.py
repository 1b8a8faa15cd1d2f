"""The answer to an attribution: the credit of each touchpoint, and the people behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.attribution.comparison import AttributionComparison, compare_tables, list_touched
from journeys.analyses.attribution.select_people import TouchSelection, select_touched
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import NONE, value_of_label
from journeys.analyses.periods import describe_period, find_earlier_period
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.errors import ArgumentError, UnknownNameError, unknown

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Attribution(Result[J]):
    """How much of the conversions each touchpoint gets credit for.

    Attributes
    ----------
    table : pl.DataFrame
        The touchpoint in a column named as `by`, then `credit` (conversions, Float64), `share` (of all
        conversions), `touched` (people with the touchpoint in their path), `converted` (those of them who
        converted), `conversion_rate`, and `value` where a value column was given; highest credit first.
    paths : pl.DataFrame
        `path` (List[String]), `people`, `converted`, `conversion_rate`; most people first.
    """

    paths: pl.DataFrame
    _spec: AttributionSpec = field(repr=False)
    _rerun: Callable[[Any, AttributionSpec, Mapping[str, Any]], Attribution[Any]] = field(repr=False)

    @property
    def finding(self) -> str:
        """The touchpoint that gets most credit, as one sentence."""
        from journeys.display import percent, the_count

        by, total = self._spec.by, self.settings["conversions"]
        if not total:
            return f"Nobody did {self._spec.goal.name}: there is no credit to share."
        top = self.table.row(0, named=True)
        conversions = f"{the_count(total, 'conversion')} to {self._spec.goal.name}"
        if top[by] != NONE:
            return f"{top[by]} gets credit for {percent(top['share'])} of {conversions}."
        lead = f"{percent(top['share'])} of {conversions} came without any {by.replace('_', ' ')}"
        named = self.table.filter((pl.col(by) != NONE) & (pl.col("credit") > 0)).head(1).to_dicts()
        return lead + "".join(f"; {one[by]} gets credit for {percent(one['share'])}" for one in named) + "."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the credit of each touchpoint as a bar."""
        from journeys.charts.attribution import draw
        from journeys.display import duration, plural

        model, total = self.settings["model"], self.settings["conversions"]
        subtitle = (
            f"Credited conversions and their share, model {model!r}, looking back {duration(self._spec.lookback)}; "
            f"{plural(total, 'conversion')} in all"
        )
        return draw(self.table, touch=self._spec.by, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, touch: str, *, converted: bool | None = None) -> J:
        """Select the people who have a touchpoint in their path.

        Parameters
        ----------
        touch : str
            A value of the table's first column; "(none)" selects those who converted without any.
        converted : bool, optional
            Only those who converted, or only those who did not.

        Raises
        ------
        UnknownNameError
            When no person has that touchpoint.
        """
        labels = self.table[self._spec.by].to_list()
        if touch not in labels:
            raise UnknownNameError(unknown("touch", touch, available=labels, what=self._spec.by))
        selection = TouchSelection(self._spec, value_of_label(touch), converted)
        return self._journeys._select_people(select_touched, selection)

    def previous(self, back: str | timedelta = "previous", *, calendar: bool = False) -> Attribution[J]:
        """Ask the same of an earlier period of conversions; `back` and `calendar` as in `Funnel.previous`.

        Raises
        ------
        ArgumentError
            When the attribution was asked without both ends of `converted`, or an option is invalid.
        """
        spec = self._spec
        options: dict[str, Any] = {"calendar": calendar, "time_zone": spec.time_zone, "argument": "converted"}
        earlier = find_earlier_period(spec.converted, back, **options)
        return self._rerun(self._journeys, replace(spec, converted=earlier), self.settings)

    def compare(
        self, other: Attribution[J] | str | timedelta = "previous", *, calendar: bool = False
    ) -> AttributionComparison[J]:
        """Compare the credit of each touchpoint with that in another period, or among other people.

        Parameters
        ----------
        other : {"previous", "year"}, duration or Attribution
            An earlier period of the same people, see `previous`; or another attribution of the same column and model.
        calendar : bool
            With "year": the same dates of the year before.

        Raises
        ------
        ArgumentError
            When the other attribution differs in model or column.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b", "c"], "event": ["Paid"] * 3, "campaign": ["spring"] * 3,
        ...     "timestamp": ["2026-03-05", "2026-03-12", "2026-03-13"]})
        >>> a = jn.Journeys.from_table(log).attribution("Paid", converted=("2026-03-09", "2026-03-16"))
        >>> a.compare("previous").table.select("credit", "credit_against", "change").rows()
        [(2.0, 1.0, 1.0)]
        """
        there = other if isinstance(other, Attribution) else self.previous(other, calendar=calendar)
        asked = [(one._spec.model, one._spec.by) for one in (self, there)]
        if asked[0] != asked[1]:
            raise ArgumentError(f"other: model and column differ, {asked[0]} here and {asked[1]} there.")
        touched = [one._journeys._count_shards(list_touched, one._spec) for one in (self, there)]
        sides = [(one.table, int(one.settings["conversions"])) for one in (self, there)]
        table = compare_tables(
            sides[0], sides[1], touched=(touched[0], touched[1]), by=self._spec.by, model=asked[0][0]
        )
        periods = [describe_period(one._spec.converted, time_zone=one._spec.time_zone) for one in (self, there)]
        settings = {**self.settings, "converted": periods[0], "against": periods[1], "conversions_against": sides[1][1]}
        return AttributionComparison(table, settings, self._journeys)
