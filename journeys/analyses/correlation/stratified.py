"""A correlation within groups of people, or periods: does it hold there, or do the groups explain it?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.analyses.correlation.caveats import LEVEL
from journeys.analyses.correlation.count import count
from journeys.analyses.correlation.equal_time import EqualTime, compare_equal_time
from journeys.analyses.correlation.spec import ACTIVITY, CorrelationSpec, parse_strata
from journeys.analyses.correlation.summarise import CELLS, BehaviourCounts, add_cells, add_measures, add_up
from journeys.analyses.labels import label_values
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.errors import UnknownNameError, unknown_message
from journeys.stats import adjust, mantel_haenszel, partial_phi, to_columns

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class StratumTrend(JourneysResult[J]):
    """How closely does one behaviour go with the goal in each group?

    Attributes
    ----------
    table : pl.DataFrame
        The rows of `Stratified.strata` of one behaviour.
    """

    behaviour: str
    goal: str
    _column: str = field(repr=False)

    @property
    def finding(self) -> str:
        """How phi differs between the groups, as one sentence."""
        from journeys.display import format_day, format_ratio, quote_name

        behaviour, goal = quote_name(self.behaviour), quote_name(self.goal)
        groups = self.table.filter(pl.col("phi").is_not_null() & (pl.sum_horizontal(CELLS) >= MIN_PEOPLE))
        if groups.height < 2:
            return f"{behaviour} and {goal} can be compared in fewer than two groups."
        over_time = self._column.startswith("every ")
        ordered = groups if over_time else groups.sort("phi", "stratum")
        rows = ordered.select("stratum", "phi").rows()
        ends = [
            f"{format_ratio(phi)} {f'from {format_day(date.fromisoformat(name))} on' if over_time else f'in {name}'}"
            for name, phi in (rows[0], rows[-1])
        ]
        return f"{behaviour} and {goal}: phi {', '.join(ends)}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw phi in each group.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        """
        from journeys.charts.stratified_phi import draw_groups
        from journeys.display import quote_name

        return draw_groups(
            self.table,
            over_time=self._column.startswith("every "),
            title=self.finding,
            subtitle=f"phi with reaching {quote_name(self.goal)}, {describe_groups(self._column)}",
            dark=dark,
            narrow=narrow,
        )


def describe_groups(column: str) -> str:
    """Describe what the groups of a stratified correlation are."""
    if column.startswith("every "):
        unit = column.removeprefix("every ")
        return f"by the {unit} of the first touch; later groups were observed for less time"
    return "within levels of activity" if column == ACTIVITY else f"within {column}"


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Stratified(JourneysResult[J]):
    """Does a behaviour go with converting among similar people?

    Attributes
    ----------
    table : pl.DataFrame
        One row per behaviour, by `phi_within`, the largest first: `behaviour`, `phi` (everybody together), `phi_within`
        (within the groups: the partial correlation), `odds_ratio`, `odds_ratio_within` (Mantel & Haenszel) with
        `ci_low`, `ci_high`, `p_value` (at equal time within the groups, see `journeys.stats.mantel_byar`), `q_value`
        (corrected for all behaviours, together and within the groups), and `verdict`: "holds", "reversed"
        (taken together it points one way, within the groups the other: Simpson's paradox), "explained by the groups"
        (nothing is left of it within them), "only within the groups", or null where there is nothing either way.
    strata : pl.DataFrame
        One row per behaviour and group, sorted by both: `behaviour`, `stratum`, the four counts, `phi`, `ci_low`,
        `ci_high`, `p_value`, `rate_with`, `rate_without`.
    column, goal : str
        The column of people that makes the groups, and the converting event.
    """

    strata: pl.DataFrame
    column: str
    goal: str

    @property
    def groups(self) -> str:
        """What the groups are, in words."""
        return describe_groups(self.column)

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import adapt_words, choose_form, format_count, format_number, quote_name

        goal = quote_name(self.goal)
        did, others = (pl.col(one).sum() + pl.col(two).sum() for one, two in (CELLS[:2], CELLS[2:]))
        sizes = self.strata.group_by("behaviour").agg(people=pl.min_horizontal(did, others))
        said = self.table.filter(pl.col("verdict").is_not_null()).join(
            sizes.filter(pl.col("people") >= MIN_PEOPLE), on="behaviour", how="semi", maintain_order="left"
        )
        turned = said.filter(pl.col("verdict") == "reversed")
        if turned.height:
            row = turned.sort((pl.col("phi") * pl.col("phi_within")).abs(), "behaviour", descending=[True, False]).row(
                0, named=True
            )
            ways = ("more", "less") if row["phi"] > 0 else ("less", "more")
            return (
                f"{quote_name(row['behaviour'])} is reversed: taken together, {adapt_words('those who did it')} reach "
                f"{goal} {ways[0]} often; {self.groups} {ways[1]} often."
            )
        gone = said.filter(pl.col("verdict") == "explained by the groups").height
        held = said.filter(pl.col("verdict") == "holds").height
        if not gone and not held:
            return f"No behaviour goes with {goal}, together or {self.groups}."
        if held + gone == 1:
            holds = "holds" if held else "does not hold"
            return f"The only behaviour that goes with {goal} {holds} {self.groups}."
        hold = choose_form(held, "holds", "hold")
        return (
            f"{format_number(held)} of {format_count(held + gone, 'behaviour')} that go "
            f"with {goal} {hold} {self.groups}."
        )

    def trend(self, behaviour: str) -> StratumTrend[J]:
        """Return one behaviour's phi in each group.

        Parameters
        ----------
        behaviour : str
            As it is called in the table.

        Raises
        ------
        UnknownNameError
            When it is not in the table.
        """
        strata = self.strata.filter(pl.col("behaviour") == behaviour)
        if strata.is_empty():
            names = self.table["behaviour"].to_list()
            raise UnknownNameError(
                unknown_message("behaviour", behaviour, available=names, what="behaviour in the table")
            )
        return StratumTrend(strata, self.settings, self._journeys, behaviour, self.goal, self.column)

    def plot(
        self, *, dark: bool = False, narrow: bool = False, behaviour: str | None = None, rows: int = 20
    ) -> go.Figure:
        """Draw phi with and without the groups; or, for one behaviour, its phi in each group.

        Parameters
        ----------
        dark, narrow : bool
            For a dark page; for a phone.
        behaviour : str, optional
            As it is called in the table.
        rows : int
            At most so many behaviours.
        """
        from journeys.charts.stratified_phi import draw_within
        from journeys.display import quote_name

        if behaviour is not None:
            return self.trend(behaviour).plot(dark=dark, narrow=narrow)
        subtitle = f"phi with reaching {quote_name(self.goal)}, {self.groups}"
        table, title = self.table.head(rows), self.finding
        return draw_within(table, groups=self.groups, title=title, subtitle=subtitle, dark=dark, narrow=narrow)


def stratify_table(
    journeys: J, table: pl.DataFrame, spec: CorrelationSpec, column: str, *, settings: Mapping[str, Any]
) -> Stratified[J]:
    """Count a correlation again, within the groups of a column of people."""
    return stratify_tables(journeys, [(table, spec)], column, settings=settings)[0]


def stratify_tables(
    journeys: J, tables: Sequence[tuple[pl.DataFrame, CorrelationSpec]], column: str, *, settings: Mapping[str, Any]
) -> list[Stratified[J]]:
    """Count the correlations with several goals again, within groups; verdicts are corrected for all goals."""
    pooled, strata, tests = [], [], []
    for table, asked in tables:
        spec = replace(asked, strata=parse_strata(journeys._log, column))
        counts = add_up(journeys._count_shards(count, spec), spec)
        ordered = table.sort("family", "value")
        groups = _measure_strata(ordered, counts, confidence=spec.confidence)
        tests.append(compare_equal_time(journeys, spec, list(ordered.select("family", "value").iter_rows())))
        pooled.append(_pool_strata(ordered, groups, confidence=spec.confidence))
        level = pl.col("stratum").str.extract(r"^(\d+)").cast(pl.Int64) if column == ACTIVITY else pl.col("stratum")
        groups = groups.sort("family", "value", level).with_columns(label_values(groups["stratum"]))
        strata.append(groups.drop("family", "value"))
    return [
        Stratified(judged, {**settings, "by": column}, journeys, groups, column, spec.goal.name)
        for judged, groups, (_, spec) in zip(_judge_behaviours(pooled, tests), strata, tables, strict=True)
    ]


def _measure_strata(table: pl.DataFrame, counts: BehaviourCounts, *, confidence: float) -> pl.DataFrame:
    """Return the four counts and phi of each behaviour in every group, empty groups included."""
    groups = counts.totals.rename({"people": "everybody", "converted": "converters"})
    counted = counts.table.rename({"behaviour": "value"})
    full = (
        table.select("behaviour", "family", "value")
        .join(groups, how="cross")
        .join(counted, on=["family", "value", "stratum"], how="left", nulls_equal=True)
        .with_columns(pl.col("people", "converted").fill_null(0))
        .sort("family", "value", "stratum")
    )
    cells = add_cells(full, people=pl.col("everybody"), converted=pl.col("converters"))
    measures = ["phi", "ci_low", "ci_high", "p_value", "rate_with", "rate_without"]
    measured = add_measures(cells, confidence=confidence)
    return measured.select("behaviour", "stratum", *CELLS, "family", "value", *measures)


def _pool_strata(table: pl.DataFrame, strata: pl.DataFrame, *, confidence: float) -> pl.DataFrame:
    """Pool the groups of each behaviour: what is left of phi and the odds ratio within them."""
    groups = strata["stratum"].n_unique() or 1
    tables = [strata[name].to_numpy().reshape(-1, groups) for name in CELLS]
    pooled = mantel_haenszel(*tables, confidence=confidence)
    measured = to_columns(
        phi_within=partial_phi(*tables),
        odds_ratio_within=pooled.odds_ratio,
        ci_low=pooled.ci_low,
        ci_high=pooled.ci_high,
    )
    return table.select("behaviour", "family", "value", "phi", "odds_ratio").with_columns(measured)


def _judge_behaviours(tables: Sequence[pl.DataFrame], found: Sequence[EqualTime]) -> list[pl.DataFrame]:
    """Judge each behaviour by two tests in which everybody has had the same time: together, and within the groups.

    Both are corrected together for all behaviours of all tables, and count only where they point the way that the phi
    beside them does: a behaviour "holds" by chance in at most 5% of questions.
    """
    p_values = [one.test.p_value for one in found] + [one.within.p_value for one in found]
    q = np.split(adjust(np.concatenate(p_values)), np.cumsum([len(one) for one in p_values])[:-1])
    sides = zip(tables, found, q[: len(found)], q[len(found) :], strict=True)
    return [_judge_table(table, one, q=together, q_within=within) for table, one, together, within in sides]


def _judge_table(
    table: pl.DataFrame, found: EqualTime, *, q: npt.NDArray[np.float64], q_within: npt.NDArray[np.float64]
) -> pl.DataFrame:
    """Add the verdict on each behaviour of one goal."""
    tests = {"z": found.test.z, "q": q, "z_within": found.within.z, "q_value": q_within}
    tests["p_value"] = found.within.p_value
    table = table.with_columns(to_columns(**tests))
    together, within = (
        ((pl.col(q_name) <= LEVEL) & (pl.col(z) * pl.col(phi) > 0)).fill_null(value=False)
        for q_name, z, phi in (("q", "z", "phi"), ("q_value", "z_within", "phi_within"))
    )
    verdict = (
        pl.when(together & within & (pl.col("phi") * pl.col("phi_within") < 0))
        .then(pl.lit("reversed"))
        .when(together & within)
        .then(pl.lit("holds"))
        .when(together)
        .then(pl.lit("explained by the groups"))
        .when(within)
        .then(pl.lit("only within the groups"))
    )
    kept = ["behaviour", "phi", "phi_within", "odds_ratio", "odds_ratio_within", "ci_low", "ci_high"]
    return (
        table.with_columns(verdict=verdict)
        .sort("phi_within", "behaviour", "family", "value", descending=[True, *[False] * 3], nulls_last=True)
        .select(*kept, "p_value", "q_value", "verdict")
    )
