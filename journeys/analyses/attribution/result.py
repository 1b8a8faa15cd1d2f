"""The answer to an attribution: the credit of each touchpoint, and the people behind it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.attribution.select_people import TouchSelection, select_touched
from journeys.analyses.attribution.spec import AttributionSpec
from journeys.analyses.labels import NONE, value_of_label
from journeys.analyses.protocol import J
from journeys.analyses.result import Result
from journeys.errors import UnknownNameError, unknown

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
