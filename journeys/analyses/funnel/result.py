"""What a funnel answers, and the way back to its people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.funnel.count import count
from journeys.analyses.funnel.people import FunnelPeople
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.protocol import JourneysProtocol
from journeys.errors import ArgumentError
from journeys.steps import moment_us

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.analyses.correlation.result import Correlation
    from journeys.analyses.funnel.after import NextEvents
    from journeys.analyses.funnel.compare import Comparison, Measure, Method
    from journeys.analyses.funnel.explain import Explanation
    from journeys.analyses.funnel.times import ConvertedWithin, TimeToConvert
    from journeys.analyses.funnel.trend import FunnelTrend
    from journeys.api import Journeys

__all__ = ["Funnel"]

_SIZE = ("people", "events", "first", "last")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Funnel(FunnelPeople):
    """How many people get how far, and how long it takes them.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by` first, then `step` (1-based), `name`, `people`, `dropped` (Int64: reached this step
        and no later one), `rate_from_start`, `rate_from_previous`, `ci_low`, `ci_high` (Wilson 95% of
        `rate_from_start`), `median_time_from_previous`, `median_time_from_start` (Duration).
    """

    against: Funnel | None = field(default=None, repr=False)

    @property
    def finding(self) -> str:
        """The answer as one sentence."""
        from journeys.display import number, percent, plural

        unit = {"people": self._journeys._log.unit, "sessions": "session", "entries": "entry"}
        total = int(self.counts.filter(pl.col("step") == 1)["entered"].sum())
        done = int(self.counts.filter(pl.col("step") == self.spec.width)["people"].sum())
        entered = plural(total, unit[self.spec.count])
        start, end = self.spec.names[0], self.spec.names[-1]
        if not total:
            return f"Nobody reached the first step, {start!r}."
        if self.spec.width == 1:
            return f"{entered} reached {self.spec.steps[0].name!r}."
        if self.spec.order == "any":
            return (
                f"{number(done)} of {entered} ({percent(done / total)}) did all {self.spec.width}, in whatever order."
            )
        return f"{number(done)} of {entered} ({percent(done / total)}) went from {start!r} to {end!r}."

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the steps as bars; groups as dots on one scale."""
        from journeys.charts.funnel import draw

        return draw(
            self.table,
            by=self.spec.by or None,
            title=self.finding,
            subtitle=self._definition(),
            dark=dark,
            narrow=narrow,
        )

    def _definition(self) -> str:
        from journeys.display import duration, span

        within = "no window" if self.spec.within is None else f"within {duration(self.spec.within)}"
        if self.spec.calendar:
            within = f"within the same {self.spec.calendar}"
        first, last = self.settings.get("first"), self.settings.get("last")
        days = span(first, last) if first and last else "no events"
        asked = f"{self.spec.order} order, {within}; {days}"
        if not self.spec.by:
            return asked
        by = " and ".join(name.replace("_", " ") for name in self.spec.by)
        share = f"Of those who began, the share who got there, by {by}; in brackets how many began"
        return f"{share}. {asked[0].upper()}{asked[1:]}"

    # -- further questions --------------------------------------------------------------------

    def times(self, *, quantiles: Sequence[float] = (0.25, 0.5, 0.75, 0.9)) -> pl.DataFrame:
        """How long does each step take those who take it?

        Parameters
        ----------
        quantiles : sequence of float
            Which quantiles, between 0 and 1 (linear between neighbours).

        Returns
        -------
        pl.DataFrame
            The columns of `by`, `step`, `name`, `since` ("previous" or "start"), `people` (Int64), `mean` and one
            column a quantile, `q50` for the median (Duration). Those who have not got there are not in it: for
            them see `converted_within`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["A", "B"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).times(quantiles=[0.5]).rows()
        [(2, 'B', 'previous', 1, datetime.timedelta(days=1), datetime.timedelta(days=1))]
        """
        from journeys.analyses.funnel.times import times_table

        wrong = [q for q in quantiles if not 0 <= q <= 1]
        if wrong:
            raise ArgumentError(f"quantiles: {wrong} are not between 0 and 1.")
        return times_table(self.counts, spec=self.spec, quantiles=quantiles)

    def time_to_convert(
        self, *, start: int | str = 1, end: int | str | None = None, bins: int | None = None
    ) -> TimeToConvert:
        """How are the times from one step to another spread?

        Parameters
        ----------
        start, end : int or str
            The steps, by number or name; from the first to the last by default.
        bins : int, optional
            How many; by default as many as the cube root of the number of people, at most 60.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["A", "B"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).time_to_convert().table["people"].to_list()
        [1]
        """
        from journeys.analyses.funnel.times import TimeToConvert, histogram_table

        counts, settings = self._spells(start, end)
        took = counts["took"].explode(keep_nulls=False, empty_as_null=False)
        median = None if took.is_empty() else int(took.median())  # type: ignore[arg-type]
        table = histogram_table(counts, spec=self.spec, bins=bins)
        return TimeToConvert(table, settings, self._journeys, median)

    def converted_within(self, *, start: int | str = 1, end: int | str | None = None) -> ConvertedWithin:
        """What share has converted within which time, when those who have not had the time yet are counted fairly?

        Parameters
        ----------
        start, end : int or str
            The steps, by number or name; from the first to the last by default.

        Notes
        -----
        Kaplan-Meier: people who entered in the last days are watched for as long as the log goes on, then set aside
        (censored), neither lost nor converted. It assumes that they will do like those who entered before them.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-03", "2026-03-02"],
        ...     "event": ["A", "B", "A"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).converted_within().table.select("at_risk", "share").rows()
        [(1, 1.0)]
        """
        from journeys.analyses.funnel.times import ConvertedWithin, curve_table

        counts, settings = self._spells(start, end)
        return ConvertedWithin(curve_table(counts, spec=self.spec), settings, self._journeys, int(counts["open"].sum()))

    def _spells(self, start: int | str, end: int | str | None) -> tuple[pl.DataFrame, dict[str, Any]]:
        from journeys.analyses.funnel.times import Spells, count_spells

        low = self.row_of(start, argument="start")
        high = self.spec.width - 1 if end is None else self.row_of(end, argument="end")
        if low >= high:
            raise ArgumentError(f"end: step {high + 1} does not come after step {low + 1}.")
        last = self._journeys.until
        counts = self._journeys._count_shards(
            count_spells, Spells(self.spec, low, high, 0 if last is None else moment_us(last))
        )
        names = self.spec.names
        return counts, {**self.settings, "start": names[low], "end": names[high], "by": self.spec.by or None}

    def trend(
        self, *, every: Literal["1d", "1w", "1mo", "1q", "1y"] = "1w", step: int | str | None = None
    ) -> FunnelTrend:
        """Does conversion change with the day, week or month in which people enter?

        Parameters
        ----------
        every : {"1d", "1w", "1mo", "1q", "1y"}
            The period, in the funnel's `time_zone`; weeks begin on Monday.
        step : int or str, optional
            The step that counts as converting; the last by default.

        Returns
        -------
        FunnelTrend
            A person counts once in each period in which they take the first step. Periods are all there, empty ones
            too; `complete` says whether the log holds the whole period, and everybody's window has passed.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
        ...     "event": ["A", "B", "A"]})
        >>> trend = jn.Journeys.from_table(log).funnel(["A", "B"], within="1d").trend(every="1d")
        >>> trend.table.select("entered", "converted", "complete").rows()
        [(1, 1, True), (0, 0, False), (1, 0, False)]
        """
        from journeys.analyses.funnel.trend import FunnelTrend, Periods, count_periods, trend_table

        if every not in ("1d", "1w", "1mo", "1q", "1y"):
            raise ArgumentError(f"every: {every!r} is none of '1d', '1w', '1mo', '1q', '1y'.")
        row = self.spec.width - 1 if step is None else self.row_of(step, argument="step")
        counts = self._journeys._count_shards(count_periods, Periods(self.spec, every, row))
        table = trend_table(
            counts,
            every=every,
            time_zone=self.spec.time_zone,
            watched=self._journeys.observed_period,
            within=self.spec.within,
        )
        return FunnelTrend(table, {**self.settings, "every": every, "step": self.spec.names[row]}, self._journeys)

    def compare(
        self,
        other: Funnel | Journeys | None = None,
        *,
        measure: Measure = "rate_from_start",
        correct: Method = "bh",
    ) -> Comparison:
        """By how much do the rates differ from another group's, and could that be chance?

        Parameters
        ----------
        other : Funnel or Journeys, optional
            Another funnel of the same steps, or other people, who are asked the same. Without it, each group of the
            breakdown is set beside all the other groups together.
        measure : {"rate_from_start", "rate_from_previous"}
            Which rate.
        correct : {"bh", "by", "holm", "bonferroni"}
            How the p-values are corrected for their number.

        Notes
        -----
        The two sides must not share people: the test takes them as independent.
        """
        from journeys.analyses.funnel.compare import Comparison, compare_groups, compare_two

        if other is None:
            if not self.spec.by:
                raise ArgumentError("other: say whom to compare with, or ask the funnel with by=.")
            table = compare_groups(self.table, by=self.spec.by, measure=measure, correct=correct)
        else:
            funnel = other if isinstance(other, Funnel) else self.of(other)
            if self.spec.by or funnel.spec.by:
                raise ArgumentError("other: with a breakdown, groups are compared with each other; leave it out.")
            table = compare_two(self.table, funnel.table, measure=measure, correct=correct)
        return Comparison(table, {**self.settings, "measure": measure, "corrected": correct}, self._journeys)

    def of(self, others: JourneysProtocol) -> Funnel:
        """Ask other journeys the very same."""
        from journeys.analyses.funnel.question import answer

        said = {key: value for key, value in self.settings.items() if key not in ("steps", *_SIZE)}
        return answer(others, self.spec, said=said)

    @property
    def comparison(self) -> Comparison:
        """The rates beside those of the group that was given as `against=`."""
        return self.compare(self.against)

    def next_after_drop(self, n: int = 1, *, after: int | str = 1) -> NextEvents:
        """What did those who got no further than a step do next?

        Parameters
        ----------
        n : int
            How many events after the step are looked at.
        after : int or str
            The step, by number from 1 or by name.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
        ...     "event": ["A", "Help", "B"]})
        >>> jn.Journeys.from_table(log).funnel(["A", "B"]).next_after_drop().table.rows()
        [(1, 'Help', 1, 1.0)]
        """
        from journeys.analyses.funnel.after import Following, NextEvents, count_next, next_table

        if not isinstance(n, int) or n < 1:
            raise ArgumentError(f"n: {n!r} must be a whole number of at least 1.")
        row = self.row_of(after, argument="after")
        counts = self._journeys._count_shards(count_next, Following(self.spec, row, n))
        return NextEvents(next_table(counts), {**self.settings, "after": self.spec.names[row]}, self._journeys)

    def correlation(self, after: int | str = 1, **options: Any) -> Correlation[Any]:
        """Which behaviours go with going on from a step?

        Parameters
        ----------
        after : int or str
            The step; those who reached it are asked, and taking the next step is the conversion.
        **options
            What `Journeys.correlation` takes. Unless it says otherwise, each person's clock starts when they first
            take the step, what they did before does not count, going on counts within the window of the funnel, and
            the events of the funnel's own steps are set apart.

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
        row = self.row_of(after, argument="after")
        if row == self.spec.width - 1:
            raise ArgumentError("after: nothing follows the last step.")
        if self.spec.order == "any":
            raise ArgumentError("after: with order='any' no step follows another; ask j.correlation(…, since=…).")
        here, following = self.spec.steps[row], self.spec.steps[row + 1]
        limits = [limit for limit in (self.spec.within, self.spec.gaps[row + 1]) if limit is not None]
        asked: dict[str, Any] = {"since": here, "within": timedelta(microseconds=min(limits)) if limits else None}
        asked["exclude"] = sorted({name for step in self.spec.steps for name in step.events or ()})
        return self.converted(row + 1).correlation(following, **asked | options)

    def explain_difference(self, other: Funnel) -> Explanation:
        """Why does another funnel say something else?

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
        from journeys.analyses.funnel.explain import Explanation, differences

        def converted(spec: FunnelSpec) -> int:
            counts = self._journeys._count_shards(count, spec)
            return int(counts.filter(pl.col("step") == spec.width)["people"].sum())

        return Explanation(differences(self.spec, other.spec, converted=converted), self.settings, self._journeys)
