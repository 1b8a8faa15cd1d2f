"""The sections of a campaign report: per question a finding, a chart, how to read it, and the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.attribution import Attribution
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.flow.result import Flow
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.labels import NONE
from journeys.analyses.result import Result
from journeys.display import day, duration, number, percent, quoted, span, the_count
from journeys.errors import JourneysError
from journeys.report.protocol import JourneysWithQuestions
from journeys.report.section import Picture, Section
from journeys.steps import duration_us

if TYPE_CHECKING:
    import plotly.graph_objects as go


_FUNNEL_METHOD = (
    "A person reaches a step with events that satisfy all steps up to it, in the order of the log and each with an "
    "event of its own; other events may lie between. The deepest attempt counts. Intervals are 95% Wilson intervals."
)
# Each rate has its own interval beside it.
_FUNNEL_COLUMNS = (
    *("name", "step", "people", "dropped", "rate_from_start", "ci_low", "ci_high"),
    *("rate_from_previous", "rate_low", "rate_high", "median_time_from_previous"),
)


def result_section(result: Result[Any], *, name: str, question: str = "", finding: str = "") -> Section:
    """Turn any result into a section: its finding, chart, definition and table."""
    pictures, definition = _draw(result.plot)
    return Section(
        name=name,
        question=question or type(result).__name__,
        finding=finding or result.finding,
        definition=definition,
        pictures=pictures,
        table=result._displayed_table(),
    )


def _draw(plot: Callable[..., go.Figure], *, least: int = 0, **options: Any) -> tuple[tuple[Picture, ...], str]:
    """Draw a chart for wide and narrow screens; return it with its subtitle."""
    wide, narrow = plot(**options), plot(narrow=True, **options)
    definition = (wide.layout.meta or {}).get("subtitle", "")
    return (Picture(wide, narrow, least=int(wide.layout.width or least)),), definition


def _period(result: Result[Any]) -> str:
    first, last = result.settings.get("first"), result.settings.get("last")
    return span(first, last) if first and last else "no events"


def _describe_window(funnel: Funnel[Any]) -> str:
    within = funnel.settings.get("within")
    window = "at any time after the first"
    if within == "session":
        window = "in the same session as the first"
    elif within is not None:
        window = f"within {_window(within)} of the first"
    return f"step {window}, in this order; {_period(funnel)}."


def _window(within: Any) -> str:
    return duration(duration_us(within, argument="within"))


def _describe_censoring(funnel: Funnel[Any]) -> str:
    """Describe who entered too late to have had the whole window."""
    last, within = funnel.settings.get("last"), funnel.settings.get("within")
    if within in (None, "session") or not isinstance(last, datetime):
        return ""
    since = last - timedelta(microseconds=duration_us(within, argument="within"))
    return f" People who entered after {day(since)} have not had the whole {_window(within)} yet."


def funnel_section(funnel: Funnel[Any], *, finding: str, loudest: int) -> Section:
    """Show where people drop off."""
    from journeys.charts.funnel import draw

    pictures, _ = _draw(draw, table=funnel.table, loudest=loudest)
    return Section(
        name="funnel",
        question="Where do people drop off?",
        finding=finding,
        definition=f"Each {_describe_window(funnel)}",
        pictures=pictures,
        reading="each bar is the number of people who reached a step, with their share of those who entered and its "
        f"95% CI in brackets. The largest loss after the first step is marked.{_describe_censoring(funnel)}",
        limits="that those who dropped off are lost for good, or that their last event made them stop.",
        table=funnel.table,
        columns=_FUNNEL_COLUMNS,
        method=_FUNNEL_METHOD,
    )


def campaign_section(grouped: Funnel[Any], *, by: str, finding: str | None) -> Section:
    """Compare campaigns step by step."""
    from journeys.charts.funnel import draw

    what = by.removeprefix("first_").replace("_", " ")
    table = _add_step_intervals(grouped.table, by=by)
    pictures, _ = _draw(draw, table=table, by=by, measure="rate_from_previous")
    notes = "".join(f" {note}." for note in pictures[0].wide.layout.meta.get("notes", ()))
    return Section(
        name="campaigns",
        question=f"Which {what} brings people who stay?",
        finding=finding or f"No {what} differs from the others by more than chance.",
        definition=f"The share who went on from the step before, by {by.replace('_', ' ')}; each "
        + _describe_window(grouped),
        pictures=pictures,
        reading=f"how far people from each {what} got, with 95% intervals. In brackets how many entered.{notes}",
        limits=f"that the {what} made the difference: it may have reached other people. Only the first touch is "
        "considered here, so it does not show that later ones are worth nothing either.",
        table=table,
        columns=(by, *_FUNNEL_COLUMNS),
        method=f"{_FUNNEL_METHOD} The finding is the largest difference between one {what} and all others that remains "
        "after correction for the number of comparisons (Benjamini and Hochberg, 5%).",
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
    """Show which campaigns get the credit, when all touchpoints count equally."""
    total, goal = attribution.settings["conversions"], quoted(goal)
    no_touch = pl.col("campaign") == NONE  # a campaign that is really called so is quoted in the table
    touched = attribution.table.filter(~no_touch & (pl.col("credit") > 0))
    finding = f"No campaign was touched in the 30 days before {goal}."
    if touched.height:
        credit, top = touched["credit"].sum(), touched.row(0, named=True)
        finding = (
            f"Campaigns get credit for {percent(credit / total)} of {the_count(total, 'conversion')} to {goal}; "
            f"{quoted(str(top['campaign']))} gets most, {percent(top['share'])}{_worth(top, attribution)}."
        )
    pictures, _ = _draw(attribution.plot)
    return Section(
        name="attribution",
        question="Which campaigns get the credit?",
        finding=finding,
        definition=f"{goal}, shared equally among the campaigns touched in the 30 days before; {_period(attribution)}.",
        pictures=pictures,
        reading="which campaigns people touched before they converted, and how often.",
        limits="that these people would not have converted without the campaign.",
        table=attribution.table,
        method="Each person's first conversion counts once. The distinct touchpoints before it get equal parts (linear "
        "attribution). Conversions without any touchpoint are “(none)”.",
    )


def _worth(row: dict[str, Any], attribution: Attribution[Any]) -> str:
    """Say what the credit of a touchpoint is worth, where values are known."""
    currency = attribution.settings.get("currency")
    return "" if "value" not in row else f", worth {number(row['value'])}" + (f" {currency}" if currency else "")


def flow_section(flow: Flow[Any], *, goal: str, bypass: str | None) -> Section:
    """Show which paths lead to the goal."""
    pictures, definition = _draw(flow.plot, least=760)
    return Section(
        name="flow",
        question=f"Which paths lead to {quoted(goal)}?",
        finding=bypass or flow.finding,
        definition=definition,
        pictures=pictures,
        reading="each column is the next event; repeats are one. The most-travelled complete path is highlighted. Grey "
        "stubs are people who stopped, or went on beyond the last column. Small nodes are combined as “(other)”; on a "
        "phone, only the three largest of a column are shown.",
        limits="that a path makes people convert. Many people who never converted took the same paths.",
        table=flow.table,
        columns=("position", "source", "target", "people", "share", "median_time", "conversion_rate"),
        method="Each journey from its first touch to the first time that the goal is reached. People into a node equal "
        "those out of it plus those who stop there, go on beyond the last column, or have reached the goal. In the "
        "table, position 0 is the first column, and the conversion rate is that of all people who took the link, "
        "whether they reached the goal or not.",
    )


def correlation_section(correlation: Correlation[Any]) -> Section:
    """Show which behaviours go with converting."""
    pictures, _ = _draw(correlation.plot, least=760, rows=15)
    # Advice on what to type is useful in a notebook, not here.
    cautions = " ".join(re.sub(r" Compare with .*", "", line) for line in correlation.cautions)
    return Section(
        name="correlation",
        question=f"Which behaviours go with {quoted(correlation.goal)}?",
        finding=correlation.finding,
        definition=correlation.definition + ".",
        pictures=pictures,
        reading="people who did it converted more often (blue dots) or less often (orange diamonds) than people who "
        f"did not. phi uses all four counts: 0 is no association, 1 a perfect one. {cautions}".strip(),
        limits="that the behaviour makes people convert. Only an experiment can show that.",
        table=correlation._displayed_table(),
        method="Only events before the first conversion count, so that consequences of converting do not look "
        "like its reasons. phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)): a did both, b only the behaviour, c only "
        "converted, d neither. Its interval is that of the score test; q-values are corrected for the number of "
        "behaviours (Benjamini and Hochberg).",
    )


def identity_section(journeys: JourneysWithQuestions) -> Section | None:
    """Show how many people are known; None where person ids were known from the start."""
    try:
        identity = journeys.identity
    except JourneysError:
        return None
    known, people = identity.figure("known people"), identity.figure("people")
    known_by = [name for name in identity.types if name in identity.rules.exclusive]
    counts = dict(identity.table.group_by("id_type").agg(pl.col("person").n_unique()).sort("id_type").iter_rows())
    others = [f"{number(counts[one])} have {one}" for one in identity.types if one in counts and one not in known_by]
    reading = "no identifier belongs to one person only, so visits before and after signing in may not be linked."
    if known_by:
        share = f" ({percent(known / people)})" if people else ""
        reading = (
            f"{number(known)} of {the_count(people, 'person')}{share} are known by {' or '.join(known_by)}: their "
            "visits before and after signing in are one journey."
        )
    pictures, _ = _draw(identity.plot)
    return Section(
        name="identity",
        question="How were visits linked to people?",
        finding=identity.finding,
        definition=identity.row_summary,
        pictures=pictures,
        reading=reading + (f" Other identifiers: {', '.join(others)}." if others else ""),
        limits="that all other people are different: a visitor who returns with another browser, and never signs in, "
        "is counted again.",
        table=identity.figures,
        method="Rows with two identifiers, and explicit aliases, link them. A link that would join two known "
        "people is refused and recorded; an event on a shared browser belongs to the next person to sign in.",
    )
