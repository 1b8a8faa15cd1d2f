"""The question "how does conversion develop?": check the arguments, count entries by period, compute the rates."""

from __future__ import annotations

from journeys.analyses.calendar import Weekday, make_calendar
from journeys.analyses.funnel.counted_funnel import CountedFunnel
from journeys.analyses.funnel.trend.count import FunnelTrendSpec, count_periods
from journeys.analyses.funnel.trend.result import FunnelTrend
from journeys.analyses.funnel.trend.summarise import summarise, summarise_totals
from journeys.analyses.protocol import J
from journeys.analyses.trend.spec import Compare, TrendSpec, count_periods_back


def trend(
    self: CountedFunnel[J],
    *,
    every: str = "1w",
    step: int | str | None = None,
    week_start: Weekday = "monday",
    compare: Compare | None = None,
) -> FunnelTrend[J]:
    """Compare conversion between the days, weeks or months in which people enter.

    Parameters
    ----------
    every : str
        The calendar period: days, weeks, months, quarters or years ("1d", "2w", "1mo", "1q", "1y"), in the funnel's
        `time_zone`.
    step : int or str, optional
        The step that counts as converting; the last by default.
    week_start : str
        The first day of a week.
    compare : {"previous", "year"} or duration, optional
        Compare the rate of each period with that of the one before, of the same one a year before (364 days, so that
        weekdays match), or of one so much earlier, such as "4w".

    Returns
    -------
    FunnelTrend
        The row of a period is the funnel of the attempts that start in it: a person counts once in each period in
        which they take the first step. All periods of the log are listed (of `entered`, where the funnel has it),
        empty ones too; `complete` says whether the log holds the whole period, and everyone's window has passed. With
        the funnel's `by=`, one series per group.
        `.total` has the funnel's own numbers; `.people(period=..., series="converted")` selects the people of a point.

    Raises
    ------
    UnknownNameError
        When there is no such step.
    ArgumentError
        When an option is invalid.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03"],
    ...     "event": ["A", "B", "A"]})
    >>> trend = jn.Journeys.from_table(log).funnel(["A", "B"], within="1d").trend(every="1d")
    >>> trend.table.select("entered", "converted", "complete").rows()
    [(1, 1, True), (0, 0, False), (1, 0, False)]
    """
    journeys, spec = self._journeys, self._spec
    calendar = make_calendar(every, time_zone=spec.time_zone, week_start=week_start)
    row = spec.step_count - 1 if step is None else self._find_step(step, argument="step")
    back = None if compare is None else count_periods_back(compare, calendar=calendar)
    attempts, listed = FunnelTrendSpec(spec, calendar, row), self._listed
    counts = journeys._count_shards(count_periods, attempts)
    observed = journeys.observed_period
    table = summarise(counts, spec=spec, listed=listed, calendar=calendar, observed=observed, back=back)
    settings = {**self.settings, "every": every, "step": spec.names[row], "by": spec.by or None}
    settings |= {} if compare is None else {"compare": compare}
    asked = TrendSpec(
        series={"entered": spec.steps[0], "converted": spec.steps[row]},
        calendar=calendar,
        count="people",
        column=None,
        by=None,
        top=spec.top,
        trailing=None,
        gap=spec.gap,
        campaign_columns=(),
        formula=None,
        back=back,
    )
    total = summarise_totals(self._counts, spec=spec, row=row)
    return FunnelTrend(table, settings, journeys, total, asked, attempts, listed)
