"""The question "do they come back?": check the arguments, count cohorts, lay out the triangle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from journeys.analyses.calendar import Weekday
from journeys.analyses.money import Measure, check_added_amounts
from journeys.analyses.protocol import J
from journeys.analyses.retention.count import count, find_first_starts
from journeys.analyses.retention.result import Retention
from journeys.analyses.retention.spec import Clock, Cohorts, Semantics, When, make_spec
from journeys.analyses.retention.summarise import largest_groups, summarise
from journeys.steps import StepLike


def retention(
    journeys: J,
    start: StepLike,
    *,
    back: StepLike = "any",
    every: str = "1w",
    periods: int = 12,
    clock: Clock | None = None,
    when: When | None = None,
    cohorts: Cohorts | None = None,
    at_least: int = 1,
    brackets: Sequence[str | timedelta] | None = None,
    measure: Measure | None = None,
    by: str | None = None,
    top: int | None = 5,
    time_zone: str = "UTC",
    week_start: Weekday = "monday",
    semantics: Semantics | None = None,
) -> Retention[J]:
    """Compute which share of those who start in a period comes back in each later period.

    Parameters
    ----------
    start : str, list of str, pl.Expr or Step
        The event that puts a person into a cohort.
    back : str, list of str, pl.Expr or Step
        The event that counts as coming back; "any" is every event but those that only the system did, by the column
        `by` (a mail that arrived is no return). The start event itself never counts as its own
        return; a later one does, also in period 0.
    every : str
        The length of a period: "1d", "1w", "1mo", "1q", "1y" or multiples.
    periods : int
        How many periods after the first are shown; `brackets` say so themselves.
    clock : {"calendar", "own"}
        Calendar periods of `time_zone` (the default), or windows of 24 hours (a month has 30 days) that begin with each
        person's own start event.
    when : {"on", "on or after", "on or before", "streak"}
        Back in that period (the default); in that or any later one, up to the end of the log; in that or any earlier
        one; or in every period up to it.
    cohorts : {"first", "each"}
        A person belongs to the cohort of the first start in the whole log (the default), or to each period with a
        start, once in each.
    at_least : int
        How many events within a period count as coming back.
    brackets : sequence of durations, optional
        Ends of periods of unequal length on a person's own clock, such as ["1d", "3d", "7d", "30d"].
    measure : ("sum", column), optional
        Sum a numeric column over the events of coming back in each period.
    by : str, optional
        Break down by a column's value at the start event (columns of people too).
    top : int, optional
        How many groups are shown; the rest is "(other)", no value is "(none)". None shows all.
    time_zone : str
        Whose days, weeks and months count.
    week_start : str
        The first day of a week.
    semantics : {"mixpanel", "amplitude", "posthog"}, optional
        Another tool's meaning of `clock`, `when` and `cohorts`; what is given explicitly wins.

    Returns
    -------
    Retention
        `.table`: `cohort` (Date, the start of its period), the column of `by`, `size`, `period` (0…), `back` (people),
        `rate`, `ci_low`, `ci_high` (Wilson 95%), `complete`; with `measure` also `value` and `per_person`.
        `.overall` has the same per period, over the cohorts that could be observed.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist.
    ArgumentError
        When options are invalid (all that are invalid are named), or amounts are in several currencies.

    Notes
    -----
    A cell is complete when the whole period of the latest member of its cohort lies before the end of the log; the
    rate of an incomplete cell is null, and it is left out of `.overall`, numerator and denominator. With "on or after",
    younger cohorts had less time to come back at all: do not compare their rates with those of older cohorts. With
    cohorts="each", a person can be in several cohorts, so that the intervals of `.overall` are too narrow.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b", "b"], "event": ["Signed Up", "Opened", "Signed Up", "Opened"],
    ...     "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-04"]})
    >>> r = jn.Journeys.from_table(log).retention("Signed Up", every="1d", periods=2)
    >>> r.table.select("size", "period", "back", "rate").rows()
    [(2, 0, 0, 0.0), (2, 1, 1, 0.5), (2, 2, 0, 0.0)]
    """
    spec = make_spec(
        journeys,
        start=start,
        back=back,
        every=every,
        periods=periods,
        clock=clock,
        when=when,
        cohorts=cohorts,
        at_least=at_least,
        brackets=brackets,
        measure=measure,
        by=by,
        top=top,
        time_zone=time_zone,
        week_start=week_start,
        semantics=semantics,
    )
    check_added_amounts(journeys, spec.measure, of=[spec.back], argument="measure")
    whole = journeys._unfiltered()
    if whole is not journeys and spec.cohorts == "first":
        spec = replace(spec, first_starts=whole._count_shards(find_first_starts, spec))
    counts = journeys._count_shards(count, spec)
    table, overall = summarise(counts, spec, until=journeys.until)
    kept = largest_groups(counts, spec)
    settings = journeys._make_settings(
        start=spec.start.name,
        back=spec.back.name,
        every=every,
        clock=spec.clock,
        when=spec.when,
        cohorts=spec.cohorts,
    )
    optional = {"at_least": at_least if at_least > 1 else None, "by": by, "brackets": brackets, "semantics": semantics}
    settings |= {name: value for name, value in optional.items() if value is not None}
    if time_zone != "UTC":
        settings["time_zone"] = time_zone
    return Retention(table, settings, journeys, overall, spec, None if kept is None else tuple(kept))
