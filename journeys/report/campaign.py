"""The campaign report: where people drop off, by campaign, which paths they take, and what goes with converting."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.against import split_sides
from journeys.analyses.attribution import attribution
from journeys.analyses.correlation import correlation
from journeys.analyses.flow import flow
from journeys.analyses.funnel import Funnel, funnel
from journeys.analyses.funnel.group_gap import find_group_gap
from journeys.analyses.retention import retention
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding
from journeys.display import (
    format_count,
    format_period,
    quote_name,
    show_progress,
    use_names,
    use_unit,
    write_for_readers,
)
from journeys.errors import ArgumentError, StoreError, UnknownNameError, check_column_names, raise_all, unknown_message
from journeys.report.branding import check_colours, embed_logo
from journeys.report.document import Report
from journeys.report.explanations import adapt_sentences, describe_window
from journeys.report.findings import (
    describe_steps,
    find_blocker,
    find_bypass,
    find_difference,
    find_gap,
    find_headline,
    reconcile_counts,
    summarise_funnel,
)
from journeys.report.protocol import ReportedJourneys
from journeys.report.provenance import describe_data, write_call
from journeys.report.ranking import rank_findings
from journeys.report.section import Finding, Section
from journeys.report.sections import (
    attribution_section,
    campaign_section,
    describe_entry,
    flow_section,
    funnel_section,
    identity_section,
    make_section,
    text_section,
    unanswered_attribution,
)
from journeys.result import Result
from journeys.steps import duration_us

if TYPE_CHECKING:
    import plotly.graph_objects as go

MOST_FINDINGS, LEAST_FINDINGS = 5, 3


def campaign_report(
    journeys: ReportedJourneys,
    *,
    steps: Sequence[str] | None = None,
    goal: str | None = None,
    within: str | None = None,
    by: str = "first_campaign",
    value: str | None = None,
    title: str | None = None,
    sections: Sequence[str | Section | Result | pl.DataFrame | go.Figure] | None = None,
    entered: tuple[date | datetime | str | None, date | datetime | str | None] | None = None,
    against: ReportedJourneys | pl.Expr | None = None,
    sides: tuple[str, str] | None = None,
    names: Mapping[str, str] | None = None,
    logo: str | Path | None = None,
    colours: Mapping[str, str] | None = None,
) -> Report:
    r"""Build a report on how campaigns did, where people drop off, and what goes with reaching the goal.

    It asks for the funnel (of all people and by campaign), the attribution, the flow to the goal, the correlations
    and the identities, and gives each a section, with the findings first.

    Parameters
    ----------
    steps : sequence of str, optional
        The funnel's steps, the goal last. Without them the report has the sections that need none.
    goal : str, optional
        The event that counts as converting; the last step by default.
    within : str, optional
        The funnel's window; none by default.
    by : str
        The column of people that distinguishes campaigns; without `first_campaign`, the report has no campaigns.
    value : str, optional
        The numeric column with what reaching the goal is worth, shared among the campaigns like the credit.
    title : str, optional
        The title of the page.
    sections : sequence, optional
        What the report shows, in this order: "funnel", "comparison", "exits" (of the step that loses most),
        "campaigns", "attribution", "flow", "correlation", "retention", "identity"; any result, such as
        `j.trend(...)`; a figure; a DataFrame; a text of several words, which is Markdown; or what
        `jn.report.make_section` returns, with your own question and comment.
        By default all named ones but exits and retention, as far as the journeys have what they need.
    entered : pair of dates, optional
        Only people who entered the funnel in this period; they are compared with those of the period before it.
    against : Journeys or pl.Expr, optional
        Compare the funnel with that of these, another campaign for instance, rather than with the period before. Or a
        condition over the columns of people: those for whom it holds are compared with, and the report is about
        everyone else.
    sides : pair of str, optional
        What the people of the report and those of `against` are called: two names, such as Spring and Ads.
    names : mapping of str to str, optional
        How events are called on the page, by their name in the log.
    logo : str or Path, optional
        A PNG, JPEG, GIF, WebP or SVG file, which becomes part of the page.
    colours : mapping of str to str, optional
        Your own colours as "#rrggbb" for "goal" (links, the goal, what is better) and "worse". Each needs a contrast of
        4.5 : 1 to white; a lighter tone of it is used on dark pages.

    Returns
    -------
    Report
        Write it with `.write("report.html")`, `.pdf("report.pdf")` or `.xlsx("report.xlsx")`.

    Raises
    ------
    ArgumentError
        There are fewer than two steps, the goal is not the last one, there is no such section, or the logo or a colour
        cannot be used.
    UnknownNameError
        A step is not an event of the log, or `by` or a column of the condition no column of people.

    Notes
    -----
    Findings are ranked by size of effect × people × certainty: the end of the difference's 95% interval that is nearer
    to zero, times the people of the group; what compares nothing comes last. None rests on fewer than 30 people, on a
    step of the funnel, or on a behaviour without which nobody converts.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": [1, 1, 2], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...     "event": ["Visit", "Sign up", "Visit"]})
    >>> j = jn.Journeys.from_table(log)
    >>> [section.name for section in j.report(steps=["Visit", "Sign up"]).sections]
    ['funnel', 'flow', 'correlation']
    >>> report = j.report(steps=["Visit", "Sign up"], sections=["funnel", j.flow(start="Visit"), "## Next\nWe wait."])
    >>> [section.name for section in report.sections]
    ['funnel', 'flow-2', 'text-3']
    """
    _check_arguments(steps, goal=goal, sections=sections)
    _check_sides(sides, is_compared=against is not None)
    check_column_names("by", by, is_required=True)
    if by not in ("first_campaign", *journeys.people.columns):
        raise UnknownNameError(unknown_message("by", by, available=journeys.people.columns, what="column of people"))
    chosen, logo_data = check_colours(colours or {}), embed_logo(logo)
    everyone = journeys
    if against is not None:
        journeys, against = split_sides(journeys, against)
    goal = steps[-1] if steps else goal
    asked = _Questions(journeys, tuple(steps or ()), goal or "", within, by, entered, against, sides, value)
    missing = _ON_REQUEST | (set() if steps else _NEEDS_STEPS) | (set() if goal is not None else _NEEDS_GOAL)
    wanted = [name for name in _BUILDERS if name not in missing] if sections is None else [*sections]
    shown: list[Built] = []
    left_out: dict[str, str] = {}
    with use_names(names or {}), use_unit(journeys._log.unit), write_for_readers(), show_progress("Making the report"):
        for place, one in enumerate(wanted, start=1):
            try:
                shown.append(_build_section(one, place, asked))
            except _NoAnswerError as reason:
                left_out[str(one)] = adapt_sentences(str(reason))
        lead = adapt_sentences(_write_lead(asked))
    findings = rank_findings([one for _, found in shown for one in found if one.low is not None])
    plain = [one for _, found in shown for one in found if one.low is None and one not in findings]
    own = [one for one in plain if one.section not in _BUILDERS]
    findings += [one for one in plain if one not in own]
    findings += own[: max(0, LEAST_FINDINGS - len(findings))]
    size = journeys.size
    first, last = (steps[0], steps[-1]) if steps else (None, goal)
    about = f"From {quote_name(first, 40)} to {quote_name(last, 40)}" if first and last else "Report"
    return Report(
        title=title or (f"What leads to {quote_name(goal, 40)}" if goal and not steps else about),
        period=f"{format_period(size.first, size.last)} · {format_count(size.people, journeys._log.unit)} "
        f"· {format_count(size.events, 'event')}",
        lead=lead,
        findings=tuple(findings[:MOST_FINDINGS]),
        left_out=_describe_left_out(left_out) if sections is not None else "",
        sections=tuple(section for section, _ in shown),
        settings={
            "goal": goal, "steps": tuple(steps or ()) or None, "within": _window_of(within),
            "entered": describe_entry(asked.funnel) or None if steps else None,
            "by": None if by == "first_campaign" else by, "value": value,
        },
        data=describe_data(everyone),
        code=write_call(
            {
                "sides": sides, "steps": [*steps] if steps else None, "goal": goal if not steps else None,
                "within": within, "by": None if by == "first_campaign" else by, "title": title, "value": value,
                "entered": entered, "names": dict(names or {}) or None, "logo": None if logo is None else str(logo),
                "colours": dict(colours or {}) or None,
            },
            sections=sections,
            against=against,
        ),
        names=dict(names or {}),
        logo=logo_data,
        colours=chosen,
        unit=journeys._log.unit,
    )  # fmt: skip


def _check_arguments(steps: Sequence[str] | None, *, goal: str | None, sections: Sequence[Any] | None) -> None:
    """Report all problems with the arguments together."""
    problems = []
    if isinstance(steps, str):
        problems.append(f"steps: a report needs a list of event names, not a pattern, got {steps!r}.")
    elif steps is not None and len(steps) < 2:
        problems.append(f"steps: a funnel needs at least two steps, got {[*steps]!r}.")
    elif steps and goal not in (None, steps[-1]):
        problems.append(f"goal: {goal!r} must be the last step, which is {steps[-1]!r}; add it to the steps.")
    names = [one for one in sections or () if isinstance(one, str) and not _is_text(one)]
    missing = [one for one in names if one not in _BUILDERS]
    problems += [unknown_message("sections", missing, available=[*_BUILDERS], what="section")] if missing else []
    without = [one for one in names if one in _NEEDS_STEPS] if not steps else []
    problems += [f"sections: {one!r} needs steps=[…], the goal last." for one in without]
    without = [one for one in names if one in _NEEDS_GOAL] if not steps and goal is None else []
    problems += [f"sections: {one!r} needs goal=… or steps=[…]." for one in without]
    for one in sections or ():
        known = isinstance(one, str | Section | Result | pl.DataFrame) or hasattr(one, "to_plotly_json")
        if not known:
            problems.append(
                f"sections: {type(one).__name__} must be a name, a result, a Section, a figure, a DataFrame or a text."
            )
    if sections is None and not steps and goal is None:
        problems.append("steps: name the funnel's steps, a goal, or the sections of the report.")
    raise_all(problems, ArgumentError)


def _check_sides(sides: tuple[str, str] | None, *, is_compared: bool) -> None:
    """Refuse what are not two names, and names of sides where nothing is compared."""
    if sides is None:
        return
    if not isinstance(sides, list | tuple) or len(sides) != 2 or not all(isinstance(one, str) for one in sides):
        raise ArgumentError(f"sides: expected two names, got {sides!r}.")
    if not is_compared:
        raise ArgumentError("sides: nothing is compared; say with whom by against=….")


def _window_of(within: str | None) -> str | timedelta | None:
    """Return the window as a time, which is shown in words."""
    return within if within in (None, "session") else timedelta(microseconds=duration_us(within, argument="within"))


def _is_text(given: str) -> bool:
    """Return whether it is Markdown rather than the name of a section: more than one word."""
    return len(given.split()) > 1


@dataclass(frozen=True, eq=False)
class _Questions:
    """What a report is about; questions that several sections need are asked once.

    `steps` and `goal` are empty in a report without them, which has no section that needs them.
    """

    journeys: ReportedJourneys
    steps: tuple[str, ...]
    goal: str
    within: str | None
    by: str
    entered: tuple[Any, Any] | None
    against: ReportedJourneys | None
    sides: tuple[str, str] | None
    value: str | None

    @cached_property
    def funnel(self) -> Funnel[ReportedJourneys]:
        return self.ask_funnel(self.journeys)

    def ask_funnel(self, journeys: ReportedJourneys, *, by: str | None = None) -> Funnel[ReportedJourneys]:
        """Ask for the report's funnel of these journeys, perhaps broken down by a column of people."""
        return funnel(journeys, [*self.steps], within=self.within, entered=self.entered, by=by)

    @cached_property
    def ever(self) -> int:
        """How many people reach the goal at any time."""
        rows = self.journeys.events.filter(pl.col("event").cast(pl.String) == self.goal)
        return int(rows.select(pl.col("person").n_unique()).collect().item())

    @cached_property
    def reconciled(self) -> str:
        entered = f" and entering {self.entry_period}" if self.entry_period else ""
        return reconcile_counts(
            self.funnel, ever=self.ever, window=f", each step {describe_window(self.funnel)}{entered}"
        )

    @cached_property
    def entry_period(self) -> str:
        """When people entered the funnel, if that was limited."""
        return describe_entry(self.funnel)

    def limit_finding(self, found: Finding) -> Finding:
        """Say in a finding about the funnel which people it is about, if these are not all."""
        return (
            replace(found, sentence=f"{found.sentence} Counted: who entered {self.entry_period}.")
            if self.entry_period
            else found
        )

    @cached_property
    def blocker(self) -> Finding | None:
        """What came before not going on, among people who reached the step with the largest loss."""
        rows, worst = self.funnel.table.to_dicts(), self.funnel.worst_step
        if worst is None or not rows[worst]["people"]:
            return None
        step, following = rows[worst - 1]["name"], rows[worst]["name"]
        among = self.funnel.converted(step=worst)
        return find_blocker(correlation(among, following, since=step, min_people=20), among=among, step=step)

    @cached_property
    def bypass(self) -> Finding | None:
        return find_bypass(correlation(self.journeys, self.goal), [*self.steps[:-1]]) if self.steps else None


Built = tuple[Section, list[Finding]]


class _NoAnswerError(Exception):
    """A section has no answer; the text says why, such as "no one has a first campaign"."""


def _describe_left_out(reasons: Mapping[str, str]) -> str:
    """Say which sections have no answer, and why; empty if there are none.

    Examples
    --------
    >>> _describe_left_out({"campaigns": "no one has a first campaign"})
    'Not in this report: "campaigns", since no one has a first campaign.'
    """
    listed = "; ".join(f'"{name}", since {why}' for name, why in reasons.items())
    return f"Not in this report: {listed}." if listed else ""


def _build_section(one: Any, place: int, asked: _Questions) -> Built:
    """Build one section, with the findings that it gives; raise _NoAnswerError if it has no answer."""
    if isinstance(one, str) and not _is_text(one):
        section, found = _BUILDERS[one](asked)
        return _adapt_section(section), [replace(f, sentence=adapt_sentences(f.sentence)) for f in found]
    if isinstance(one, str):
        return text_section(one, name=f"text-{place}"), []
    section = one if isinstance(one, Section) else make_section(one)
    if not section.name:
        section = replace(section, name=f"{type(one).__name__.lower()}-{place}")
    enough = isinstance(one, Result) and one.settings.get("people", 0) >= MIN_PEOPLE
    is_found = enough and not isinstance(one.finding, NoFinding)
    return section, [find_difference(one, section=section.name)] if is_found else []


def _write_lead(asked: _Questions) -> str:
    """Summarise the funnel, what is counted differently elsewhere, and the step that loses most."""
    if not asked.steps:
        return ""
    loss = asked.funnel.largest_loss if asked.blocker else ""
    return " ".join(filter(None, [summarise_funnel(asked.funnel, entry=asked.entry_period), asked.reconciled, loss]))


def _adapt_section(section: Section) -> Section:
    """Let a section of the report's own speak of accounts where these were asked; what was read is about people."""
    if section.name == "identity":
        return section
    return replace(
        section,
        question=adapt_sentences(section.question),
        finding=adapt_sentences(section.finding),
        definition=adapt_sentences(section.definition),
        reading=adapt_sentences(section.reading),
        limits=adapt_sentences(section.limits),
        method=adapt_sentences(section.method),
    )


def _build_funnel(asked: _Questions) -> Built:
    loss = asked.funnel.largest_loss or asked.funnel.finding
    found = asked.limit_finding(asked.blocker or Finding(loss, "funnel"))
    return funnel_section(asked.funnel, finding=loss, reconciled=asked.reconciled), [found]


def _build_comparison(asked: _Questions) -> Built:
    sides = "in this report", "with whom they are compared"
    if asked.against is not None:
        other = asked.ask_funnel(asked.against)
    elif asked.entered is not None and None not in asked.entered:
        other = asked.funnel.previous()
        sides = f"who entered {asked.entry_period}", f"who entered {describe_entry(other)}"
    else:
        raise _NoAnswerError("neither other people nor a period with a start and an end are given to compare with")
    comparison = replace(asked.funnel.compare(other), sides=asked.sides if asked.against is not None else None)
    section, found = make_section(comparison), find_gap(comparison, section="comparison", sides=sides)
    note = comparison._sides_note if found.people else ""
    section = replace(section, name="comparison", finding=found.sentence, reading=section.reading + note)
    return section, [replace(found, sentence=found.sentence + note)]


def _build_exits(asked: _Questions) -> Built:
    return make_section(asked.funnel.exits(after=asked.funnel.worst_step or 1), name="exits"), []


def _build_campaigns(asked: _Questions) -> Built:
    people, by = asked.journeys.people, asked.by
    what = by.replace("_", " ")
    if by not in people.columns or people[by].null_count() == people.height:
        raise _NoAnswerError(f"no one has a {what}")
    grouped = asked.ask_funnel(asked.journeys, by=by)
    if grouped.table[by].n_unique() < 2:
        raise _NoAnswerError(f"everyone in the funnel has the same {what}")
    gap = find_group_gap(grouped.table, by=by)
    found = [Finding(gap.sentence, "campaigns", people=gap.people, low=gap.low, high=gap.high)] if gap else []
    section = campaign_section(grouped, by=by, finding=gap.headline if gap else None)
    return section, [asked.limit_finding(one) for one in found]


def _build_attribution(asked: _Questions) -> Built:
    events = asked.journeys.events
    if "campaign" not in events.collect_schema():
        raise _NoAnswerError("the data has no campaigns")
    if events.select(pl.col("campaign").is_null().all()).collect().item():
        return unanswered_attribution("the data names no campaign"), []
    if not asked.ever:
        return unanswered_attribution(f"nobody reached {quote_name(asked.goal)}"), []
    credit = attribution(asked.journeys, asked.goal, model="linear", value=asked.value)
    return attribution_section(credit, goal=asked.goal), []


def _build_flow(asked: _Questions) -> Built:
    bypass = asked.bypass
    section = flow_section(flow(asked.journeys, end=asked.goal), bypass=bypass.sentence if bypass else None)
    return section, [bypass] if bypass else []


def _build_correlation(asked: _Questions) -> Built:
    # Reaching the goal takes the funnel's own steps: they are no finding about it.
    steps = asked.steps[:-1] if asked.journeys.size.events else ()
    result = correlation(asked.journeys, asked.goal, exclude=steps)
    found = find_headline(result)
    heading = found.sentence if found else describe_steps(result)
    section = make_section(result, name="correlation", finding=heading)
    return section, [found] if found else []


def _build_retention(asked: _Questions) -> Built:
    start = asked.steps[0] if asked.steps else asked.goal
    return make_section(retention(asked.journeys, start=start, every="1w"), name="retention"), []


def _build_identity(asked: _Questions) -> Built:
    try:
        return identity_section(asked.journeys), []
    except StoreError:
        raise _NoAnswerError("person ids were known from the start") from None


_BUILDERS: dict[str, Callable[[_Questions], Built]] = {
    "funnel": _build_funnel,
    "comparison": _build_comparison,
    "exits": _build_exits,
    "campaigns": _build_campaigns,
    "attribution": _build_attribution,
    "flow": _build_flow,
    "correlation": _build_correlation,
    "retention": _build_retention,
    "identity": _build_identity,
}
_ON_REQUEST = {"exits", "retention"}
_NEEDS_STEPS = {"funnel", "comparison", "exits", "campaigns"}
_NEEDS_GOAL = {"attribution", "flow", "correlation", "retention"}
