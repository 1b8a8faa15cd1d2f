"""The questions about correlations that journeys can be asked."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from journeys.api.selection import Selection
from journeys.steps import StepLike

if TYPE_CHECKING:
    from journeys.analyses.correlation.matrix import Correlations
    from journeys.analyses.correlation.question import BehaviourLike
    from journeys.analyses.correlation.result import Correlation

__all__ = ["AsksCorrelations"]


class AsksCorrelations(Selection):
    """Thin methods: check the words, count, summarise."""

    def correlation(
        self,
        conversion: StepLike,
        *,
        behaviours: BehaviourLike | Sequence[BehaviourLike] = "events",
        exposure: str = "before",
        since: StepLike | None = None,
        within: str | timedelta | None = None,
        follow_up: str | timedelta | None = None,
        exclude: Sequence[str] = (),
        min_people: int = 30,
        confidence: float = 0.95,
    ) -> Correlation:
        """Which behaviours go with converting? For each, all four counts, phi, and how sure it is.

        Parameters
        ----------
        conversion : str, list of str, pl.Expr or Step
            The goal; the first time it happens is the conversion.
        behaviours : one or several
            `"events"` (each event name), an event name, a column of the events or of the people (each value), any step,
            and what `jn.values`, `jn.at_least` and `jn.sequence` make. A column of the people counts as known from the
            start: one that is filled in after converting leaks. Several go into one table, and the q-values
            are over all of them.
        exposure : "before", "first …" or "matched"
            Whose behaviour counts for how long. `"before"`: a converter's until the first conversion, the others' as
            long as the log goes on; everybody is in, but the others had more time to do things. `"first 7d"`: what
            everybody did in the first seven days, against converting after them; those who converted earlier are set
            apart and counted. `"matched"`: each of the others is watched as long as some converter was.
        since : str, list of str, pl.Expr or Step, optional
            Only people who did this; the clock starts there, and only what comes later counts.
        within : duration, optional
            A conversion counts if it comes within this time of the clock's start; behaviour, too.
        follow_up : duration, optional
            With `"first …"`: look for the conversion in this time after the first days, among those who could be
            watched to its end. Without it, late arrivals had less time to convert.
        exclude : sequence of str
            Behaviours to leave out, such as the steps of a funnel.
        min_people : int
            Hide behaviours that fewer people did; their number is told.
        confidence : float
            Of the intervals.

        Returns
        -------
        Correlation

        Raises
        ------
        UnknownNameError
            When an event or a column is not in the log, or what is to be left out is no behaviour; the closest names
            are given.
        ArgumentError
            When an exposure, a duration, a floor or a confidence cannot be meant.

        Notes
        -----
        phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)), a: did it and converted, b: did it alone, c: converted alone,
        d: neither; Pearson's r of two yes/no columns. Words for |phi|: below 0.2 negligible, from 0.2 weak, 0.3
        moderate, 0.4 strong, 0.7 very strong (Quinnipiac University's scale); above 0.9 it is too good to be true.
        That something goes with converting does not say that it brings people to convert.

        `"before"` is the default because it leaves nobody out and equals what can be counted by hand; what it lets time
        alone bring about is caught afterwards: `.findings` and the picture hold every row against `"matched"`, and
        `.checks` says which of them do not hold.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({
        ...     "person": [1, 1, 2, 2, 3, 4], "timestamp": [f"2026-03-0{day}" for day in (1, 2, 1, 2, 1, 1)],
        ...     "event": ["Invited", "Upgraded", "Invited", "Upgraded", "Invited", "Looked"]})
        >>> c = jn.Journeys.from_table(log).correlation("Upgraded", min_people=1)
        >>> c.table.select("behaviour", "both", "behaviour_only", "conversion_only", "neither", "phi").rows()
        [('Invited', 2, 1, 0, 1, 0.5773502691896258), ('Looked', 0, 1, 2, 1, -0.5773502691896258)]
        """
        from journeys.analyses.correlation.answer import correlate
        from journeys.analyses.correlation.ask import Rules
        from journeys.analyses.correlation.question import resolve_ask

        ask = resolve_ask(
            self._log,
            until=self.until,
            conversion=conversion,
            behaviours=behaviours,
            exposure=exposure,
            since=since,
            within=within,
            follow_up=follow_up,
        )
        options = {"conversion": ask.conversion.name, "exposure": exposure, "min_people": min_people}
        options |= {"since": ask.since.name} if ask.since is not None else {}
        options |= {"within": within} if within is not None else {}
        options |= {"follow_up": follow_up} if follow_up is not None else {}
        left_out = frozenset([exclude] if isinstance(exclude, str) else exclude)
        answer = correlate(self, ask, rules=Rules(min_people, left_out, confidence), options=options)
        answer.check_excluded()
        return answer

    def correlations(
        self,
        conversions: Sequence[StepLike],
        *,
        behaviours: BehaviourLike | Sequence[BehaviourLike] = "events",
        exposure: str = "before",
        since: StepLike | None = None,
        within: str | timedelta | None = None,
        follow_up: str | timedelta | None = None,
        exclude: Sequence[str] = (),
        min_people: int = 30,
        confidence: float = 0.95,
    ) -> Correlations:
        """Which behaviours go with which of several conversions? One table, one heatmap.

        Parameters
        ----------
        conversions : sequence of str, list of str, pl.Expr or Step
            The goals, such as the stages of a CRM.
        behaviours, exposure, since, within, follow_up, exclude, min_people, confidence
            As in `correlation`, the same for each.

        Returns
        -------
        Correlations

        Raises
        ------
        UnknownNameError
            When an event or a column is not in the log.
        ArgumentError
            When there is no conversion, or what `correlation` refuses.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({
        ...     "person": [1, 1, 2, 2, 3, 4], "timestamp": [f"2026-03-0{day}" for day in (1, 2, 1, 2, 1, 1)],
        ...     "event": ["Invited", "Upgraded", "Invited", "Asked", "Invited", "Looked"]})
        >>> jn.Journeys.from_table(log).correlations(["Upgraded", "Asked"], min_people=1).matrix.columns
        ['behaviour', 'Upgraded', 'Asked']
        """
        from journeys.analyses.correlation.matrix import lay_out
        from journeys.analyses.result import settings_of
        from journeys.errors import ArgumentError

        if isinstance(conversions, str) or len(conversions) == 0:
            raise ArgumentError(f"conversions: expected a list of at least one conversion, got {conversions!r}.")
        each = [
            self.correlation(
                conversion,
                behaviours=behaviours,
                exposure=exposure,
                since=since,
                within=within,
                follow_up=follow_up,
                exclude=exclude,
                min_people=min_people,
                confidence=confidence,
            )
            for conversion in conversions
        ]
        goals = [one.goal for one in each]
        if len(set(goals)) < len(goals):
            raise ArgumentError(f"conversions: {goals!r} has a name twice; give each its own with jn.step(name, …).")
        options = {"conversions": goals, "exposure": exposure, "min_people": min_people}
        return lay_out(self, each, settings_of(self, **options))
