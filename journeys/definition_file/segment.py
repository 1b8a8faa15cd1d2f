"""A segment of a definition file: people by what they did, never did, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

from journeys.steps import Step, StepLike, columns_used, duration_us, resolve_steps

if TYPE_CHECKING:
    from journeys.api import Journeys
    from journeys.log import View


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """People who satisfy all of some conditions.

    Attributes
    ----------
    name
        What the segment is called.
    did
        An event or step that they did, at least `times` times.
    times
        How often.
    within
        In how long before the end of the observation; over all of it by default.
    never
        An event or step that they never did.
    where
        A condition over the columns of people.
    """

    name: str
    did: StepLike | None = None
    times: int = 1
    within: str | None = None
    never: StepLike | None = None
    where: pl.Expr | None = None

    def select(self, journeys: Journeys) -> Journeys:
        """Keep the people of the segment, with all their events.

        Raises
        ------
        UnknownNameError
            An event or a column is not in the log.
        """
        found = journeys if self.where is None else journeys.only(self.where)
        given = [one for one in (self.did, self.never) if one is not None]
        if not given:
            return found
        log = journeys._log
        steps = list(resolve_steps(given, names=log.names, columns=log.step_columns, argument=f"segment {self.name!r}"))
        did = steps.pop(0) if self.did is not None else None
        since = None
        if self.within is not None and journeys.until is not None:
            since = journeys.until - timedelta(microseconds=duration_us(self.within, argument="within"))
        asked = _Behaviour(did, self.times, since, steps.pop() if steps else None)
        return found._select_people(_choose_people, asked)


@dataclass(frozen=True, eq=False, slots=True)
class _Behaviour:
    """What people did at least so often since a moment, and never did."""

    did: Step | None
    times: int
    since: datetime | None
    never: Step | None


def _choose_people(view: View, asked: _Behaviour) -> pl.Series:
    """Return the codes of the people of one shard who did the one thing and never the other."""
    rows = view.with_people_columns(columns_used([one for one in (asked.did, asked.never) if one])).events
    did = pl.lit(value=True)
    if asked.did is not None:
        condition = asked.did.condition
        if asked.since is not None:
            condition &= pl.col("timestamp") >= asked.since
        did = condition.sum() >= asked.times
    never = pl.lit(value=True) if asked.never is None else asked.never.condition.sum() == 0
    counted = rows.group_by("person").agg((did & never).first().alias("chosen"))
    return counted.filter("chosen").select("person").collect().to_series().sort()
