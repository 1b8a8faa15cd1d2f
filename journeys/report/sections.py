"""The sections of a report: any result, figure, table or text; and those of the campaign report by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo

import polars as pl

from journeys.analyses.attribution import Attribution
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.flow.result import Flow
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.labels import NONE
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.display import (
    format_count,
    format_day,
    format_definite_count,
    format_number,
    format_percent,
    format_period,
    quote_name,
    use_unit,
    write_for_readers,
)
from journeys.display.options import use_theme
from journeys.errors import ArgumentError
from journeys.report.explanations import describe_window, explain_result
from journeys.report.identity_explanation import describe_known_by, list_plain_figures
from journeys.report.protocol import ReportedJourneys
from journeys.report.section import Picture, Section
from journeys.result import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go

_PAPER_WIDTH = 800
"""The pixels of a chart on paper, where its smallest letters are seven points high."""


@write_for_readers()
def make_section(
    shown: Result | go.Figure | pl.DataFrame,
    *,
    name: str = "",
    question: str = "",
    finding: str = "",
    comment: str = "",
) -> Section:
    """Turn any result, figure or table into a section of a report.

    Parameters
    ----------
    shown : Result, go.Figure or pl.DataFrame
        What the section shows. A result brings its question, finding, chart, explanation and numbers.
    name : str
        For links, in letters, digits and hyphens; the report chooses one by default.
    question, finding : str
        In place of those of the result; for a figure or table there are none by default.
    comment : str
        Your own words below the finding, as Markdown.

    Returns
    -------
    Section
        For `sections=` of `j.report(...)`.

    Raises
    ------
    ArgumentError
        When it is none of these.

    Examples
    --------
    >>> make_section(pl.DataFrame({"week": [1], "spent": [200]}), question="What did we spend?").table.height
    1
    """
    given: dict[str, Any] = {"name": name, "question": question, "finding": finding, "comment": comment}
    if isinstance(shown, Result):
        # Identifiers belong to people, also where the report is about accounts.
        with use_unit(shown._journeys._log.unit if isinstance(shown, JourneysResult) else "person"):
            explanation = explain_result(shown)
            pictures, definition = _draw_result(shown)
            section = Section(
                name="",
                question=explanation.question,
                finding=shown.finding,
                definition=_add_period(definition, _period_of(shown)),
                pictures=pictures,
                reading=explanation.reading + _list_notes(pictures),
                limits=explanation.limits,
                table=shown._displayed_table() if not explanation.columns else shown.table,
                method=explanation.method,
                columns=explanation.columns,
            )
        return replace(section, **{key: value for key, value in given.items() if value})
    if isinstance(shown, pl.DataFrame):
        return Section(**given, table=shown)
    if type(shown).__name__ in {"Figure", "FigureWidget"} and hasattr(shown, "to_plotly_json"):
        fixed = getattr(shown.layout, "width", None)
        return Section(**given, pictures=(Picture(shown, least=int(fixed or 0)),))
    raise ArgumentError(f"shown: {type(shown).__name__} must be a result, a figure or a DataFrame.")


def text_section(text: str, *, name: str = "") -> Section:
    r"""Turn Markdown into a section without a chart; its first heading is that of the section.

    Examples
    --------
    >>> text_section("# Next week\nWe stop the giveaway.").finding
    'Next week'
    """
    first, _, rest = text.strip().partition("\n")
    if first.startswith("#"):
        return Section(name=name, question="", finding=first.lstrip("#").strip(), comment=rest.strip())
    return Section(name=name, question="", finding="", comment=text.strip())


def _draw_result(result: Result) -> tuple[tuple[Picture, ...], str]:
    """Draw the chart of a result; two kinds have a least width on screens, and a form of their own on paper."""
    if type(result) is Flow:  # its comparison has no form for paper
        return draw_chart(result.plot, least=760, on_paper=partial(result.plot, width=_PAPER_WIDTH))
    if isinstance(result, Correlation):
        return draw_chart(partial(result.plot, rows=15), least=760, on_paper=partial(result.plot, rows=10))
    return draw_chart(result.plot)


class _Plot(Protocol):
    """Draws one chart for a wide screen, or for a phone."""

    def __call__(self, *, narrow: bool = False) -> go.Figure:
        """Draw it."""


def draw_chart(
    plot: _Plot, *, least: int = 0, on_paper: Callable[[], go.Figure] | None = None
) -> tuple[tuple[Picture, ...], str]:
    """Draw a chart for wide and narrow screens, and for paper where that differs; return it with its subtitle."""
    with use_theme("light"):  # the page itself turns charts dark
        wide, narrow = plot(), plot(narrow=True)
        printed = on_paper() if on_paper else None
    definition = (wide.layout.meta or {}).get("subtitle", "")
    return (Picture(wide, narrow, least=int(wide.layout.width or least), paper=printed),), definition


def _list_notes(pictures: tuple[Picture, ...]) -> str:
    """Return what a chart says in its subtitle beside the definition."""
    return "".join(f" {note}." for note in (pictures[0].wide.layout.meta or {}).get("notes", ()))


def _period_of(result: Result) -> str:
    """Return the period that a result says it is about; empty where it names none, as that of one person."""
    if "first" not in result.settings:
        return ""
    first, last = result.settings["first"], result.settings["last"]
    return format_period(first, last) if first and last else "no events"


def _add_period(definition: str, period: str) -> str:
    """Add the period to what a chart says about itself, as a sentence; one that names its period stays as it is."""
    if not definition:
        return period
    text = definition if period in definition else f"{definition.removesuffix('.')}; {period}"
    return f"{text[0].upper()}{text[1:].removesuffix('.')}."


def describe_entry(funnel: Funnel[Any]) -> str:
    """Describe when the people of a funnel entered it, such as "from 1 to 31 May 2026"; empty where it is open."""
    zone = ZoneInfo(funnel._spec.time_zone)
    start, end = (
        None if moment is None else datetime.fromtimestamp(moment / 1e6, zone) for moment in funnel._spec.entered
    )
    if start and end:
        return f"from {format_period(start, end - timedelta(microseconds=1))}"
    return f"since {format_day(start)}" if start else f"before {format_day(end)}" if end else ""


def _describe_scope(funnel: Funnel[Any]) -> str:
    """Describe the window of a funnel, and the period: of entering, where that was limited, else of all events."""
    entry = describe_entry(funnel)
    period = f"people who entered {entry}" if entry else _period_of(funnel)
    return f"{describe_window(funnel)}, in this order; {period}."


def funnel_section(funnel: Funnel[Any], *, finding: str, reconciled: str = "") -> Section:
    """Show where people drop off."""
    section = make_section(funnel, name="funnel", finding=finding)
    return replace(
        section,
        definition=f"Each step {_describe_scope(funnel)}",
        reading=" ".join(filter(None, [section.reading, reconciled])),
    )


def campaign_section(grouped: Funnel[Any], *, by: str, finding: str | None) -> Section:
    """Compare campaigns step by step."""
    from journeys.charts.funnel import draw_funnel

    what = by.removeprefix("first_").replace("_", " ")
    table = _add_step_intervals(grouped.table, by=by)
    pictures, _ = draw_chart(partial(draw_funnel, table, by=by, measure="rate_from_previous"))
    explanation = explain_result(grouped)
    return Section(
        name="campaigns",
        question=explanation.question,
        finding=finding or f"No {what} differs from the others by more than chance.",
        definition=f"The share who went on from the step before, by {by.replace('_', ' ')}; each step "
        f"{_describe_scope(grouped)}",
        pictures=pictures,
        reading=explanation.reading + _list_notes(pictures),
        limits=explanation.limits
        + (" Only the first touch counts here; later ones may matter too." if by.startswith("first_") else ""),
        table=table,
        columns=explanation.columns,
        method=f"{explanation.method} The finding is the largest difference between one {what} and all others that "
        "remains after correction for the number of comparisons (Benjamini and Hochberg, 5%).",
    )


def _add_step_intervals(table: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Add Wilson's interval of the rate from the previous step; null for the first step."""
    from journeys.stats import wilson

    before = pl.col("people").shift(1).over(by, order_by="step")
    known = table.with_columns(before.fill_null(0).alias("before"))
    people = known.select(pl.when(pl.col("before") > 0).then("people").otherwise(0)).to_series()
    low, high = wilson(people, known["before"])
    found = known.with_columns(rate_low=pl.Series(low).fill_nan(None), rate_high=pl.Series(high).fill_nan(None))
    return found.drop("before")


def attribution_section(attribution: Attribution[Any], *, goal: str) -> Section:
    """Show which campaigns get the credit, when all touchpoints count equally, and the money where it is known."""
    total, goal = attribution.settings["conversions"], quote_name(goal)
    no_touch = pl.col("campaign") == NONE  # a campaign that is really called so is quoted in the table
    touched = attribution.table.filter(~no_touch & (pl.col("credit") > 0))
    if touched.is_empty():
        return unanswered_attribution(
            f"none was touched in the 30 days before {format_definite_count(total, 'conversion')} to {goal}"
        )
    finding = attribution.finding
    if total >= MIN_PEOPLE:
        credit, top = touched["credit"].sum(), touched.row(0, named=True)
        finding = (
            f"Campaigns get credit for {format_percent(credit / total)} of "
            f"{format_definite_count(total, 'conversion')} to {goal}; "
            f"{quote_name(str(top['campaign']))} gets most, "
            f"{format_percent(top['share'])}{_describe_worth(top, attribution)}."
        )
    return replace(
        make_section(attribution, name="attribution", finding=finding),
        definition=f"Credit for each person's first {goal}, shared equally among the campaigns touched in the 30 days "
        f"before; {_period_of(attribution)}.",
    )


def _describe_worth(row: dict[str, Any], attribution: Attribution[Any]) -> str:
    """Say what the credit of a touchpoint is worth, where values are known."""
    currency = attribution.settings.get("currency")
    return "" if "value" not in row else f", worth {format_number(row['value'])}" + (f" {currency}" if currency else "")


def unanswered_attribution(why: str) -> Section:
    """Say in one sentence why no campaign gets credit, in place of a table of "(none)".

    Examples
    --------
    >>> unanswered_attribution("the data names no campaign").finding
    'No campaign gets credit: the data names no campaign.'
    """
    finding = f"No campaign gets credit: {why}."
    return Section(name="attribution", question="Which campaigns get the credit?", finding=finding)


def flow_section(flow: Flow[Any], *, bypass: str | None) -> Section:
    """Show which paths lead to the goal."""
    return make_section(flow, name="flow", finding=bypass or "")


def identity_section(journeys: ReportedJourneys) -> Section:
    """Say in plain words what was read and how it became people."""
    identity = journeys.identity
    known, people = identity.figure("known people"), identity.figure("people")
    rows = identity.rows.select(pl.col(pl.Int64).sum()).row(0, named=True)
    known_by = describe_known_by(identity)
    with use_unit("person"):  # accounts, too, are made of people
        finding = f"{format_count(rows['events'], 'event')} belong to {format_count(people, 'person')}"
    if known_by:
        count = "all" if known == people > 1 else f"{format_number(known)} of them"
        finding += f", {count} known by {known_by}"
    return replace(
        make_section(identity, name="identity", finding=f"{finding}."),
        definition=f"{_describe_rows(rows)}.{_describe_selection(journeys, events=rows['events'], people=people)}",
        table=list_plain_figures(identity),
    )


def _describe_rows(rows: dict[str, int]) -> str:
    """Describe how many rows were read, and what became of them; what there is none of is left out."""
    became = [
        f"{format_number(rows['events'])} are events",
        f"{format_number(rows['facts'])} describe people or companies" if rows["facts"] else "",
        f"{format_number(rows['duplicates'])} are repeats and do not count again" if rows["duplicates"] else "",
        f"{format_number(rows['quarantined'])} could not be used" if rows["quarantined"] else "",
    ]
    return f"{format_count(rows['read'], 'row')} were read: {'; '.join(filter(None, became))}"


def _describe_selection(journeys: ReportedJourneys, *, events: int, people: int) -> str:
    """Say that the report is about a part of what was read, or about accounts; empty where it is about all of it."""
    size = journeys.size
    if (size.events, size.people) == (events, people):
        return ""
    return (
        f" This counts all that was read; the report is about {format_count(size.people, journeys._log.unit)} and "
        f"{format_count(size.events, 'event')} of it."
    )
