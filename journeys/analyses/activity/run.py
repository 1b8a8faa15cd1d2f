"""The question "which accounts are active?": check the arguments, count each account, describe its state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import polars as pl

from journeys.analyses.activity.count import count
from journeys.analyses.activity.result import Activity
from journeys.analyses.activity.spec import MOST_DAYS, ActivitySpec, check_expressions
from journeys.analyses.activity.summarise import summarise
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError, Problems, describe_wrong_number
from journeys.steps import StepLike, duration_us, moment_us, parse_moment, resolve_step


def activity(
    journeys: J,
    *,
    active: StepLike | None = None,
    days: int = 28,
    fit: pl.Expr | None = None,
    contact: StepLike | None = None,
    score: Mapping[str, float] | None = None,
    until: date | datetime | str | None = None,
) -> Activity[J]:
    """Describe each account: its size, how active its members are, whether it fits, and whether it goes quiet.

    Parameters
    ----------
    active : str, list of str, pl.Expr or Step, optional
        The events that count as activity; all events by default.
    days : int
        The window: so many times 24 hours before `until`, compared with the window of equal length before it.
    fit : pl.Expr, optional
        What makes an account worth the attention, over the columns of its `people` (`members` as of `until`): a
        condition, or a number. Null where the account lacks the traits.
    contact : str, list of str, pl.Expr or Step, optional
        The events of somebody talking to the account, for `last_contact`.
    score : mapping of str to float, optional
        Columns of the table and their weights: the score is the weighted mean of their percentiles.
    until : date, datetime or ISO text, optional
        The end of the window; later events do not count. By default the last moment that was observed.

    Returns
    -------
    Activity
        `.table` has one row per account: `account`, `members`, `active_members`, `active_share`, `active_days`,
        `events`, `breadth` (different active events), `last_active`, `silent_for` (Duration), `trend` (events of the
        window ÷ those of the one before), `first_seen`, `last_contact`, `fit`, `state`, the score with its parts, and
        traits.
        `.people(condition)` returns accounts as `Journeys`, whose `.contacts()` are people.

    Raises
    ------
    ArgumentError
        When these are not journeys of accounts, or an argument is invalid.
    UnknownNameError
        When an event or a column does not exist.

    Notes
    -----
    `members`, `last_active` and `last_contact` look at all events up to `until`, the other counts at active events of
    the window. `trend` is null for accounts younger than both windows, and after a window without events. `state` is
    "new" (first seen in the window), else "silent" (no active event in it, or never any), "waning" (a trend below 0.5
    after at least 10 events) or "active". Accounts that are "new" or "waning" may have active events, too; the finding
    counts all accounts with any in the window (`pl.col("active_members") > 0`). Percentiles are the share of accounts
    below, and half of those that are equal; parts that are null have no weight. Do not compare scores over time: an
    account's percentile depends on all others.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [("ann", "acme", "2026-03-01"), ("bob", "acme", "2026-03-20"), ("cat", "tiny", "2026-03-02")]
    >>> table = pl.DataFrame(rows, schema=["user_id", "group_id", "at"], orient="row")
    >>> events = jn.read_table(table, timestamp="at", event=pl.lit("Completed Task"), ids=["user_id"], name="app")
    >>> accounts = jn.stitch(events).by_account()
    >>> accounts.activity(days=7).table.select("account", "members", "active_members", "state").rows()
    [('acme', 2, 1, 'active'), ('tiny', 1, 0, 'silent')]
    """
    log = journeys._log
    if log.unit != "account":
        raise ArgumentError("activity: these are journeys of people; use j.by_account().activity(...).")
    problems = Problems()
    problems.invalid_values += describe_wrong_number("days", days, most=MOST_DAYS)
    problems.run_check(lambda: check_expressions(log, fit=fit, score=score))
    active_step = problems.run_check(lambda: resolve_step(active, log, argument="active"))
    contact_step = problems.run_check(lambda: resolve_step(contact, log, argument="contact"))
    observed = journeys.until or datetime(1970, 1, 1, tzinfo=UTC)
    end = observed if until is None else problems.run_check(lambda: parse_moment(until, argument="until"))
    problems.raise_found()
    assert end is not None  # noqa: S101  # otherwise raised above
    window = duration_us(timedelta(days=days), argument="days")
    spec = ActivitySpec(active_step, window, moment_us(end), contact_step)
    table = summarise(journeys._count_shards(count, spec), spec, until=end, fit=fit, score=score)
    optional = {
        "active": None if active_step is None else active_step.name,
        "fit": None if fit is None else str(fit),
        "score": None if score is None else ", ".join(f"{weight:g} × {name}" for name, weight in score.items()),
        "until": until,
    }
    chosen = {name: value for name, value in optional.items() if value is not None}
    return Activity(table, journeys._make_settings(days=days, **chosen), journeys, spec)
