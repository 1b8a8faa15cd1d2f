"""The answer to a funnel: how far people get, the people behind each number, and further questions about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args

import polars as pl

from journeys.analyses.correlation import Correlation, correlation
from journeys.analyses.correlation.spec import BehaviourLike
from journeys.analyses.explain_difference import DifferenceExplanation, list_differences
from journeys.analyses.funnel.comparison import (
    FunnelComparison,
    Measure,
    Method,
    PersonRatesSpec,
    Side,
    compare_funnels,
    compare_groups,
    count_person_rates,
    has_clusters,
)
from journeys.analyses.funnel.count import count
from journeys.analyses.funnel.durations import (
    ConvertedWithin,
    StepDurationSpec,
    StepTimes,
    TimeToConvert,
    count_step_durations,
    summarise_curve,
    summarise_histogram,
    summarise_times,
)
from journeys.analyses.funnel.exits.run import exits
from journeys.analyses.funnel.follow_up import follow_equally
from journeys.analyses.funnel.next_events import next_after_drop
from journeys.analyses.funnel.round_bins import count_round_bins
from journeys.analyses.funnel.select_people import FunnelSelection, select_entered, select_others, select_people
from journeys.analyses.funnel.spec import NOT_COMPARED, OPTION_FIELDS, FunnelSpec, find_step
from journeys.analyses.funnel.summarise import find_worst_step, list_top_groups
from journeys.analyses.funnel.text import (
    OPTION_TEXTS,
    describe_late_start,
    describe_loss,
    describe_periods,
    describe_question,
    describe_window,
    name_unit,
)
from journeys.analyses.funnel.trend import trend
from journeys.analyses.periods import describe_period, find_earlier_period
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.retention.spec import Cohorts
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import ArgumentError, UnknownNameError, is_number, unknown_message
from journeys.steps import duration_us, moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go


_SIZE = ("people", "events", "first", "last")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Funnel(JourneysResult[J]):
    """How many people get how far, and how long it takes them.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by` first, then `step` (1-based), `name`, `people`, `dropped` (Int64: reached this step
        and no later one), `rate_from_start`, `rate_from_previous`, `ci_low`, `ci_high` (Wilson 95% of
        `rate_from_start`), `median_time_from_previous`, `median_time_from_start` (Duration).
    """

    _spec: FunnelSpec = field(repr=False)
    _counts: pl.DataFrame = field(repr=False)
    _rerun: Callable[[Any, FunnelSpec, Mapping[str, Any]], Funnel[Any]] = field(repr=False)
    _against: Funnel[J] | None = field(default=None, repr=False)

    @property
    def finding(self) -> str:
        """How many of those who entered reached the last step, as one sentence."""
        from journeys.display import adapt_words, format_count, format_number, format_percent, quote_name

        spec = self._spec
        total = self._entered_count
        done = int(self._counts.filter(pl.col("step") == spec.step_count)["people"].sum())
        start, end = spec.names[0], spec.names[-1]
        is_open = spec.entry == "any"
        if not total:
            where = "any step" if is_open else f"the first step, {quote_name(start)}"
            return f"{adapt_words('No one')} reached {where}."
        if (people := self._count_entered_people()) < MIN_PEOPLE:
            where = "the funnel" if is_open else f"at {quote_name(start)}"
            return say_too_few(people, f"entered {where}", unit=self._journeys._log.unit)
        entered = format_count(total, self._unit)
        if spec.step_count == 1:
            return f"{entered} reached {quote_name(start)}."
        share = f"{format_number(done)} of {entered} ({format_percent(done / total)})"
        if spec.order == "any":
            return f"{share} did all {spec.step_count}, in any order."
        if is_open:
            return f"{share} who entered the funnel at any step reached {quote_name(end)}."
        return f"{share} went from {quote_name(start)} to {quote_name(end)}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the steps as bars; groups as dots on one scale."""
        from journeys.analyses.funnel.group_gap import find_group_gap
        from journeys.charts.funnel import draw_funnel

        is_comparable = len(self._spec.by) == 1 and self._spec.entry == "first"
        gap = find_group_gap(self.table, by=self._spec.by[0]) if is_comparable else None
        return draw_funnel(
            self.table,
            by=self._spec.by or None,
            title=gap.headline if gap else self.finding,
            subtitle=describe_question(self._spec, self.settings.get("first"), self.settings.get("last")),
            loudest=None if self.worst_step is None else self.worst_step - 1,
            dark=dark,
            narrow=narrow,
        )

    @property
    def cautions(self) -> tuple[str, ...]:
        """What could mislead in this table, each as one sentence."""
        from journeys.display import format_percent

        counts = self._counts.filter(pl.col("step") == 1)
        of_events = [name for name in self._spec.by_columns if name in self._journeys._log.schema]
        late = int(counts["late"].sum())
        if not of_events or not late:
            return ()
        valued = int(counts.filter(pl.any_horizontal(pl.col(self._spec.by).is_not_null()))["entered"].sum())
        if 2 * late < valued:
            return ()
        known_late = (
            f"{format_percent(late / valued)} of those with a {' or '.join(of_events)} have it only from a later step"
        )
        return (f"{known_late}: their groups have come that far by definition; by_at=1 takes it from the first step.",)

    def __repr__(self) -> str:
        return "\n".join([f"Funnel: {self.finding}", *self.cautions, str(self.table)])

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        settings = {**self.settings, "note": " ".join(self.cautions)} if self.cautions else self.settings
        return render_card("Funnel", sentence=self.finding, settings=settings, table=self._displayed_table())

    @property
    def worst_step(self) -> int | None:
        """The step (from 1) after which most people are lost; None if too few people reached any."""
        if self._spec.by or self._count_entered_people() < MIN_PEOPLE:
            return None
        row = find_worst_step(self.table)
        return None if row is None else row + 1

    @property
    def largest_loss(self) -> str | None:
        """What is lost after the worst step, as one sentence; None if too few people reached any step."""
        worst = self.worst_step
        if worst is None:
            return None
        window = describe_window(self._spec)
        return describe_loss(self.table, worst, count=self._spec.count, unit=self._unit, window=window)

    @property
    def _unit(self) -> str:
        return name_unit(self._spec, self._journeys._log.unit)

    def _count_entered_people(self) -> int:
        """Count the people who entered; sessions and entries are traced back to theirs."""
        if self._spec.count == "people" or self._entered_count < MIN_PEOPLE:
            return self._entered_count
        return self._select(0, group={}).size.people

    def people(self, step: int | str = 1, **group: str) -> J:
        """Select those who reached a step; the same as `converted`."""
        return self.converted(step, **group)

    def converted(self, step: int | str | None = None, **group: str) -> J:
        """Select those who reached a step, with all their events.

        Parameters
        ----------
        step : int or str, optional
            The step, by number from 1 or by name; the last by default.
        **group : str
            One group of a breakdown, as the table shows it: ``first_campaign="spring"``.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
        ...     "event": ["Visit", "Sign up", "Visit"]})
        >>> f = jn.Journeys.from_table(log).funnel(["Visit", "Sign up"])
        >>> f.converted().people["person"].to_list(), f.dropped(after="Visit").people["person"].to_list()
        (['a'], ['b'])
        """
        row = self._spec.step_count - 1 if step is None else self._find_step(step, argument="step")
        return self._select(row, group=group)

    def dropped(self, after: int | str = 1, **group: str) -> J:
        """Select those who reached a step and no later one, with all their events; after the last step, none."""
        return self._select(self._find_step(after, argument="after"), dropped=True, group=group)

    def stalled(self, after: int | str = 1, *, at_least: str | timedelta = "7d", **group: str) -> J:
        """Select those who reached a step, went no further, and have had some time to do so.

        Parameters
        ----------
        after : int or str
            The step, by number from 1 or by name.
        at_least : str or timedelta
            How long before the end of the log they took it; those who took it later may only not have had the time.
        **group : str
            One group of a breakdown, as the table shows it.
        """
        row = self._find_step(after, argument="after")
        last = self._journeys.until
        patience = duration_us(at_least, argument="at_least")
        before = None if last is None else moment_us(last) - patience
        return self._select(row, dropped=True, group=group, before=before)

    @property
    def _listed(self) -> pl.DataFrame | None:
        """The keys of the groups that the table shows; all others are in "(other)"."""
        return list_top_groups(self._counts, spec=self._spec) if self._spec.by else None

    def _find_step(self, step: int | str, *, argument: str) -> int:
        return find_step(step, names=self._spec.names, argument=argument)

    def _select(self, row: int, *, group: Mapping[str, str], dropped: bool = False, before: int | None = None) -> J:
        """Select the people behind a number of the table."""
        by = self._spec.by
        wrong = [name for name in group if name not in by]
        if wrong:
            raise UnknownNameError(unknown_message("group", wrong, available=list(by), what="breakdown column"))
        for name, value in group.items():
            shown = self.table[name].unique(maintain_order=True).to_list()
            if value not in shown:
                raise UnknownNameError(unknown_message(name, str(value), available=shown, what="group"))
        selection = FunnelSelection(
            self._spec, row, dropped, tuple(group.items()), self._listed if group else None, before
        )
        return self._journeys._select_people(select_people, selection)

    def times(self, *, quantiles: Sequence[float] = (0.25, 0.5, 0.75, 0.9)) -> StepTimes[J]:
        """Measure how long each step takes those who take it.

        Parameters
        ----------
        quantiles : sequence of float
            Which quantiles, between 0 and 1 (linear between neighbours).

        Returns
        -------
        StepTimes
            `.table`: the columns of `by`, `step`, `name`, `since` ("previous" or "start"), `people` (Int64), `mean`
            and one column per quantile, `q50` for the median (Duration). People who have not taken the step are not in
            it: for them see `converted_within`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["A", "B"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).times(quantiles=[0.5]).table.rows()
        [(2, 'B', 'previous', 1, datetime.timedelta(days=1), datetime.timedelta(days=1))]
        """
        given = list(quantiles) if isinstance(quantiles, Iterable) and not isinstance(quantiles, str) else [quantiles]
        wrong = [q for q in given if not is_number(q) or not 0 <= q <= 1]
        if wrong:
            raise ArgumentError(f"quantiles: {wrong} are not between 0 and 1.")
        timed = self._spec.start_clock_at_entry()
        counts = self._counts if timed is self._spec else self._journeys._count_shards(count, timed)
        table = summarise_times(counts, listed=self._listed, spec=timed, quantiles=given)
        return StepTimes(table, {**self.settings, "by": self._spec.by or None}, self._journeys)

    def time_to_convert(
        self, *, start: int | str = 1, end: int | str | None = None, bins: int | None = None
    ) -> TimeToConvert[J]:
        """Count people by the time they took from one step to another.

        Parameters
        ----------
        start, end : int or str
            The steps, by number or name; from the first to the last by default.
        bins : int, optional
            How many; by default the cube root of the number of people, at most 60. `plot()` then draws bins with
            round edges, `round_bins`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["A", "B"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).time_to_convert().table["people"].to_list()
        [1]
        """
        counts, settings = self._count_durations(start, end)
        took = counts["took"].explode(keep_nulls=False, empty_as_null=False)
        median = None if took.is_empty() else int(took.median())  # type: ignore[arg-type]
        table = summarise_histogram(counts, listed=self._listed, spec=self._spec, bins=bins)
        return TimeToConvert(
            table,
            settings,
            self._journeys,
            round_bins=count_round_bins(took, count=self._spec.count),
            _bins=bins,
            _median=median,
        )

    def converted_within(self, *, start: int | str = 1, end: int | str | None = None) -> ConvertedWithin[J]:
        """Estimate what share has converted within which time, allowing for people who have not had the time yet.

        Parameters
        ----------
        start, end : int or str
            The steps, by number or name; from the first to the last by default.

        Notes
        -----
        Kaplan-Meier: people who entered in the last days are observed for as long as the log goes on, then censored,
        neither lost nor converted. It assumes that they will do as those who entered before them.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-03", "2026-03-02"],
        ...     "event": ["A", "B", "A"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).converted_within().table.select("at_risk", "share").rows()
        [(1, 1.0)]
        """
        counts, settings = self._count_durations(start, end)
        table = summarise_curve(counts, listed=self._listed, spec=self._spec)
        return ConvertedWithin(table, settings, self._journeys, int(counts["open"].sum()))

    def _count_durations(self, start: int | str, end: int | str | None) -> tuple[pl.DataFrame, dict[str, Any]]:
        """Count the times from one step to another; return them with the settings of the answer."""
        low = self._find_step(start, argument="start")
        high = self._spec.step_count - 1 if end is None else self._find_step(end, argument="end")
        if low >= high:
            raise ArgumentError(f"end: step {high + 1} does not come after step {low + 1}.")
        counts = self._journeys._count_shards(
            count_step_durations,
            StepDurationSpec(self._spec.start_clock_at_entry(), low, high, self._journeys._until_us),
        )
        names = self._spec.names
        return counts, {**self.settings, "start": names[low], "end": names[high], "by": self._spec.by or None}

    exits = exits
    next_after_drop = next_after_drop
    trend = trend

    def compare(
        self,
        other: Funnel[J] | J | None = None,
        *,
        measure: Measure = "rate_from_start",
        correct: Method = "bh",
        cohorts: Cohorts = "each",
    ) -> FunnelComparison[J]:
        """Test by how much the rates differ from another group's.

        Parameters
        ----------
        other : Funnel or Journeys, optional
            Another funnel of the same steps, or other people, who are asked the same. Without it, each group of the
            breakdown is compared with all other groups together.
        measure : {"rate_from_start", "rate_from_previous"}
            Which rate.
        correct : {"bh", "by", "holm", "bonferroni"}
            How the p-values are corrected for their number.
        cohorts : {"each", "first"}
            Of two periods: people who entered in both are in both; or ("first") each person is only in the period of
            their first entry in the whole log, so that those who entered before a period are left out of it.

        Notes
        -----
        People who are on both sides are counted (`people_on_both_sides`); they, and people who count several times, as
        with ``count="sessions"``, are taken as clusters, not as independent.

        Where a funnel has `entered`, both sides are followed equally long. With a window, those who entered too late
        to have all of it are pending: counted apart, and in no rate. Without one, both sides get the longest window
        that everyone could be observed for; the numbers are then lower than those of the funnel itself.
        """
        by = self._spec.by
        if cohorts not in get_args(Cohorts):
            raise ArgumentError(f"cohorts: {cohorts!r} is neither 'each' nor 'first'.")
        if measure not in get_args(Measure):
            raise ArgumentError(f"measure: {measure!r} is neither 'rate_from_start' nor 'rate_from_previous'.")
        if other is None:
            if not by:
                raise ArgumentError("other: give the people to compare with, or ask the funnel with by=.")
            by_person = self._count_by_person(measure) if has_clusters(self._spec) else None
            both, periods, caution = 0, None, ""
            table, fewest = compare_groups(self._counts, by_person, spec=self._spec, measure=measure, correct=correct)
        else:
            funnel = other if isinstance(other, Funnel) else self._rerun_on(other)
            if by or funnel._spec.by:
                raise ArgumentError("other: with a breakdown, groups are compared with each other; leave it out.")
            mine, theirs = (one._keep_first_entries() if cohorts == "first" else one for one in (self, funnel))
            here, there = mine._follow_sides(theirs, measure)
            periods = describe_periods(self._spec, funnel._spec)
            caution = (
                describe_late_start([(one._spec, one._journeys.observed_period[0]) for one in (self, funnel)])
                if periods
                else ""
            )
            table, fewest, both = compare_funnels(here, there, measure=measure, correct=correct)
        settings = {**self.settings, "measure": measure, "corrected": correct}
        settings |= {} if cohorts == "each" else {"cohorts": cohorts}
        if periods is not None:
            settings |= {"within": describe_window(here.spec), "entered": periods[0], "against": periods[1]}
        return FunnelComparison(table, settings, self._journeys, both, periods, caution, fewest)

    def previous(self, back: str | timedelta = "previous", *, calendar: bool = False) -> Funnel[J]:
        """Ask the same of the people who entered in an earlier period.

        Parameters
        ----------
        back : {"previous", "year"} or duration
            "previous": as long as `entered`, and ending where it begins; April for May, since whole months become as
            many whole months. "year": 364 days earlier, so that weekdays match. "4w": so much earlier.
        calendar : bool
            With "year": the same dates of the year before.

        Raises
        ------
        ArgumentError
            When the funnel was asked without both ends of `entered`, or an option is invalid.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b", "c"], "event": ["A", "A", "A"],
        ...     "timestamp": ["2026-03-05", "2026-03-12", "2026-03-13"]})
        >>> f = jn.Journeys.from_table(log).funnel(["A"], entered=("2026-03-09", "2026-03-16"))
        >>> f.previous().table["people"].to_list(), f.compare(f.previous()).table["change"].to_list()
        ([1], [1.0])
        """
        spec = self._spec
        entered = find_earlier_period(spec.entered, back, calendar=calendar, time_zone=spec.time_zone)
        described = {**self._chosen_options, "entered": describe_period(entered, time_zone=spec.time_zone)}
        return self._rerun(self._journeys, replace(spec, entered=entered), described)

    def _keep_first_entries(self) -> Funnel[J]:
        """Ask the same of the people who had not entered before the period began, in the whole log."""
        spec, begin = self._spec, self._spec.entered[0]
        if spec.entered == (None, None):
            raise ArgumentError(
                "cohorts: 'first' leaves out who entered before a period; give both funnels entered=(start, end)."
            )
        if begin is None:
            return self
        earlier = replace(spec, entered=(None, begin), exclude=())
        entered = self._journeys._unfiltered()._select_people(select_entered, earlier)
        return self._rerun_on(self._journeys._select_people(select_others, entered._people_codes()))

    def _follow_sides(self, other: Funnel[J], measure: Measure) -> tuple[Side, Side]:
        """Return both sides; of periods, with only the people who could be followed equally long."""
        funnels, specs = (self, other), (self._spec, other._spec)
        if any(spec.entered != (None, None) for spec in specs):
            specs = follow_equally(specs, until=(self._journeys._until_us, other._journeys._until_us))
        sides = []
        for funnel, spec in zip(funnels, specs, strict=True):
            same = spec is funnel._spec
            followed = funnel if same else funnel._rerun(funnel._journeys, spec, funnel._chosen_options)
            pending = funnel._entered_count - followed._entered_count
            sides.append(Side(spec, followed._counts, followed._count_by_person(measure), pending))
        return sides[0], sides[1]

    @property
    def _entered_count(self) -> int:
        """How many people, sessions or entries there are."""
        return int(self._counts.filter(pl.col("step") == 1)["entered"].sum())

    def _count_by_person(self, measure: Measure) -> pl.DataFrame:
        return self._journeys._count_shards(count_person_rates, PersonRatesSpec(self._spec, measure))

    def _rerun_on(self, journeys: J) -> Funnel[J]:
        """Ask other journeys the same question."""
        return self._rerun(journeys, self._spec, self._chosen_options)

    @property
    def _chosen_options(self) -> dict[str, Any]:
        """The options that the settings show."""
        return {key: value for key, value in self.settings.items() if key not in ("steps", *_SIZE)}

    @property
    def comparison(self) -> FunnelComparison[J]:
        """The rates compared with those of the group that was given as `against=`."""
        return self.compare(self._against)

    def correlation(
        self,
        after: int | str = 1,
        *,
        behaviours: BehaviourLike | Sequence[BehaviourLike] = "events",
        exposure: str = "before",
        within: str | timedelta | None = "funnel",
        follow_up: str | timedelta | None = None,
        exclude: Sequence[str] | None = None,
        min_people: int = 30,
        confidence: float = 0.95,
    ) -> Correlation[J]:
        """Measure which behaviours go with going on from a step.

        Each person's clock starts when they first take the step; what they did before does not count.

        Parameters
        ----------
        after : int or str
            The step; those who reached it are asked, and taking the next step is the goal.
        behaviours, exposure, follow_up, min_people, confidence
            As in `Journeys.correlation`.
        within : str, timedelta or None
            How soon people have to go on; by default the window of the funnel.
        exclude : sequence of str, optional
            Behaviours to leave out; by default the events of the funnel's own steps.

        Raises
        ------
        ArgumentError
            When nothing follows the step, or the steps may come in any order.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "a", "b"], "event": ["A", "Help", "B", "A"],
        ...     "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-01"]})
        >>> found = jn.Journeys.from_table(log).funnel(["A", "B"], within="7d").correlation(min_people=1)
        >>> found.table.select("behaviour", "both", "neither", "phi").rows()
        [('Help', 1, 1, 1.0)]
        """
        spec, row = self._spec, self._find_step(after, argument="after")
        if row == spec.step_count - 1:
            raise ArgumentError("after: nothing follows the last step.")
        if spec.by:
            raise ArgumentError(
                "correlation: this funnel has groups, which a correlation does not; ask the funnel without "
                "by=, and the correlation .by(...) a column of people."
            )
        if spec.order == "any":
            raise ArgumentError("after: with order='any' no step follows another; ask j.correlation(…, since=…).")
        here, following = spec.steps[row], spec.steps[row + 1]
        if within == "funnel":
            limits = [limit for limit in (spec.within, spec.step_windows[row + 1]) if limit is not None]
            within = timedelta(microseconds=min(limits)) if limits else None
        known = set(self._journeys._log.names)
        own = sorted({name for step in spec.steps for name in step.events or () if name in known})
        return correlation(
            self.converted(row + 1),
            following,
            behaviours=behaviours,
            exposure=exposure,
            since=here,
            within=within,
            follow_up=follow_up,
            exclude=own if exclude is None else exclude,
            min_people=min_people,
            confidence=confidence,
        )

    def explain_difference(self, other: Funnel[Any]) -> DifferenceExplanation[J]:
        """List the options in which another funnel differs, and what each alone would change.

        Parameters
        ----------
        other : Funnel
            The other one, e.g. the same with ``semantics="mixpanel"``.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-03"], "event": ["A", "B"]})
        >>> j = jn.Journeys.from_table(log)
        >>> f = j.funnel(["A", "B"])
        >>> f.explain_difference(j.funnel(["A", "B"], within="1d")).table.rows()
        [('within', 'none', '1 day', 0, -1)]
        """

        def count_converted(spec: FunnelSpec) -> int:
            counts = self._journeys._count_shards(count, spec)
            return int(counts.filter(pl.col("step") == spec.step_count)["people"].sum())

        specs = (self._spec, other._spec)
        table = list_differences(
            *specs, count=count_converted, together=OPTION_FIELDS, left_out=NOT_COMPARED, texts=OPTION_TEXTS
        )
        return DifferenceExplanation(table, self.settings, self._journeys)
