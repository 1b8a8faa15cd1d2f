"""The answer to an attribution: the credit of each touchpoint, and the people behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from journeys.analyses.against import shares_too_many
from journeys.analyses.attribution.comparison import (
    AttributionComparison,
    compare_tables,
    count_converters,
    list_touched,
)
from journeys.analyses.attribution.costs import join_costs
from journeys.analyses.attribution.count import TouchPaths
from journeys.analyses.attribution.model_comparison import ModelComparison, check_models, compare_models
from journeys.analyses.attribution.paired_sides import ComparedSide
from journeys.analyses.attribution.select_people import select_touch
from journeys.analyses.attribution.spec import LEAST_SHARE, AttributionSpec, Model
from journeys.analyses.labels import NONE
from journeys.analyses.periods import describe_period, find_earlier_period
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.errors import ArgumentError

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Attribution(JourneysResult[J]):
    """How much of the conversions each touchpoint gets credit for.

    Attributes
    ----------
    table : pl.DataFrame
        The touchpoint in a column named as `by`, then `credit` (conversions, Float64), `share` (of all
        conversions), `touched` (people with the touchpoint in one of their paths), `converted` (those of them who
        converted), `conversion_rate`, `conversions` (of the people touched), `influenced` (conversions with the
        touchpoint in their path; may add up to more than the conversions); with a value `value` and
        `value_per_conversion`, with costs `cost`, `cost_per_conversion` and `roas`; highest credit first.
    paths : pl.DataFrame
        `path` (List[String]), `people`, `converted` (people), `conversion_rate`, `conversions`; most people first.
    """

    paths: pl.DataFrame
    _spec: AttributionSpec = field(repr=False)
    _paths: TouchPaths = field(repr=False)
    _rerun: Callable[[Any, AttributionSpec, str | timedelta], Attribution[Any]] = field(repr=False)

    @property
    def finding(self) -> str:
        """The touchpoint that gets most credit, as one sentence."""
        from journeys.display import adapt_words, format_definite_count, format_percent, quote_label, quote_name

        by, total, goal = self._spec.by, self.settings["conversions"], quote_name(self._spec.goal.name)
        if not total:
            return NoFinding(f"{adapt_words('No one')} did {goal}: there is no credit to share.")
        converters = self._paths.code.size
        if converters < MIN_PEOPLE:
            return say_too_few(converters, f"converted to {goal}", unit=self._journeys._log.unit)
        top = self.table.row(0, named=True)
        conversions = f"{format_definite_count(total, 'conversion')} to {goal}"
        if top[by] != NONE and top["share"] < LEAST_SHARE:
            return f"No {by.replace('_', ' ')} gets credit for 1% of {conversions}."
        if top[by] != NONE:
            return f"{quote_label(top[by])} gets credit for {format_percent(top['share'])} of {conversions}."
        lead = f"{format_percent(top['share'])} of {conversions} came without any {by.replace('_', ' ')}"
        credited = self.table.filter((pl.col(by) != NONE) & (pl.col("credit") > 0))
        if credited.is_empty():
            return f"{lead}."
        first = credited.row(0, named=True)
        if first["share"] < LEAST_SHARE:
            return f"{lead}; no {by.replace('_', ' ')} gets credit for 1%."
        return f"{lead}; {quote_label(first[by])} gets credit for {format_percent(first['share'])}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the credit of each touchpoint as a bar."""
        from journeys.charts.attribution import draw_attribution
        from journeys.display import format_count, format_duration

        model, total = self.settings["model"], self.settings["conversions"]
        subtitle = (
            f"Credited conversions and their share, model {model!r}, looking back "
            f"{format_duration(self._spec.lookback)}; "
            f"{format_count(total, 'conversion')} in all"
        )
        if "roas" in self.table.columns:
            subtitle += "; ROAS: value ÷ cost"
        return draw_attribution(
            self.table,
            touch=self._spec.by,
            currency=self.settings.get("currency"),
            title=self.finding,
            subtitle=subtitle,
            dark=dark,
            narrow=narrow,
        )

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
        return select_touch(self._journeys, self._spec, touch, converted=converted, labels=self.table[self._spec.by])

    def with_costs(self, costs: pl.DataFrame | pl.LazyFrame, *, cost: str = "cost") -> Self:
        """Add what each touchpoint cost: cost per conversion, and return on ad spend.

        Parameters
        ----------
        costs : pl.DataFrame or pl.LazyFrame
            One or more rows per touchpoint, in a column named as `by`; several rows add up.
        cost : str
            The numeric column with the cost, in the currency of the value.

        Returns
        -------
        Attribution
            With the columns `cost`, `cost_per_conversion` (cost ÷ credit) and, where values are known, `roas`
            (value ÷ cost); null where a touchpoint has no cost or no credit. Touchpoints that only `costs` has get a
            row.

        Raises
        ------
        UnknownNameError
            When `costs` lacks a column.
        ArgumentError
            When a cost is missing or negative.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"],
        ...     "event": ["Loaded a Page", "Paid"], "campaign": ["spring", None], "amount": [None, 30.0]})
        >>> a = jn.Journeys.from_table(log).attribution("Paid", value="amount")
        >>> costs = pl.DataFrame({"campaign": ["spring"], "cost": [10]})
        >>> a.with_costs(costs).table.select("campaign", "value", "cost", "roas").rows()
        [('spring', 30.0, 10.0, 3.0)]
        """
        return replace(self, table=join_costs(self.table, costs, by=self._spec.by, cost=cost))

    def compare_models(
        self, models: Sequence[Model] | None = None, *, draws: int = 200, seed: int = 0
    ) -> ModelComparison[J]:
        """Compare attribution models side by side, each with a 95% bootstrap interval.

        Parameters
        ----------
        models : sequence of str, optional
            Names of models as `attribution` has them; all by default ("custom" where weights were given).
        draws : int
            How many times people are drawn with replacement.
        seed : int
            The seed of the draws.

        Returns
        -------
        ModelComparison
            `.table`: one row per touchpoint and model with `credit`, `share`, `ci_low`, `ci_high` and, with a value,
            `value`, `value_low`, `value_high`; `.matrix()` has one column per model.

        Raises
        ------
        ArgumentError
            When a model, `draws` or `seed` is invalid.

        Notes
        -----
        The intervals are quantiles over draws of people (Poisson bootstrap: each person is drawn a Poisson(1) number of
        times, with all their conversions). They show how much the shares depend on which people happened to be here,
        not which model is right. Do not read them for touchpoints of fewer than some 30 conversions. Source: Hanley and
        MacGibbon (2006), Creating non-parametric bootstrap samples using Poisson frequencies, Computer Methods and
        Programs in Biomedicine 83.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a"] * 3, "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
        ...     "event": ["Loaded a Page", "Loaded a Page", "Paid"], "campaign": ["spring", "brand", None]})
        >>> jn.Journeys.from_table(log).attribution("Paid").compare_models(["first", "linear"]).matrix().rows()
        [('spring', 1.0, 0.5), ('brand', 0.0, 0.5)]
        """
        chosen = check_models(models, weights=self._spec.weights, draws=draws, seed=seed)
        table = compare_models(self._paths, self._spec, models=chosen, draws=draws, seed=seed)
        kept = {name: value for name, value in self.settings.items() if name != "model"}
        settings = {**kept, "models": chosen, "draws": draws, "seed": seed}
        return ModelComparison(table, settings, self._journeys, self._spec)

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
        return self._rerun(self._journeys, replace(spec, converted=earlier), self.settings["lookback"])

    def compare(
        self,
        other: Attribution[J] | str | timedelta = "previous",
        *,
        calendar: bool = False,
        overlap: Literal["refuse", "pairs"] = "refuse",
    ) -> AttributionComparison[J]:
        """Compare the credit of each touchpoint with that in another period, or among other people.

        Parameters
        ----------
        other : {"previous", "year"}, duration or Attribution
            An earlier period of the same people, see `previous`; or another attribution of the same column and model.
        calendar : bool
            With "year": the same dates of the year before.
        overlap : {"refuse", "pairs"}
            Nothing is tested where more than 5% of the smaller side's converters converted on both sides; or each of
            them is set against themselves, so that intervals and tests allow for any number.

        Raises
        ------
        ArgumentError
            When the other attribution differs in model or column, or "pairs" are asked of the model "markov", whose
            credit is not the sum over people.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b", "c"], "event": ["Paid"] * 3, "campaign": ["spring"] * 3,
        ...     "timestamp": ["2026-03-05", "2026-03-12", "2026-03-13"]})
        >>> a = jn.Journeys.from_table(log).attribution("Paid", converted=("2026-03-09", "2026-03-16"))
        >>> a.compare("previous").table.select("credit", "credit_against", "change").rows()
        [(2.0, 1.0, 1.0)]
        """
        if overlap not in ("refuse", "pairs"):
            raise ArgumentError(f"overlap: {overlap!r} is neither 'refuse' nor 'pairs'.")
        if overlap == "pairs" and self._spec.model == "markov":
            raise ArgumentError(
                "overlap: 'pairs' adds up the credit of each person, and 'markov' looks at the paths of all together; "
                "use another model."
            )
        there = other if isinstance(other, Attribution) else self.previous(other, calendar=calendar)
        names = ("model", "by", "conversions", "leave_out")
        asked = [tuple(getattr(one._spec, name) for name in names) for one in (self, there)]
        if asked[0] != asked[1]:
            raise ArgumentError(f"other: {', '.join(names)} differ, {asked[0]} here and {asked[1]} there.")
        mine, theirs = (
            ComparedSide(one.table, one._paths, one._journeys._count_shards(list_touched, one._spec))
            for one in (self, there)
        )
        both, converters = count_converters(mine, theirs)
        is_paired = overlap == "pairs"
        is_refused = not is_paired and shares_too_many(both, converters)
        table = compare_tables(mine, theirs, self._spec, is_refused=is_refused, is_paired=is_paired)
        periods = [describe_period(one._spec.converted, time_zone=one._spec.time_zone) for one in (self, there)]
        settings = {**self.settings, "converted": periods[0], "against": periods[1]}
        settings["conversions_against"] = theirs.conversions
        settings |= {"overlap": overlap} if is_paired else {}
        return AttributionComparison(table, settings, self._journeys, both, is_refused, is_paired)
