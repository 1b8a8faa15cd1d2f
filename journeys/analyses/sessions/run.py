"""The question "what happens in a visit?": check the arguments, find the sessions, summarise them."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from journeys.analyses.breakdown import check_by, describe_wrong_top
from journeys.analyses.protocol import J, JourneysProtocol
from journeys.analyses.sessions.count import count
from journeys.analyses.sessions.result import Sessions
from journeys.analyses.sessions.spec import OWN_GROUPS, SessionsSpec
from journeys.analyses.sessions.summarise import largest_groups, summarise
from journeys.errors import Problems
from journeys.log.boundaries import present_campaign_columns
from journeys.steps import Step, StepLike, duration_us, resolve_step, step

_PAGE_COLUMNS = ("page_path", "page_url", "url", "page_name")
_PAGE_VIEWS = ("Loaded a Page", "Viewed Page", "Page Viewed", "$pageview", "page_view", "page view")


def sessions(
    journeys: J,
    *,
    by: str = "landing",
    top: int | None = 25,
    goal: StepLike | None = None,
    gap: str | timedelta = "30m",
    campaign_cuts: bool = False,
    page_view: StepLike | None = None,
) -> Sessions[J]:
    """List all sessions, and summarise them by landing page, channel or campaign.

    Parameters
    ----------
    by : str
        The groups of the summary: "landing", "exit", "channel", "campaign", or a column of events or people (its first
        value in the session; a person's first campaign from the first touch on).
    top : int, optional
        How many groups the summary shows; the rest is "(other)", no value is "(none)". None shows all.
    goal : str, list of str, pl.Expr or Step, optional
        The event that makes a session a converting one.
    gap : str or timedelta
        The silence that ends a session: one of exactly this length does.
    campaign_cuts : bool
        Whether a touch of another campaign starts a new session, too.
    page_view : str, list of str, pl.Expr or Step, optional
        The event that is a page view; the usual names are recognised by themselves.

    Returns
    -------
    Sessions
        `.table`: one row per session with `person`, `session` (from 1), `start`, `end`, `duration` (0 for one event),
        `events`, `pages` (Int64), `landing`, `exit`, `channel`, `campaign`, `replay_url` (the first in the session),
        `bounced` (one page view and nothing else; null where there are no page views at all),
        `converted`. `.summary`: one row per group.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist.
    ArgumentError
        When a duration is invalid, or no campaign column exists to start sessions by.

    Notes
    -----
    A session means the same in funnels, flows and trends. Google Analytics calls a session engaged after 10 seconds;
    Mixpanel also ends sessions at midnight; Amplitude ends them after 5 minutes on phones. People have several
    sessions: the intervals of the summary treat sessions as independent and are too narrow for few people.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "a"], "event": ["page_view", "page_view", "page_view"],
    ...     "timestamp": ["2026-03-01T10:00", "2026-03-01T10:10", "2026-03-01T12:00"], "url": ["/", "/pricing", "/"]})
    >>> s = jn.Journeys.from_table(log).sessions()
    >>> s.table.select("session", "pages", "landing", "exit", "bounced").rows()
    [(1, 2, '/', '/pricing', False), (2, 1, '/', '/', True)]
    """
    log = journeys._log
    columns = log.schema.names()
    problems = Problems()
    problems.run_check(lambda: check_by(log, by, others=OWN_GROUPS))
    problems.invalid_values += describe_wrong_top(top)
    campaign = present_campaign_columns(log.schema) if campaign_cuts else []
    if campaign_cuts and not campaign:
        problems.invalid_values.append("campaign_cuts: the log has no campaign column by which sessions could start.")
    gap_us = problems.run_check(lambda: duration_us(gap, argument="gap"))
    pages = problems.run_check(lambda: _find_page_view(journeys, page_view))
    converting = problems.run_check(lambda: resolve_step(goal, log, argument="goal"))
    problems.raise_found()
    assert gap_us is not None and pages is not None  # noqa: S101, PT018  # otherwise raised above
    spec = SessionsSpec(
        gap=gap_us,
        campaign_columns=tuple(campaign),
        page_view=pages,
        page=next((name for name in _PAGE_COLUMNS if name in columns), None),
        goal=converting,
        by=by,
    )
    found = journeys._count_shards(count, spec).sort("code", "session")
    found = found.rename({"label": "person"})
    if not found["pages"].sum():  # without a page view in the log, whether a session bounced is unknown
        found = found.with_columns(bounced=pl.lit(None, dtype=pl.Boolean))
    kept = largest_groups(found, by=spec.group, top=top)
    shown = None if kept is None else tuple(kept)
    summary = summarise(found, by=spec.group, kept=kept, has_goal=spec.goal is not None)
    own = [
        "person", "session", "start", "end", "duration", "events", "pages", "landing", "exit", "channel", "campaign",
        "replay_url", "bounced",
    ]  # fmt: skip
    own += ["converted"] if spec.goal is not None else []
    own += [spec.group] if spec.group not in own else []
    optional = {"goal": spec.goal.name if spec.goal else None, "campaign_cuts": campaign_cuts or None}
    chosen = {name: value for name, value in optional.items() if value is not None}
    settings = journeys._make_settings(by=by, gap=gap, **chosen)
    table = found.select(own)
    if journeys._log.unit == "account":
        table = table.rename({"person": "account"})
    return Sessions(table, settings, journeys, summary, found["code"], shown)


def _find_page_view(journeys: JourneysProtocol, page_view: StepLike | None) -> Step:
    """Return the step of a page view: as given, by its usual names, or any event with a page."""
    log = journeys._log
    if page_view is not None:
        return resolve_step(page_view, log, argument="page_view")
    usual = [name for name in _PAGE_VIEWS if name in log.names]
    if usual:
        return resolve_step(usual, log, argument="page_view")
    page = next((name for name in _PAGE_COLUMNS if name in log.schema), None)
    return step("page view", pl.col(page).is_not_null() if page else pl.lit(value=False))
