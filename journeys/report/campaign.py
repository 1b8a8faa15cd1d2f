"""The campaign report: where people stop, by campaign, which way they go, what goes with it, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display import number, plural, shorten, span, the_count
from journeys.errors import ArgumentError
from journeys.report.document import Finding, Report
from journeys.report.findings import campaign_gap, funnel_loss, way_around, what_stops
from journeys.report.sections import (
    attribution_section,
    campaign_section,
    correlation_section,
    flow_section,
    funnel_section,
    identity_section,
)

if TYPE_CHECKING:
    from journeys.analyses.correlation.result import Correlation
    from journeys.analyses.funnel.result import Funnel
    from journeys.api import Journeys

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
    """How did the campaigns do, where do people stop, and what goes with reaching the goal?

    Asks the funnel (over all and by campaign), the flow to the goal, the correlations and the identity report, and puts
    each in a section of its own, findings first.

    Parameters
    ----------
    journeys
        Whom it is about.
    goal
        The event that counts as converting.
    steps
        The funnel's steps, the goal last.
    within
        The funnel's window; none when not given.
    by
        The column that tells campaigns apart; a report without campaigns when there is no such column.
    title
        Of the page.

    Returns
    -------
    Report
        Write it with `.write("report.html")`.

    Raises
    ------
    ArgumentError
        When there are fewer than two steps.
    UnknownNameError
        When the goal or a step is no event of the log.

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
    worst, loss = funnel_loss(funnel)
    stops = _stops(funnel, worst)
    around = _around(correlation, names[:-1])
    sections = [funnel_section(funnel, finding=loss, loudest=worst, stops=stops)]
    findings = []
    people = journeys.people
    if by in people.columns and people[by].null_count() < people.height:
        grouped = journeys.funnel(names, within=within, by=by)
        gap = campaign_gap(grouped.table, by=by)
        findings += [Finding(gap.sentence, "campaigns")] if gap else []
        sections.append(campaign_section(grouped, by=by, finding=gap.headline if gap else None))
    if "campaign" in journeys.events.collect_schema() and funnel.table["people"].sum():
        credit = journeys.attribution(goal, model="linear")
        sections += [attribution_section(credit, goal=goal)] if credit.settings["conversions"] else []
    findings += [Finding(stops, "funnel")] if stops else []
    if correlation.table.height and correlation.findings.height:
        findings.append(Finding(correlation.finding, "correlation"))
    findings += [Finding(loss, "funnel")] if not stops else []
    findings += [Finding(around, "flow")] if around else []
    sections.append(flow_section(flow, around=around))
    sections.append(correlation_section(correlation))
    bridge = identity_section(journeys)
    sections += [bridge] if bridge else []
    size = journeys.size
    return Report(
        title=title or f"From {shorten(names[0], 40)} to {shorten(goal, 40)}",
        period=f"{span(size.first, size.last)} · {plural(size.people, 'person', 'people')} · "
        f"{plural(size.events, 'event')}",
        lead=" ".join(filter(None, [funnel.finding, loss if stops else "", bridge.finding if bridge else ""])),
        findings=tuple(findings[:5]),
        sections=tuple(sections),
        settings={"goal": goal, "steps": tuple(names), "within": within},
    )


def _stops(funnel: Funnel[Any], worst: int) -> str | None:
    """Ask, of those who got to the step with the loss, which behaviour goes with not going on."""
    rows = funnel.table.to_dicts()
    if worst + 1 >= len(rows) or not rows[worst]["dropped"] or not rows[worst + 1]["people"]:
        return None
    here, following = rows[worst]["name"], rows[worst + 1]["name"]
    there = funnel.converted(step=worst + 1)
    return what_stops(there.correlation(following, since=here, min_people=20), among=there, before=here)


def _around(correlation: Correlation[Any], steps: list[str]) -> str | None:
    """Say which step of the funnel many did without who converted, and what they did instead."""
    found = way_around(correlation, steps)
    if found is None:
        return None
    step, count, converted = found
    told = f"{number(count)} of {the_count(converted, 'person')} who reached {correlation.goal} did so without {step}"
    others = correlation.people(step, did=True, converted=True)
    instead = _most_their_own(correlation.people(step, did=False, converted=True), others, goal=correlation.goal)
    return f"{told}{f': {instead}' if instead else ''}."


def _most_their_own(those: Journeys, others: Journeys, *, goal: str) -> str | None:
    """Find the event that sets one group apart from another by the share of people who did it before the goal."""
    done: list[dict[str, int]] = []
    for group in (those, others):
        # Long enough for nearly everyone; who goes on beyond the last column did the rest later.
        touched = group.flow(end=goal, steps=20, top=None)
        names = sorted(set(touched.nodes["node"].to_list()) - {goal})
        people = group.events.group_by("event").agg(pl.col("person").n_unique()).sort("event").collect()
        counts = dict(people.select(pl.col("event").cast(pl.String), "person").iter_rows())
        done.append({name: counts[name] for name in names if name in counts})
    sizes = those.size.people, others.size.people
    if not all(sizes):
        return None
    gain = {name: done[0][name] / sizes[0] - done[1].get(name, 0) / sizes[1] for name in done[0]}
    best = max(sorted(gain), key=lambda name: gain[name], default=None)
    if best is None or gain[best] < 0.3:
        return None
    who = "all" if done[0][best] == sizes[0] else number(done[0][best])
    return f"{who} of them came by way of {best}, {number(done[1].get(best, 0))} of the {number(sizes[1])} others"
