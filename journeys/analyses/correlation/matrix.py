"""Several goals at once: which behaviours go with which of them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.correlation.caveats import LEVEL, is_headline
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.correlation.stratified import Stratified, describe_groups, stratify_tables
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.errors import UnknownNameError, unknown_message
from journeys.stats import adjust, to_columns

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Correlations(JourneysResult[J]):
    """Which behaviours go with which goals?

    Attributes
    ----------
    table : pl.DataFrame
        One row per goal and behaviour, in the order asked and then by phi: `goal`, then the columns of
        `Correlation.table`; `q_value` is over the whole table here.
    each : tuple of Correlation
        The answer for each goal, with its people.
    """

    each: tuple[Correlation[J], ...] = field(repr=False)

    @property
    def matrix(self) -> pl.DataFrame:
        """One row per behaviour, one column per goal: phi when everybody has had the same time.

        It is null where the goal has set the behaviour apart; by the largest |phi|, the largest first.
        """
        shown = self.checks.with_columns(phi=pl.when(pl.col("doubt").is_null()).then("phi_matched"))
        behaviours = shown.group_by("behaviour").agg(top=pl.col("phi").abs().max())
        wide = behaviours.sort("top", "behaviour", descending=[True, False], nulls_last=True).select("behaviour")
        for name in [one.goal for one in self.each]:
            phis = shown.filter(pl.col("goal") == name).select("behaviour", pl.col("phi").alias(name))
            wide = wide.join(phis, on="behaviour", how="left", maintain_order="left")
        return wide

    @property
    def checks(self) -> pl.DataFrame:
        """The `checks` of every goal, in the order asked: `goal`, then their columns.

        `q_equal_time` is over the whole table here.
        """
        table = pl.concat([one.checks.select(pl.lit(one.goal).alias("goal"), pl.all()) for one in self.each])
        return table.with_columns(to_columns(q_equal_time=adjust(table["p_equal_time"])))

    def of(self, goal: str) -> Correlation[J]:
        """Return the answer for one goal.

        Parameters
        ----------
        goal : str
            As it was asked.

        Raises
        ------
        UnknownNameError
            When it was not asked.
        """
        for one in self.each:
            if one.goal == goal:
                return one
        names = [one.goal for one in self.each]
        raise UnknownNameError(unknown_message("goal", goal, available=names, what="goal"))

    def by(self, column: str) -> StratifiedCorrelations[J]:
        """Do they hold among similar people, such as those of one campaign?

        Parameters
        ----------
        column : str
            As in `Correlation.by`: a column of people such as "first_campaign", "activity", or "every month".

        Returns
        -------
        StratifiedCorrelations
            Its verdicts are corrected for all goals.

        Raises
        ------
        UnknownNameError
            When people have no such column.
        """
        tables = [(one.table, one._spec) for one in self.each]
        found = stratify_tables(self._journeys, tables, column, settings=self.settings)
        joined = pl.concat([one.table.select(pl.lit(one.goal).alias("goal"), pl.all()) for one in found])
        return StratifiedCorrelations(joined, {**self.settings, "by": column}, self._journeys, tuple(found))

    @property
    def finding(self) -> str:
        """The strongest finding about each goal, as one sentence.

        The numbers are those of the comparison in which everybody has had the same time, corrected for all goals.
        """
        from journeys.display import format_ratio, quote_name

        certain = self.checks.filter(pl.col("q_equal_time") <= LEVEL).select("goal", "family", "value")
        said = []
        for one in self.each:
            found = one.findings.filter(is_headline()).join(
                certain.filter(pl.col("goal") == one.goal), on=["family", "value"], how="semi", maintain_order="left"
            )
            said += [
                f"{quote_name(row['behaviour'])} with {'' if row['phi_matched'] > 0 else 'not '}reaching "
                f"{quote_name(one.goal)} (phi {format_ratio(row['phi_matched'])})"
                for row in found.head(1).iter_rows(named=True)
            ]
        if not said:
            return "No behaviour goes with any of them in a way that holds up."
        return f"Most closely associated: {'; '.join(said)}."

    def plot(self, *, dark: bool = False, narrow: bool = False, rows: int = 25) -> go.Figure:
        """Draw phi of each behaviour with each goal as a heatmap.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        rows : int
            At most so many behaviours.
        """
        from journeys.charts.phi_heatmap import draw_phi_heatmap
        from journeys.display import format_count

        people = self.each[0]._counts.people if self.each else 0
        everyone = format_count(people, self._journeys._log.unit)
        subtitle = f"phi of those observed equally long, of {everyone}; blank: undefined, too few did it, or set apart"
        matrix = self.matrix
        if matrix.height > rows:
            subtitle += f"; the {rows} with the largest phi of {format_count(matrix.height, 'behaviour')}"
        return draw_phi_heatmap(matrix.head(rows), title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def _displayed_table(self) -> pl.DataFrame:
        """Return what the notebook shows."""
        return self.matrix


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StratifiedCorrelations(JourneysResult[J]):
    """Which behaviours go with which goals among similar people?

    Attributes
    ----------
    table : pl.DataFrame
        One row per goal and behaviour, in the order asked and then by `phi_within`: `goal`, then the columns of
        `Stratified.table`; `q_value` and `verdict` are corrected for the whole table.
    each : tuple of Stratified
        The answer for each goal.
    """

    each: tuple[Stratified[J], ...] = field(repr=False)

    @property
    def strata(self) -> pl.DataFrame:
        """One row per goal, behaviour and group: `goal`, then the columns of `Stratified.strata`."""
        return pl.concat([one.strata.select(pl.lit(one.goal).alias("goal"), pl.all()) for one in self.each])

    @property
    def finding(self) -> str:
        """What holds within the groups, one sentence per goal."""
        return " ".join(one.finding for one in self.each)

    def plot(self, *, dark: bool = False, narrow: bool = False, rows: int = 25) -> go.Figure:
        """Draw phi within the groups of each behaviour with each goal as a heatmap; `rows` behaviours at most."""
        from journeys.charts.phi_heatmap import draw_phi_heatmap

        top = self.table.group_by("behaviour").agg(top=pl.col("phi_within").abs().max())
        wide = top.sort("top", "behaviour", descending=[True, False], nulls_last=True).select("behaviour").head(rows)
        for one in self.each:
            phis = one.table.unique("behaviour", keep="first", maintain_order=True)
            phis = phis.select("behaviour", pl.col("phi_within").alias(one.goal))
            wide = wide.join(phis, on="behaviour", how="left", maintain_order="left")
        subtitle = f"phi {describe_groups(self.each[0].column)}; blank: undefined, or too few did it"
        return draw_phi_heatmap(wide, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)


def combine_goals(journeys: J, each: Sequence[Correlation[J]], *, settings: Mapping[str, object]) -> Correlations[J]:
    """Combine the answers for several goals into one table."""
    table = pl.concat([one.table.with_columns(goal=pl.lit(one.goal)) for one in each])
    table = table.with_columns(to_columns(q_value=adjust(table["p_value"])))
    first = ["goal", *[name for name in table.columns if name not in {"goal", "family", "value"}]]
    return Correlations(table.select(first), settings, journeys, tuple(each))
