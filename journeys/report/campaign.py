"""The campaign report: where people drop off, by campaign, which paths they take, and what goes with converting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from journeys.analyses.funnel.result import Funnel
from journeys.api import Journeys
from journeys.display import plural, quoted, span
from journeys.errors import ArgumentError
from journeys.report.document import Report
from journeys.report.findings import describe_blocker, describe_bypass, find_campaign_gap, find_largest_loss
from journeys.report.section import Finding
from journeys.report.sections import (
    attribution_section,
    campaign_section,
    correlation_section,
    flow_section,
    funnel_section,
    identity_section,
)

__all__ = ["campaign_report"]


def campaign_report(
    journeys: Journeys,
    *,
    goal: str,
    steps: Sequence[str],
    within: str | None = None,
    by: str = "first_campaign",
    title: str | None = None,
) -> Report:
    """Build a report on how campaigns did, where people drop off, and what goes with reaching the goal.

    It asks for the funnel (of all people and by campaign), the attribution, the flow to the goal, the correlations
    and the identities, and gives each a section, with the findings first.

    Parameters
    ----------
    journeys
        The people it is about.
    goal
        The event that counts as converting.
    steps
        The funnel's steps, the goal last.
    within
        The funnel's window; none by default.
    by
        The column that distinguishes campaigns; without such a column, the report has no campaigns.
    title
        The title of the page.

    Returns
    -------
    Report
        Write it with `.write("report.html")`.

    Raises
    ------
    ArgumentError
        There are fewer than two steps.
    UnknownNameError
        The goal or a step is not an event of the log.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": [1, 1, 2], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...     "event": ["Visit", "Sign up", "Visit"]})
    >>> report = campaign_report(jn.Journeys.from_table(log), goal="Sign up", steps=["Visit", "Sign up"])
    >>> [section.name for section in report.sections]
    ['funnel', 'flow', 'correlation']
    """
    names = [*steps]
    if len(names) < 2:
        raise ArgumentError(f"steps: a funnel needs at least two steps, got {names!r}.")
    funnel = journeys.funnel(names, within=within)
    flow = journeys.flow(end=goal)
    correlation = journeys.correlation(goal)
    worst, loss = find_largest_loss(funnel)
    blocker = _find_blocker(funnel, worst)
    bypass = describe_bypass(correlation, names[:-1])
    sections = [funnel_section(funnel, finding=loss, loudest=worst)]
    findings = []
    people = journeys.people
    if by in people.columns and people[by].null_count() < people.height:
        grouped = journeys.funnel(names, within=within, by=by)
        gap = find_campaign_gap(grouped.table, by=by)
        findings += [Finding(gap.sentence, "campaigns")] if gap else []
        sections.append(campaign_section(grouped, by=by, finding=gap.headline if gap else None))
    if "campaign" in journeys.events.collect_schema() and funnel.table["people"].sum():
        attribution = journeys.attribution(goal, model="linear")
        sections += [attribution_section(attribution, goal=goal)] if attribution.settings["conversions"] else []
    if blocker:
        findings.append(Finding(blocker, "funnel"))
    if correlation.table.height and correlation.findings.height:
        findings.append(Finding(correlation.finding, "correlation"))
    if not blocker:
        findings.append(Finding(loss, "funnel"))
    if bypass:
        findings.append(Finding(bypass, "flow"))
    sections += [flow_section(flow, goal=goal, bypass=bypass), correlation_section(correlation)]
    identity = identity_section(journeys)
    sections += [identity] if identity else []
    size = journeys.size
    lead = [funnel.finding, loss if blocker else "", identity.finding if identity else ""]
    return Report(
        title=title or f"From {quoted(names[0], 40)} to {quoted(goal, 40)}",
        period=f"{span(size.first, size.last)} · {plural(size.people, 'person')} · {plural(size.events, 'event')}",
        lead=" ".join(filter(None, lead)),
        findings=tuple(findings[:5]),
        sections=tuple(sections),
        settings={"goal": goal, "steps": tuple(names), "within": within},
    )


def _find_blocker(funnel: Funnel[Any], worst: int) -> str | None:
    """Find what came before not going on, among people who reached the step with the largest loss."""
    rows = funnel.table.to_dicts()
    if worst + 1 >= len(rows) or not rows[worst]["dropped"] or not rows[worst + 1]["people"]:
        return None
    step, following = rows[worst]["name"], rows[worst + 1]["name"]
    among = funnel.converted(step=worst + 1)
    return describe_blocker(among.correlation(following, since=step, min_people=20), among=among, step=step)
