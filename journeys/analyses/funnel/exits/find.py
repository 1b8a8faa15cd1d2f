"""One shard → one row per counted attempt that ended before the last step."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl

from journeys.analyses.funnel.drop_offs import locate_drop_offs
from journeys.analyses.funnel.exits.spec import ANOTHER_WAY, LEFT, STATES, STILL_HAS_TIME, ExitsSpec, may_mail
from journeys.analyses.funnel.follow_up import NEVER_CLOSES, find_closing_times
from journeys.arrays import Bools, Ints, PersonBounds, next_marked, parallel_map, previous_marked, split_rows
from journeys.log import View
from journeys.log.boundaries import starts_session

_PART_ROWS = 1 << 14

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

    Return the columns of `SCHEMA`, one row per counted attempt that took some step but not the last; in log order.
    """
    bounds, events = view.bound_people(), _read_events(view, spec)
    found = _find_attempts(view, spec, bounds=bounds, time=events.time)
    first, stop = found.first, found.stop

    def find_before(marked: Ints, at: Ints) -> Ints:
        """Return the place in `marked` of the person's last such row before each row; -1 for none."""
        place = np.searchsorted(marked, at) - 1
        if not marked.size:
            return place
        return np.where((place >= 0) & (marked.take(place) >= first), place, -1)

    if events.hidden is None:
        following = np.where(found.left + 1 < stop, found.left + 1, -1)
        last, ends_hidden = stop - 1, np.zeros(stop.size, dtype=np.bool_)
    else:
        shown = np.flatnonzero(~events.hidden)
        next_shown = np.append(shown, bounds.rows).take(np.searchsorted(shown, found.left + 1))
        following = np.where(next_shown < stop, next_shown, -1)
        place = find_before(shown, stop)
        last = np.where(place >= 0, shown.take(place), -1) if shown.size else place
        ends_hidden = events.hidden.take(stop - 1) if stop.size else np.zeros(0, dtype=np.bool_)
    mail = find_before(events.mail_rows, stop)
    names = pl.Series(events.names, dtype=pl.String)

    def look_up_events() -> list[pl.Series]:
        event = pl.Series(events.event)
        rows = [_as_index(following), _as_index(last)]
        return [column for row in rows for column in (names.gather(event.gather(row)), events.time.gather(row))]

    def look_up_campaigns() -> list[pl.Series]:
        campaigns, filled = _read_text(view, "campaign")
        return [campaigns.gather(_as_index(_find_filled(filled, found.left, first)))]

    def look_up_replays() -> list[pl.Series]:
        replays, filled = _read_text(view, "replay_url")
        rows = np.flatnonzero(filled)
        replay = _find_replay(view, spec, found, rows=rows, until=np.where(following >= 0, following, stop))
        return [replays.gather(_as_index(np.where(replay >= 0, rows.take(replay), -1) if rows.size else replay))]

    def look_up_labels() -> list[pl.Series]:
        people = view.people.select("code", "person").collect()
        # people are sorted by code, and everyone with events is among them
        return [people["person"].gather(np.searchsorted(people["code"].to_numpy(), found.person))]

    columns_of = parallel_map(
        lambda look_up: look_up(), (look_up_campaigns, look_up_events, look_up_labels, look_up_replays)
    )
    (campaign,), (next_event, next_at, last_event, last_at), (label,), (replay,) = columns_of
    columns: dict[str, Any] = {
        "code": found.person,
        "label": label,
        "step": found.step,
        "entered_at": found.entered_at,
        "left_at": found.left_at,
        "state": pl.Series(STATES).gather(_choose_states(found, spec)),
        "next_event": next_event,
        "next_at": next_at,
        "last_event": last_event,
        "last_at": last_at,
        "silent_for": spec.until - last_at,
        "replay_url": replay,
        "last_campaign": campaign,
        "may_mail": pl.Series(events.may_mail).gather(_as_index(mail)),
        "ends_hidden": ends_hidden,
    }
    series = (pl.Series(name, values) for name, values in columns.items())
    return pl.DataFrame([one if one.name == "label" else one.cast(SCHEMA[one.name]) for one in series])


class _FoundAttempts(NamedTuple):
    """Attempts that ended early: whose, the step, first and last event (row and time), and whether the goal followed.

    `first` and `stop` are the first row of the person, and the row after the last.
    """

    person: Ints
    step: Ints
    first: Ints
    stop: Ints
    start: Ints
    left: Ints
    entered_at: Ints
    left_at: Ints
    took_goal: Bools


def _find_attempts(view: View, spec: ExitsSpec, *, bounds: PersonBounds, time: pl.Series) -> _FoundAttempts:
    """Find in the log the attempts that the funnel counted and that did not take the last step."""
    dropped, goals = locate_drop_offs(view, spec.dropped, spec=spec.funnel, codes=bounds.code)
    person, step, start, left = (dropped[name].to_numpy() for name in ("_person", "step", "_start", "_end"))
    owner = np.searchsorted(bounds.code, person)
    first, stop = bounds.first.take(owner), bounds.stop.take(owner)
    took_goal = np.zeros(start.size, dtype=np.bool_)
    if spec.funnel.order != "any":
        # any goal of the person after entering, whatever its unit or held value: who did it is not lost
        took_goal = next_marked(goals, start + 1, none=bounds.rows) < stop
    times = time.to_numpy()
    return _FoundAttempts(person, step, first, stop, start, left, times.take(start), times.take(left), took_goal)


class _Events(NamedTuple):
    """All rows of the shard: when, which event; which are passed over (None: none), and which concern e-mail.

    `may_mail` is 1 where a row of `mail_rows` allows e-mail, 0 where it forbids it.
    """

    time: pl.Series
    event: Ints
    names: list[str]
    hidden: Bools | None
    mail_rows: Ints
    may_mail: Ints


def _read_events(view: View, spec: ExitsSpec) -> _Events:
    """Read when and which event each row is."""
    names = view.schema["event"].categories.to_list()  # type: ignore[attr-defined]
    columns = [pl.col("timestamp").to_physical().alias("time")]
    if view.codes is None:
        columns.append(pl.col("event").to_physical())
    table = view.events.select(columns).collect()
    event = table["event"].to_numpy() if view.codes is None else view.event_codes()
    is_hidden = np.array([name in spec.hidden for name in names], dtype=np.bool_)
    allows = [may_mail(name) for name in names]
    mail_rows = np.zeros(0, dtype=np.int64)
    if any(one is not None for one in allows) and event.size:
        mail_rows = np.flatnonzero(np.array([one is not None for one in allows]).take(event))
    allowed = np.array([int(one or 0) for one in allows], dtype=np.int8)
    return _Events(
        time=table["time"],
        event=event,
        names=names,
        hidden=is_hidden.take(event) if is_hidden.any() and event.size else None,
        mail_rows=mail_rows,
        may_mail=allowed.take(event.take(mail_rows)) if mail_rows.size else np.zeros(0, dtype=np.int8),
    )


def _read_text(view: View, column: str) -> tuple[pl.Series, Bools]:
    """Read a column of text and whether each row has a value; both are empty where there is no such column."""
    if column not in view.schema:
        return pl.Series([], dtype=pl.String), np.zeros(0, dtype=np.bool_)
    text = view.events.select(pl.col(column).cast(pl.String)).collect()[column]
    return text, text.is_not_null().to_numpy()


def _find_filled(filled: Bools, at: Ints, first: Ints) -> Ints:
    """Find the last filled row at or before each row of `at`, from the person's `first` one on; -1 for none.

    For instance, of the rows yes, no, no, the row 2 of a person whose rows start at 0 gives 0; at 1, -1.
    """
    if not filled.size:
        return np.full(at.size, -1)

    def find_in_part(part: slice) -> Ints:
        row, start = at[part], first[part]
        low = int(start.min())
        marked = np.flatnonzero(filled[low : int(row.max()) + 1]) + low
        found = previous_marked(marked, row + 1)
        return np.where(found >= start, found, -1)

    return np.concatenate([at[:0], *parallel_map(find_in_part, split_rows(at.size, of=_PART_ROWS))])


def _find_replay(view: View, spec: ExitsSpec, found: _FoundAttempts, *, rows: Ints, until: Ints) -> Ints:
    """Find the recording of the session of the deepest step; else of the latest session of the attempt.

    A session has one recording: the last row of it that has one. Sessions of the attempt begin with the one in which
    it starts and end before `until`, the row of the next event. Return the place in `rows`, which have a recording.
    """
    if not rows.size:
        return np.full(found.left.size, -1)
    starts = starts_session(spec.funnel.gap).cast(pl.UInt32).cum_sum()
    number = view.events.select("person", "timestamp").select(starts.alias("session")).collect()["session"].to_numpy()
    session, here = number.take(rows), number.take(found.left)
    own = np.searchsorted(session, here, side="right") - 1
    is_own = (own >= 0) & (session.take(own) == here)
    latest = np.searchsorted(rows, until) - 1
    is_latest = (latest >= 0) & (session.take(latest) >= number.take(found.start))
    return np.where(is_own, own, np.where(is_latest, latest, -1))


def _choose_states(found: _FoundAttempts, spec: ExitsSpec) -> Ints:
    """Choose for each attempt its place in `STATES`: left, still has time, or did the last step another way."""
    closes = find_closing_times(spec.funnel, entered=found.entered_at, last=found.left_at, last_step=found.step - 1)
    has_time = (closes > spec.until) & (closes < NEVER_CLOSES)
    left, waiting, another = map(STATES.index, (LEFT, STILL_HAS_TIME, ANOTHER_WAY))
    return np.where(found.took_goal, another, np.where(has_time, waiting, left))


def _as_index(place: Ints) -> pl.Series:
    """Return places as an index for `gather`: null for -1."""
    return pl.Series(place, dtype=pl.Int64).replace(-1, None)
