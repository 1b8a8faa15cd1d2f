"""The campaign report: where people drop off, by campaign, which paths they take, and what goes with converting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from journeys.analyses.correlation.caveats import is_headline
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.result import Result
from journeys.display import plural, quoted, span
from journeys.errors import ArgumentError, raise_all, unknown
from journeys.report.document import Report
from journeys.report.findings import (
    describe_blocker,
    describe_bypass,
    find_campaign_gap,
    find_largest_loss,
    summarise_funnel,
)
from journeys.report.protocol import JourneysWithQuestions
from journeys.report.section import Finding, Section
from journeys.report.sections import (
    attribution_section,
    campaign_section,
    correlation_section,
    flow_section,
    funnel_section,
    identity_section,
    result_section,
)

SECTIONS = ("funnel", "campaigns", "attribution", "flow", "correlation", "identity")


def campaign_report(
    journeys: JourneysWithQuestions,
    *,
    steps: Sequence[str],
    goal: str | None = None,
    within: str | None = None,
    by: str = "first_campaign",
    value: str | None = None,
    title: str | None = None,
    sections: Sequence[str | Section | Result[Any]] | None = None,
) -> Report:
    """Build a report on how campaigns did, where people drop off, and what goes with reaching the goal.

    It asks for the funnel (of all people and by campaign), the attribution, the flow to the goal, the correlations
    and the identities, and gives each a section, with the findings first.

    Parameters
    ----------
    steps : sequence of str
        The funnel's steps, the goal last.
    goal : str, optional
        The event that counts as converting; the last step by default.
    within : str, optional
        The funnel's window; none by default.
    by : str
        The column that distinguishes campaigns; without such a column, the report has no campaigns.
    value : str, optional
        The numeric column with what reaching the goal is worth, shared among the campaigns like the credit.
    title : str, optional
        The title of the page.
    sections : sequence, optional
        What the report shows, in this order: "funnel", "campaigns", "attribution", "flow", "correlation", "identity",
        any result, such as `j.retention(...)`, or a `journeys.report.Section`. All of the named ones by default, as
        far as the journeys have what they need.

    Returns
    -------
    Report
        Write it with `.write("report.html")`.

    Raises
    ------
    ArgumentError
        There are fewer than two steps, the goal is not the last one, or there is no such section.
    UnknownNameError
        A step is not an event of the log.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": [1, 1, 2], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...     "event": ["Visit", "Sign up", "Visit"]})
    >>> j = jn.Journeys.from_table(log)
    >>> [section.name for section in j.report(steps=["Visit", "Sign up"]).sections]
    ['funnel', 'flow', 'correlation']
    >>> report = j.report(steps=["Visit", "Sign up"], sections=["funnel", j.flow(start="Visit")])
    >>> [section.name for section in report.sections]
    ['funnel', 'flow-2']
    """
    names = [*steps]
    goal = names[-1] if goal is None and names else goal
    _check_arguments(names, goal=goal, sections=sections)
    standard, findings, lead = _ask_standard_questions(journeys, names, within=within, by=by, value=value)
    if sections is None:
        shown = [section for section in standard.values() if section is not None]
    else:
        given = [standard[one] if isinstance(one, str) else _as_section(one, at) for at, one in enumerate(sections, 1)]
        shown = [section for section in given if section is not None]
    size, included = journeys.size, {section.name for section in shown}
    return Report(
        title=title or f"From {quoted(names[0], 40)} to {quoted(names[-1], 40)}",
        period=f"{span(size.first, size.last)} · {plural(size.people, 'person')} · {plural(size.events, 'event')}",
        lead=lead,
        findings=tuple([finding for finding in findings if finding.section in included][:5]),
        sections=tuple(shown),
        settings={"goal": goal, "steps": tuple(names), "within": within},
    )


def _check_arguments(
    steps: list[str], *, goal: str | None, sections: Sequence[str | Section | Result[Any]] | None
) -> None:
    """Report all problems with the arguments together."""
    problems = []
    if len(steps) < 2:
        problems.append(f"steps: a funnel needs at least two steps, got {steps!r}.")
    elif goal != steps[-1]:
        problems.append(f"goal: {goal!r} must be the last step, which is {steps[-1]!r}; add it to the steps.")
    names = [one for one in sections or () if isinstance(one, str) and one not in SECTIONS]
    problems += [unknown("sections", names, available=SECTIONS, what="section")] if names else []
    problems += [
        f"sections: {type(one).__name__} must be a name, a result or a Section."
        for one in sections or ()
        if not isinstance(one, str | Section | Result)
    ]
    raise_all(problems, ArgumentError)


def _as_section(given: Section | Result[Any], place: int) -> Section:
    if isinstance(given, Section):
        return given
    return result_section(given, name=f"{type(given).__name__.lower()}-{place}")


def _ask_standard_questions(
    journeys: JourneysWithQuestions, steps: list[str], *, within: str | None, by: str, value: str | None
) -> tuple[dict[str, Section | None], list[Finding], str]:
    """Answer the questions of the standard sections; return these, the findings in order, and the summary."""
    goal = steps[-1]
    funnel = journeys.funnel(steps, within=within)
    # Reaching the goal takes the funnel's own steps: they are no finding about it.
    correlation = journeys.correlation(goal, exclude=steps[:-1] if journeys.size.events else ())
    worst, loss = find_largest_loss(funnel)
    blocker = _find_blocker(funnel, worst)
    bypass = describe_bypass(journeys.correlation(goal), steps[:-1])
    sections: dict[str, Section | None] = dict.fromkeys(SECTIONS)
    findings = []
    sections["funnel"] = funnel_section(funnel, finding=loss, loudest=worst)
    people = journeys.people
    if by in people.columns and people[by].null_count() < people.height:
        grouped = journeys.funnel(steps, within=within, by=by)
        gap = find_campaign_gap(grouped.table, by=by)
        findings += [Finding(gap.sentence, "campaigns")] if gap else []
        sections["campaigns"] = campaign_section(grouped, by=by, finding=gap.headline if gap else None)
    if "campaign" in journeys.events.collect_schema() and funnel.table["people"].sum():
        attribution = journeys.attribution(goal, model="linear", value=value)
        if attribution.settings["conversions"]:
            sections["attribution"] = attribution_section(attribution, goal=goal)
    if blocker:
        findings.append(Finding(blocker, "funnel"))
    if correlation.table.height and correlation.findings.filter(is_headline()).height:
        findings.append(Finding(correlation.finding, "correlation"))
    if not blocker:
        findings.append(Finding(loss, "funnel"))
    if bypass:
        findings.append(Finding(bypass, "flow"))
    sections["flow"] = flow_section(journeys.flow(end=goal), goal=goal, bypass=bypass)
    sections["correlation"] = correlation_section(correlation)
    identity = sections["identity"] = identity_section(journeys)
    lead = [summarise_funnel(funnel), loss if blocker else "", identity.finding if identity else ""]
    return sections, findings, " ".join(filter(None, lead))


def _find_blocker(funnel: Funnel[Any], worst: int) -> str | None:
    """Find what came before not going on, among people who reached the step with the largest loss."""
    rows = funnel.table.to_dicts()
    if worst + 1 >= len(rows) or not rows[worst]["dropped"] or not rows[worst + 1]["people"]:
        return None
    step, following = rows[worst]["name"], rows[worst + 1]["name"]
    among = funnel.converted(step=worst + 1)
    return describe_blocker(among.correlation(following, since=step, min_people=20), among=among, step=step)
