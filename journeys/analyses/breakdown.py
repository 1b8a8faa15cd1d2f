"""A breakdown by one column: which columns make groups, the group of each event, and the check of a group's name.

A campaign column of people, such as `first_campaign`, counts from the person's first touch on: before it, nobody could
know what that campaign would be. For instance, with ``by="first_campaign"``:

    ann  1 March  Signed Up            → (none): the campaign came later
    ann  2 March  visit from spring
    ann  3 March  Signed Up            → spring
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from journeys.analyses.calendar import Calendar
from journeys.errors import (
    ArgumentError,
    UnknownNameError,
    check_column_names,
    describe_wrong_number,
    raise_all,
    unknown_message,
)
from journeys.log import Log, View
from journeys.log.boundaries import has_met_campaign, present_campaign_columns

_OWN_COLUMNS = {
    "period", "series", "value", "people", "events", "sessions", "values", "stickiness", "complete",
    "previous", "change", "index", "active", "cohort", "size", "back", "rate", "ci_low", "ci_high",
    "per_person", "group", "latest", "date", "shown", "new", "returning", "resurrecting", "dormant", "pulse",
    "days", "share", "at_least", "person", "session", "start", "end", "duration", "pages", "bounced",
    "converted", "replay_url", "code", "number", "label", "timestamp", "is_page", "page", "is_goal",
    "median_duration", "events_per_session", "bounce_rate", "pages_per_session", "conversion_rate", "null_reason",
}  # fmt: skip
"""Columns of the tables over time, and of the frames from which they are made."""


def check_by(log: Log, by: str | None, *, others: Sequence[str] = (), argument: str = "by") -> None:
    """Raise an error where a column makes no groups.

    Raise UnknownNameError when there is no such column. Raise ArgumentError when its values are lists or the like.

    Parameters
    ----------
    log : Log
        Its columns of events and of people are available.
    by : str, optional
        The column.
    others : sequence of str
        Further names that are available.
    argument : str
        The name of the argument, for the error text.
    """
    check_column_names(argument, by)
    if by is None or by in others:
        return
    if by not in log.step_columns:
        available = list(dict.fromkeys([*others, *log.step_columns]))
        raise UnknownNameError(unknown_message(argument, by, available=available, what="column"))
    kind = {**log.people_schema, **log.schema}[by]
    raise_all(describe_ungroupable(by, kind, argument=argument))


def describe_ungroupable(column: str, kind: pl.DataType, *, argument: str = "by") -> list[str]:
    """Return why the values of a column make no groups; nothing where they do.

    Examples
    --------
    >>> describe_ungroupable("segments", pl.List(pl.String))[0].partition(", which ")[0]
    "by: column 'segments' holds List(String)"
    """
    if not kind.is_nested() and kind != pl.Binary:
        return []
    wrong = f"{argument}: column {column!r} holds {kind}, which makes no groups; turn it into text or a number first"
    return [f'{wrong}, or give each person one value, as j.label(…, several="first") does.']


def name_group(by: str | None) -> str:
    """Name the column of a breakdown in a table: as in the log, unless a table over time has such a column anyway.

    Examples
    --------
    >>> name_group("plan"), name_group("value"), name_group(None)
    ('plan', 'by_value', 'group')
    """
    if by is None:
        return "group"
    return f"by_{by}" if by in _OWN_COLUMNS or by.startswith("_") else by


def describe_wrong_top(top: int | None) -> list[str]:
    """Return what is wrong with the number of groups that are shown; nothing where it is fine."""
    return describe_wrong_number("top", top, otherwise="None for all groups")


def check_group(group: str, *, by: str | None, shown: pl.DataFrame, question: str) -> None:
    """Raise an error where a table does not show a group.

    Raise ArgumentError when there is no breakdown. Raise UnknownNameError when the breakdown has no such group.
    """
    if by is None:
        raise ArgumentError(f"group: {group!r} requires a breakdown; ask {question}(..., by=...) first.")
    groups = shown[by].unique().sort().to_list()
    if group not in groups:
        raise UnknownNameError(unknown_message("group", group, available=groups, what=by))


def find_period(period: date | str, *, calendar: Calendar, shown: pl.DataFrame, column: str = "period") -> int:
    """Return the number of a period that a table shows, given its first day.

    Raise UnknownNameError when the table has no such period; for a day inside of one it names the first day.
    """
    days = [str(one) for one in shown[column].unique().sort().to_list()]
    if str(period) in days:
        return calendar.number_of(date.fromisoformat(str(period)))
    try:
        start = str(calendar.start_of(calendar.number_of(date.fromisoformat(str(period)[:10]))))
    except ValueError:
        start = ""
    if start in days:
        raise UnknownNameError(
            f"{column}: no {column} {str(period)!r}; give the first day of the {calendar.name} that holds it, "
            f"{start!r}."
        )
    raise UnknownNameError(unknown_message(column, str(period), available=days, what=column))


def group_of_events(view: View, by: str | None) -> tuple[View, pl.Expr]:
    """Return the events with the column of a breakdown, and the group of each event as text; null is no value."""
    if by is None:
        return view, pl.lit(None, dtype=pl.String)
    group = pl.col(by).cast(pl.String)
    campaign = present_campaign_columns(view.schema)
    if by not in view.schema and by.removeprefix("first_") in campaign:
        group = pl.when(has_met_campaign(campaign)).then(group)
    return view.with_people_columns([by]), group
