"""The questions about funnels that journeys can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

from journeys.api.selection import Selection

if TYPE_CHECKING:
    import polars as pl

    from journeys.analyses.funnel import Funnel
    from journeys.analyses.protocol import JourneysProtocol
    from journeys.api import Journeys
    from journeys.steps import Never, Step, Steps

__all__ = ["AsksFunnels"]

Moment = date | datetime | str | None


class AsksFunnels(Selection):
    """Thin methods: check the words, count, summarise."""

    def funnel(
        self,
        steps: str | Steps | Sequence[Any],
        *,
        within: str | timedelta | None = None,
        order: Literal["loose", "strict", "any"] = "loose",
        by: str | Sequence[str] | None = None,
        by_at: Literal["first", "last", "all"] | int = "first",
        top: int = 25,
        exclude: str | Step | pl.Expr | Never | Sequence[Any] | None = None,
        excluded: Literal["drops", "removed"] | None = None,
        hold: str | Sequence[str] | None = None,
        count: Literal["people", "sessions", "entries"] = "people",
        gap: str | timedelta = "30m",
        campaign_cuts: bool = False,
        entry: Literal["first", "any"] = "first",
        entered: tuple[Moment, Moment] | None = None,
        ties: str | timedelta | None = None,
        reentry: Literal["best", "first", "each"] | None = None,
        time_zone: str = "UTC",
        against: Journeys | None = None,
        semantics: Literal["mixpanel", "amplitude", "posthog", "ga4", "clickhouse"] | None = None,
    ) -> Funnel:
        """How many people get how far along these steps, and how long does it take them?

        Parameters
        ----------
        steps : list or str
            Event names, lists of names (any of them), Polars conditions, `jn.step(...)`, `jn.any_order(...)`,
            `jn.never(...)`; steps joined by ``>>``; or a pattern such as
            ``"Viewed Page -> [Read Article | Opened Email] -> Signed Up"``. Steps may repeat.
        within : str or timedelta, optional
            Longest time from the first step to the last, inclusive ("14d" is 14 × 24 hours); or "same day",
            "same week", "same month" (of `time_zone`), "session". No limit by default.
        order : {"loose", "strict", "any"}
            Other events may lie between; each step is the very next event; or the most different steps that
            were taken inside one window, in whatever order.
        by : str or sequence of str, optional
            Break down by properties, traits or first-touch campaign columns. One that is called like a column of
            the answer, say "name", is shown as "by_name".
        by_at : {"first", "last", "all"} or int
            Which value of a property along the attempt counts: the first or last defined one, that at a step,
            or (all) the property is held constant and a person counts in each value's group.
        top : int
            How many groups are shown; the rest is "(other)", no value is "(none)".
        exclude : optional
            What must not happen: events anywhere in an attempt, or `jn.never(...)` between two steps.
        excluded : {"drops", "removed"}
            An excluded attempt ends there (the default); or the person leaves the funnel unless another
            attempt converts cleanly.
        hold : str or sequence of str, optional
            Properties that have to keep one value through all steps.
        count : {"people", "sessions", "entries"}
            One attempt a person; one a session; or every attempt, each beginning after the one before has
            converted, timed out or met an exclusion.
        gap : str or timedelta
            A silence this long or longer begins a new session.
        campaign_cuts : bool
            Whether a touch of another campaign begins a new session too.
        entry : {"first", "any"}
            A closed funnel, entered at the first step; or an open one, entered at any.
        entered : tuple of (start, end), optional
            Only attempts that begin from `start` on and before `end`; they may end later.
        ties : {"arrival", "either", "rising", "step_order"} or duration
            Events of equal time are in order of arrival (the default); in either order; not in order at all
            ("rising"). A duration treats times that close as equal. "step_order" is "either" under its other name.
        reentry : {"best", "first", "each"}
            The attempt that counts: the deepest, then the first to get there, then the one with the latest
            start (the default); the first entry only; or, for entries, every first step.
        time_zone : str
            Whose days, weeks and months the calendar windows mean.
        against : Journeys, optional
            Other people to compare with: see `Funnel.comparison`. They should not be among those asked.
        semantics : {"mixpanel", "amplitude", "posthog", "ga4", "clickhouse"}, optional
            Another tool's meaning, all choices at once; what is said beside it wins.

        Returns
        -------
        Funnel
            `.table`: `step`, `name`, `people`, `dropped`, `rate_from_start`, `rate_from_previous`, `ci_low`,
            `ci_high`, `median_time_from_previous`, `median_time_from_start`; the columns of `by` come first.

        Raises
        ------
        UnknownNameError
            When a step or a column is not in the log; the closest names are given.
        ArgumentError
            When choices cannot be meant together; all of them are said at once.

        Notes
        -----
        An attempt is a chain of different events in log order (time, then order of arrival). Rates carry Wilson's
        95% interval, which takes people as independent: do not read it for entries or sessions of few people. People
        who entered shortly before the log ends have had less time than `within`: ask `.converted_within()`.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
        ...     "event": ["Visit", "Sign up", "Visit"]})
        >>> f = jn.Journeys.from_table(log).funnel(["Visit", "Sign up"], within="14d")
        >>> f.table.select("name", "people", "dropped", "rate_from_start").rows()
        [('Visit', 2, 1, 1.0), ('Sign up', 1, 0, 0.5)]
        """
        options = {name: value for name, value in locals().items() if name not in ("self", "steps")}
        from journeys.analyses.funnel import ask

        return ask(cast("JourneysProtocol", self), steps, **options)
