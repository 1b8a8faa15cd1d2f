"""One shard → one row per counted attempt that ended before the last step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.exits.spec import ANOTHER_WAY, LEFT, STILL_HAS_TIME, ExitsSpec, may_mail
from journeys.analyses.funnel.matching.attempts import Attempts
from journeys.analyses.funnel.rows import CALENDAR_PERIODS, Rows, end_of_calendar_window
from journeys.analyses.funnel.select_attempts import map_attempts
from journeys.log import View
from journeys.log.arrays import Bools, Ints, next_marked, previous_marked
from journeys.log.core import starts_session

SCHEMA: dict[str, pl.DataType] = {
    "code": pl.UInt32(), "label": pl.Null(), "step": pl.Int64(), "entered_at": pl.Datetime("us", "UTC"),
    "left_at": pl.Datetime("us", "UTC"), "state": pl.String(), "next_event": pl.String(),
    "next_at": pl.Datetime("us", "UTC"), "last_event": pl.String(), "last_at": pl.Datetime("us", "UTC"),
    "silent_for": pl.Duration("us"), "replay_url": pl.String(), "last_campaign": pl.String(),
    "may_mail": pl.Boolean(), "ends_hidden": pl.Boolean(),
}  # fmt: skip


def find_exits(view: View, spec: ExitsSpec) -> pl.DataFrame:
    """Find who left, and what the log has around that.

    Positions are numbers of rows of the whole shard. For instance, of the funnel A → B, with "Mail" passed over:

        position  0  1     2     3
        event     A  Mail  Help  Mail      entered and left at 0, next event 2, last event 2, ends hidden

    Returns
    -------
    pl.DataFrame
        The columns of `SCHEMA`, one row per counted attempt that took some step but not the last; in log order.
    """
    found = _find_attempts(view, spec)
    events = _read_events(view, spec)
    time, person = events.time, found.person
    first, stop = (np.searchsorted(events.person, person, side=side) for side in ("left", "right"))
    shown = np.flatnonzero(~events.hidden)

    def look_up(row: Ints, *, low: Ints | None = None) -> Ints:
        """Return rows that are of the same person; -1 for others, and for rows before `low`."""
        is_own = (row >= 0) & (row >= (first if low is None else low)) & (row < stop)
        return np.where(is_own, row, -1)

    following = look_up(next_marked(shown, found.left + 1))
    last = look_up(previous_marked(shown, stop))
    mailed = np.flatnonzero(events.mail >= 0)
    mail = look_up(previous_marked(mailed, stop))
    campaign = look_up(previous_marked(np.flatnonzero(events.has_campaign), found.left + 1))
    replay = _find_replay(events, found, until=np.where(following >= 0, following, stop))
    last_at = _take_rows(time, last)
    names = pl.Series(events.names, dtype=pl.String)
    columns: dict[str, Any] = {
        "code": person,
        "step": found.step + 1,
        "entered_at": time.take(found.start),
        "left_at": time.take(found.left),
        "state": _name_states(time.take(found.start), time.take(found.left), found.took_goal, spec),
        "next_event": names.gather(_take_rows(events.event, following)),
        "next_at": _take_rows(time, following),
        "last_event": names.gather(_take_rows(events.event, last)),
        "last_at": last_at,
        "silent_for": spec.until - last_at,
        "replay_url": _text_at(view, "replay_url", replay),
        "last_campaign": _text_at(view, "campaign", campaign),
        "may_mail": _take_rows(events.mail, mail).cast(pl.Boolean),
        "ends_hidden": events.hidden.take(stop - 1) if stop.size else [],
    }
    labels = view.people.select("code", pl.col("person").alias("label")).collect()
    table = pl.DataFrame([pl.Series(name, values).cast(SCHEMA[name]) for name, values in columns.items()])
    joined = table.join(labels, on="code", how="left", maintain_order="left")
    return joined.select(list(SCHEMA))


class _FoundAttempts(NamedTuple):
    """Attempts that ended early: whose, the last table row, the positions of first and last event, and the goal."""

    person: Ints
    step: Ints
    start: Ints
    left: Ints
    took_goal: Bools


def _find_attempts(view: View, spec: ExitsSpec) -> _FoundAttempts:
    """Find the counted attempts that did not take the last step."""
    funnel = spec.funnel

    def find(rows: Rows, attempts: Attempts) -> _FoundAttempts:
        step = attempts.last_step
        ended = np.flatnonzero(step < funnel.width - 1 if spec.row is None else step == spec.row)
        chosen = attempts.take(ended)
        start, left = rows.position[chosen.start], rows.position[chosen.end]
        took_goal = np.zeros(start.size, dtype=np.bool_)
        if funnel.order != "any" and start.size:
            # any goal of the person after entering, whatever its unit or held value: who did it is not lost
            is_goal = rows.steps[-1]
            goals = np.argsort(rows.position[is_goal])
            position = rows.position[is_goal][goals]
            owner = rows.person[rows.unit[is_goal]][goals]
            at = np.searchsorted(position, start, side="right")
            inside = at < position.size
            took_goal[inside] = owner[at[inside]] == rows.person[chosen.unit][inside]
        return _FoundAttempts(rows.person[chosen.unit], step[ended], start, left, took_goal)

    parts = map_attempts(view, funnel, work=find)
    return _FoundAttempts(*(np.concatenate(one) for one in zip(*parts, strict=True)))


class _Events(NamedTuple):
    """All rows of the shard: whose, when, which event, which are passed over, and what else is looked for.

    `mail` is 1 where an event allows e-mail, 0 where it forbids it, -1 elsewhere; `session` numbers the sessions.
    """

    person: Ints
    time: Ints
    event: Ints
    names: list[str]
    hidden: Bools
    mail: Ints
    has_campaign: Bools
    has_replay: Bools
    session: Ints | None


def _read_events(view: View, spec: ExitsSpec) -> _Events:
    """Read the columns that are looked at around an exit."""
    schema = view.schema
    columns = {
        "_campaign": pl.col("campaign").is_not_null() if "campaign" in schema else pl.lit(value=False),
        "_replay": pl.col("replay_url").is_not_null() if "replay_url" in schema else pl.lit(value=False),
    }
    if "replay_url" in schema:
        columns["_session"] = starts_session(spec.funnel.gap).cast(pl.UInt32).cum_sum()
    table = view.events.select(
        "person",
        pl.col("timestamp").to_physical().alias("_time"),
        pl.col("event").to_physical().alias("_event"),
        *(one.alias(name) for name, one in columns.items()),
    ).collect()
    names = schema["event"].categories.to_list()  # type: ignore[attr-defined]
    event = table["_event"].to_numpy()
    hidden = np.array([name in spec.hidden for name in names], dtype=np.bool_)
    allows = [may_mail(name) for name in names]
    mail = np.array([-1 if one is None else int(one) for one in allows], dtype=np.int8)
    return _Events(
        person=table["person"].to_numpy(),
        time=table["_time"].to_numpy(),
        event=event,
        names=names,
        hidden=hidden.take(event) if event.size else np.zeros(0, dtype=np.bool_),
        mail=mail.take(event) if event.size else np.zeros(0, dtype=np.int8),
        has_campaign=table["_campaign"].to_numpy(),
        has_replay=table["_replay"].to_numpy(),
        session=table["_session"].to_numpy() if "_session" in table.columns else None,
    )


def _find_replay(events: _Events, found: _FoundAttempts, *, until: Ints) -> Ints:
    """Find the row with the recording of the session of the deepest step; else of the latest session of the attempt.

    A session has one recording: the last row of it that has one. Sessions of the attempt begin with the one in which
    it starts and end before `until`, the row of the next event.
    """
    if events.session is None or not events.has_replay.any():
        return np.full(found.left.size, -1)
    rows = np.flatnonzero(events.has_replay)
    session, here = events.session.take(rows), events.session.take(found.left)
    own = np.searchsorted(session, here, side="right") - 1
    is_own = (own >= 0) & (session.take(own) == here)
    latest = np.searchsorted(rows, until) - 1
    is_latest = (latest >= 0) & (session.take(latest) >= events.session.take(found.start))
    return np.where(is_own, rows.take(own), np.where(is_latest, rows.take(latest), -1))


def _name_states(entered: Ints, left: Ints, took_goal: Bools, spec: ExitsSpec) -> pl.Series:
    """Say of each attempt whether the person left, still has time, or did the last step another way."""
    funnel = spec.funnel
    if funnel.calendar in CALENDAR_PERIODS:
        times = pl.Series(entered, dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))
        has_time = end_of_calendar_window(times, spec=funnel).to_physical().to_numpy() > spec.until
    elif funnel.calendar == "session":
        has_time = left + funnel.gap > spec.until
    elif funnel.within is not None:
        has_time = entered + funnel.within > spec.until
    else:
        has_time = np.zeros(entered.size, dtype=np.bool_)
    state = np.where(took_goal, ANOTHER_WAY, np.where(has_time, STILL_HAS_TIME, LEFT))
    return pl.Series(state.tolist(), dtype=pl.String)


def _take_rows(values: Ints, row: Ints) -> pl.Series:
    """Take the values of some rows; null for -1."""
    index = pl.Series(row, dtype=pl.Int64).replace(-1, None)
    return pl.Series(values).gather(index)


def _text_at(view: View, column: str, row: Ints) -> pl.Series:
    """Read a column of text at some rows; null for -1, and where there is no such column."""
    if not (row >= 0).any():
        return pl.Series([None] * row.size, dtype=pl.String)
    values = view.events.select(pl.col(column).cast(pl.String)).collect().to_series()
    return values.gather(pl.Series(row, dtype=pl.Int64).replace(-1, None))
