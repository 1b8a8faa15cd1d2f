"""The report's sections: one a question, each a finding, a chart, what it means and does not, and the numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display import agree, day, duration, number, percent, shorten, span, the_count
from journeys.report.document import Picture, Section

if TYPE_CHECKING:
    from journeys.analyses.attribution import Attribution
    from journeys.analyses.correlation.result import Correlation
    from journeys.analyses.flow.result import Flow
    from journeys.analyses.funnel.result import Funnel
    from journeys.analyses.result import Result
    from journeys.api import Journeys
    from journeys.identity import Identity

__all__ = [
    "attribution_section",
    "campaign_section",
    "correlation_section",
    "flow_section",
    "funnel_section",
    "identity_section",
]

_FUNNEL = (
    "A person reaches a step with different events of their own, in the order of the log, that satisfy all steps up to "
    "it; other events may lie between. The deepest attempt counts. Intervals are Wilson's, at 95%."
)

# Each rate has its own interval beside it.
_NUMBERS = (
    *("step", "name", "people", "dropped", "rate_from_start", "ci_low", "ci_high"),
    *("rate_from_previous", "rate_low", "rate_high", "median_time_from_previous"),
)


def _when(result: Result[Any]) -> str:
    first, last = result.settings.get("first"), result.settings.get("last")
    return span(first, last) if first and last else "no events"


def _window(funnel: Funnel[Any]) -> str:
    within = funnel._spec.within
    window = f"within {duration(within)} of the first" if within is not None else "at any time after the first"
    return f"step {window}, in this order; {_when(funnel)}."


def _late(funnel: Funnel[Any]) -> str:
    """Say who has not had the time yet."""
    last, within = funnel.settings.get("last"), funnel._spec.within
    if within is None or not isinstance(last, datetime):
        return ""
    since = last - timedelta(microseconds=within)
    return f" Those who began after {day(since)} have not had the whole {duration(within)} yet."


def funnel_section(funnel: Funnel[Any], *, finding: str, loudest: int, stops: str | None) -> Section:
    """Tell where people stop."""
    from journeys.charts.funnel import draw

    wide, narrow = (draw(funnel.table, loudest=loudest, narrow=narrow) for narrow in (False, True))
    return Section(
        name="funnel",
        question="Where do they stop?",
        finding=finding,
        definition=f"Each {_window(funnel)}",
        pictures=(Picture(wide, narrow),),
        means=(stops or "The step that loses most people is where a change could matter to most.") + _late(funnel),
        not_means="that those lost are lost for good, or that the last thing they did made them stop.",
        table=funnel.table,
        columns=_NUMBERS,
        counted=_FUNNEL,
    )


def campaign_section(grouped: Funnel[Any], *, by: str, finding: str | None) -> Section:
    """Tell how the groups differ, step by step."""
    from journeys.charts.funnel import draw

    what = by.removeprefix("first_").replace("_", " ")
    table = _with_intervals(grouped.table, by=by)
    wide, narrow = (draw(table, by=by, measure="rate_from_previous", narrow=narrow) for narrow in (False, True))
    return Section(
        name="campaigns",
        question=f"Which {what} brings people who stay?",
        finding=finding or f"No {what} differs from the others by more than chance would have it.",
        definition=f"Of those who got to the step before, the share who went on, by {by.replace('_', ' ')}; each "
        + _window(grouped),
        pictures=(Picture(wide, narrow),),
        means="how far those whom each campaign brought first have come, with the range that chance leaves open. In "
        f"brackets how many began.{''.join(f' {note}.' for note in wide.layout.meta.get('notes', ()))}",
        not_means="that the campaign made the difference: it may have reached other people. Nor that later touches are "
        "worth nothing; only the first is looked at here.",
        table=table,
        columns=(by, *_NUMBERS),
        counted=_FUNNEL + " The finding is the largest of all differences between one campaign and all others that "
        "remains after correction for having looked at all of them (Benjamini and Hochberg, 5%).",
    )


def _with_intervals(table: pl.DataFrame, *, by: str) -> pl.DataFrame:
    """Add Wilson's interval to the rate from the step before."""
    from journeys.stats import wilson

    before = pl.col("people").shift(1).over(by, order_by="step")
    # The first step has no step before it: 0 of 0, which has no interval.
    known = table.with_columns(before.fill_null(0).alias("before"))
    people = known.select(pl.when(pl.col("before") > 0).then("people").otherwise(0)).to_series()
    low, high = wilson(people, known["before"])
    found = known.with_columns(rate_low=pl.Series(low).fill_nan(None), rate_high=pl.Series(high).fill_nan(None))
    return found.drop("before")


def attribution_section(credit: Attribution[Any], *, goal: str) -> Section:
    """Tell what each campaign earns when every touch before the goal counts alike."""
    from journeys.charts.attribution import draw

    table, total = credit.table, credit.settings["conversions"]
    named = table.filter(pl.col("campaign") != "(none)")
    earned = named["credit"].sum()
    finding = f"No campaign was touched in the 30 days before {goal}."
    if earned:
        top = named.row(0, named=True)
        finding = (
            f"Campaigns earn {percent(earned / total)} of {the_count(total, 'conversion')}; "
            f"{shorten(str(top['campaign']), 60)} earns most of it, {percent(top['share'])} of all."
        )
    wide, narrow = (draw(named, touch="campaign", narrow=narrow) for narrow in (False, True))
    return Section(
        name="attribution",
        question="What do the campaigns earn?",
        finding=finding,
        definition=f"{goal}, shared equally over the campaigns touched in the 30 days before; {_when(credit)}.",
        pictures=(Picture(wide, narrow),),
        means="which campaigns were on the way of those who converted, and how often.",
        not_means="that they would not have converted without. Being on the way is not the same as showing it.",
        table=table,
        counted="Each person's first conversion is one; every different touch in a row before it gets an equal part "
        "(linear attribution). Conversions without any touch are kept under “(none)” in the table.",
    )


def flow_section(flow: Flow, *, around: str | None) -> Section:
    """Tell which way they went to the goal."""
    from journeys.charts.sankey import draw

    way = flow.most_travelled()
    path, begins = ((), 0) if way is None else (way.path, way.begins)
    wide, narrow = (
        draw(
            flow.table,
            goal=flow.goal,
            nodes=flow.nodes,
            colour_of=flow.colours(flow.nodes["node"]),
            path=path,
            begins=begins,
            went=None if way is None else way.people,
            narrow=narrow,
        )
        for narrow in (False, True)
    )
    return Section(
        name="flow",
        question=f"Which way do they go to {flow.goal}?",
        finding=around or flow.finding,
        definition=flow.definition + " Each column is the next thing that they did; repeats are drawn together.",
        pictures=(Picture(wide, narrow, least=int(wide.layout.width or 760)),),
        means="how those who got there went, column by column. The way that most of them went whole is set off; grey "
        "stubs are those who stopped, or went on beyond the last column. Small nodes are drawn as one, “(other)”: on a "
        "telephone all but the three largest of a column.",
        not_means="that the way made them arrive. Those who never arrived took many of these ways too.",
        table=flow.table,
        columns=("position", "source", "target", "people", "share", "median_time", "conversion_rate"),
        counted="Every journey from first touch to the first time that the goal is reached. People into a node are "
        "those out of it, plus those who stop there, go on beyond the last column, or have arrived. In the table, "
        "position 0 is the first column, and the conversion rate is that of all who went this way, arrived or not.",
    )


def correlation_section(correlation: Correlation[Any]) -> Section:
    """Tell what goes with converting, and what only looks so."""
    from journeys.charts.correlation import draw

    checked = correlation.checks
    sure = checked.filter(pl.col("doubt").is_null())
    doubtful = checked.filter(pl.col("doubt").is_not_null())
    apart = [*doubtful.select("behaviour", "doubt").iter_rows()]
    apart += [*correlation.set_apart.select("behaviour", "reason").iter_rows()]
    wide, narrow = (
        draw(sure, goal=correlation.goal, set_apart=apart, rows=15, narrow=narrow) for narrow in (False, True)
    )
    # What to type instead is of use in a notebook, not here.
    lines = [re.sub(r" Compare with .*", "", line) for line in correlation.cautions]
    cautions = " ".join(lines)
    return Section(
        name="correlation",
        question=f"What goes with {correlation.goal}?",
        finding=correlation.finding,
        definition=correlation.definition + ".",
        pictures=(Picture(wide, narrow, least=760),),
        means="who did it converted more (blue dots) or less (orange diamonds) often than who did not. "
        "phi takes all four counts: "
        f"0 is no relation, 1 is one and the same. {cautions}".strip(),
        not_means="that it makes people convert: it goes with converting. Only a trial tells what follows from what.",
        table=correlation._displayed_table(),
        counted="Only what happened before the first conversion counts, so what follows from converting cannot look "
        "like its reason. phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)): a did both, b only the behaviour, c only "
        "converted, d neither. Its interval is that of the score test; q-values are corrected for all behaviours "
        "(Benjamini and Hochberg).",
    )


def identity_section(journeys: Journeys) -> Section | None:
    """Tell what was read and bridged; nothing where people were known already."""
    from journeys.errors import JourneysError

    try:
        identity = journeys.identity
    except JourneysError:
        return None
    from journeys.charts.identity import draw_linked_events

    known, people = identity.figure("known people"), identity.figure("people")
    share = f" ({percent(known / people)})" if people else ""
    by = [name for name in identity.types if name in identity.rules.exclusive]
    are = agree(known, "is", "are")
    told = f"{number(known)} of {the_count(people, 'person')}{share} {are} known by {' or '.join(by)}"
    return Section(
        name="identity",
        question="Who is who?",
        finding=identity.finding,
        definition=identity.row_summary,
        pictures=(Picture(draw_linked_events(identity.figures), draw_linked_events(identity.figures, narrow=True)),),
        means=f"{told if by else 'nobody is known by an identifier of their own'}, so that visits before and after "
        f"signing in {'are' if by else 'need not be'} one journey.{_other_types(identity, by)}",
        not_means="that the others are all different people: a visitor who comes back with another browser, and never "
        "says who they are, is counted again.",
        table=identity.figures,
        counted="Rows that carry two identifiers, and explicit aliases, link them. A link that would join two known "
        "people is refused and recorded; an event on a shared browser goes to who signs in next.",
    )


def _other_types(identity: Identity, known_by: Sequence[str]) -> str:
    """Say how many people have an identifier of each other type: none of these makes them known."""
    people = dict(identity.table.group_by("id_type").agg(pl.col("person").n_unique()).sort("id_type").iter_rows())
    others = [f"{number(people[name])} {name}" for name in identity.types if name in people and name not in known_by]
    return f" So many have another identifier: {', '.join(others)}." if others else ""
