"""The sentences that a report leads with: each from a table, and tested against chance."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from journeys.analyses.correlation.caveats import is_headline
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.correlation.summarise import CELLS
from journeys.analyses.experiment.result import Experiment
from journeys.analyses.flow import flow
from journeys.analyses.funnel import Funnel
from journeys.analyses.funnel.comparison import FunnelComparison
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.display import (
    adapt_words,
    format_count,
    format_definite_count,
    format_number,
    format_percent,
    format_points,
    quote_name,
)
from journeys.report.protocol import ReportedJourneys
from journeys.report.section import Finding
from journeys.report.shared_values import describe_shared_values
from journeys.result import Result

MAX_Q = 0.05
_UNITS = {"people": "person", "sessions": "session", "entries": "entry"}
_TROUBLE = r"(?i)\b(error|errors|fail|fails|failed|failure|crash|crashed|declined|rejected|refused|timeout|timed out)\b"


def summarise_funnel(funnel: Funnel[Any], *, entry: str = "") -> str:
    """Summarise how many people went from the first step to the last; `entry` says when they entered."""
    rows = funnel.table.to_dicts()
    if not rows or rows[0]["people"] < MIN_PEOPLE:
        return funnel.finding
    start, end = rows[0], rows[-1]
    share = (
        f"{format_number(end['people'])} of {format_count(start['people'], 'person')} "
        f"({format_percent(end['rate_from_start'])})"
    )
    entered = f" who entered {entry}" if entry else ""
    return f"{share}{entered} went from {quote_name(start['name'])} to {quote_name(end['name'])}."


def reconcile_counts(funnel: Funnel[Any], *, ever: int, window: str = "") -> str:
    """Explain why fewer people reach the funnel's last step than do its event at all; empty where both are the same."""
    last = funnel.table.to_dicts()[-1]
    if last["people"] == ever:
        return ""
    return (
        f"{format_count(ever, 'person')} did {quote_name(last['name'])} at some point, {format_number(last['people'])} "
        f"of them after going through all earlier steps{window}. Other sections count all {format_number(ever)}."
    )


def compare_shares(sentence: str, section: str, *, of: tuple[int, int], others: tuple[int, int]) -> Finding:
    """Return a finding with the 95% interval of the difference of two shares, each the count and the people of it.

    Examples
    --------
    >>> finding = compare_shares("More convert.", "correlation", of=(30, 40), others=(10, 100))
    >>> finding.people, round(finding.low, 2), round(finding.high, 2)
    (40, 0.48, 0.77)
    """
    from journeys.stats import difference

    test = difference(*(pl.Series([count]) for count in (*of, *others)))
    return Finding(sentence, section, people=of[1], low=float(test.ci_low[0]), high=float(test.ci_high[0]))


def find_headline(correlation: Correlation[Any]) -> Finding | None:
    """Return the strongest behaviour with the people compared; None if none makes a headline.

    What nobody converts without is a step on the way to the goal rather than a finding about it.
    """
    if not correlation.table.height:
        return None
    rows = correlation.findings.filter(is_headline() & ~_is_step()).head(1).to_dicts()
    if not rows:
        return None
    both, only, converted, neither = (int(rows[0][f"{name}_matched"]) for name in CELLS)
    of, others = (both, both + only), (converted, converted + neither)
    found = compare_shares("", "correlation", of=of, others=others)
    rate, rest = of[0] / of[1], others[0] / others[1]
    return replace(
        found,
        sentence=f"{quote_name(rows[0]['behaviour'])} goes with reaching {quote_name(correlation.goal)}: "
        f"{format_percent(rate)} of the {format_count(of[1], 'person')} who did it got there, against "
        f"{format_percent(rest)} of {format_definite_count(others[1], 'other')}: "
        f"{format_points(rate - rest, found.low, found.high)}.",
    )


def describe_steps(correlation: Correlation[Any]) -> str:
    """Name the behaviour that nobody converts without, for a section without a headline; empty if there is none."""
    steps = correlation.findings.filter(is_headline() & _is_step()) if correlation.table.height else correlation.table
    if steps.is_empty():
        return ""
    goal, step = quote_name(correlation.goal), quote_name(steps["behaviour"][0])
    return f"No one reached {goal} without {step}; apart from such steps on the way, no behaviour stands out."


def _is_step() -> pl.Expr:
    return (pl.col("phi") > 0) & (pl.col("conversion_only") == 0)


def find_difference(result: Result, *, section: str) -> Finding:
    """Return a result's finding; with the surest difference of its table, if it compares groups."""
    if isinstance(result, FunnelComparison):
        return find_gap(result, section=section)
    sentence = result.finding
    if isinstance(result, Experiment) and result.table.height:
        sure = result.table.filter(pl.col("q_value") <= MAX_Q).sort("q_value", maintain_order=True).head(1)
        for row in sure.to_dicts():
            return Finding(
                sentence, section, people=row["people"], low=row["difference_low"], high=row["difference_high"]
            )
    return Finding(sentence, section, people=result.settings.get("people", 0))


def find_gap(comparison: FunnelComparison[Any], *, section: str, sides: tuple[str, str] | None = None) -> Finding:
    """Describe the surest difference between two funnels, or one group and all others, with the people of both sides.

    `sides` says who they are, such as "who entered in May", unless the comparison names them. Where nothing is
    sure, the comparison's own sentence is it.
    """
    count = str(comparison.settings.get("count", "people"))
    known = comparison.table.with_columns(fewest=comparison._fewest)
    sure = known.filter(pl.col("q_value") < MAX_Q, pl.col("fewest") >= MIN_PEOPLE).sort(
        "q_value", "step", maintain_order=True
    )
    if sure.is_empty():
        return Finding(comparison.finding, section)
    row = sure.row(0, named=True)
    # The denominators: 22 of 200 is a rate of 0.11. Where nobody went on, the smaller side stands for both.
    of, others = (
        round(row[name] / row[rate]) if row[rate] else row["fewest"]
        for name, rate in ((count, "rate"), (f"{count}_against", "rate_against"))
    )
    group = comparison.table.columns[: comparison.table.columns.index("step")]
    if group:
        names = " and ".join(quote_name(str(row[name])) for name in group)
        sides = f"in {names}", "others"
    elif comparison.sides:
        sides = f"in {quote_name(comparison.sides[0])}", f"in {quote_name(comparison.sides[1])}"
    here, there = sides or ("here", "on the other side")
    before = "" if comparison.settings["measure"] == "rate_from_start" else " of those at the step before"
    sentence = (
        f"{format_percent(row['rate'])} of the {format_count(of, _UNITS[count])} {here} reached "
        f"{quote_name(row['name'])}{before}, against {format_percent(row['rate_against'])} of the "
        f"{format_number(others)} {there}: {format_points(row['difference'], row['ci_low'], row['ci_high'])}."
    )
    return Finding(adapt_words(sentence), section, people=of, low=row["ci_low"], high=row["ci_high"])


def find_blocker(correlation: Correlation[Any], *, among: ReportedJourneys, step: str) -> Finding | None:
    """Describe the error that came before not going on to the next step, and what people who met it share.

    Only events whose name indicates an error are considered: people who do not go on have more time for everything
    else, so that any harmless behaviour would look as if it stopped them. None if no such event holds up.
    """
    against = correlation.table.filter(
        (pl.col("phi") < 0) & (pl.col("q_value") <= MAX_Q) & pl.col("behaviour").str.contains(_TROUBLE)
    ).sort("phi", "behaviour")
    if against.is_empty():
        return None
    row = against.row(0, named=True)
    others = row["conversion_only"] + row["neither"]
    some = "none of them" if not row["both"] else f"{format_percent(row['rate_with'])} of them"
    sentence = (
        f"{format_count(row['both'] + row['behaviour_only'], 'person')} hit {quote_name(row['behaviour'])} "
        f"after {quote_name(step)}: "
        f"{some} went on to {quote_name(correlation.goal)}, against {format_percent(row['rate_without'])} of "
        f"{format_definite_count(others, 'other')}."
    )
    shared = describe_shared_values(correlation, row["behaviour"], among=among, step=step)
    return compare_shares(
        f"{sentence} {shared}" if shared else sentence,
        "funnel",
        of=(row["both"], row["both"] + row["behaviour_only"]),
        others=(row["conversion_only"], others),
    )


def find_bypass(correlation: Correlation[Any], steps: list[str]) -> Finding | None:
    """Describe which step converters skipped most often, and what they did instead; None if hardly any skipped one."""
    rows = correlation.table.filter(pl.col("behaviour").is_in(steps)).to_dicts()
    skipped = [(row["conversion_only"], row["behaviour"], row["both"] + row["conversion_only"]) for row in rows]
    count, step, converted = max(skipped, default=(0, "", 0))
    if count < MIN_PEOPLE or count < converted / 10:
        return None
    skippers = correlation.people(step, did=False, converted=True)
    others = correlation.people(step, did=True, converted=True)
    instead = _most_distinctive_event(skippers, others, goal=correlation.goal)
    sentence = (
        f"{format_number(count)} of {format_definite_count(converted, 'person')} who reached "
        f"{quote_name(correlation.goal)} skipped "
        f"{quote_name(step)}"
    )
    if instead is None:
        return Finding(f"{sentence}.", "flow")
    name, of, rest = instead
    some = "all" if of[0] == of[1] else format_number(of[0])
    return compare_shares(
        f"{sentence}: {some} of them did {quote_name(name)} instead, against {format_number(rest[0])} "
        f"of the {format_number(rest[1])} "
        "others.",
        "flow",
        of=of,
        others=rest,
    )


def _most_distinctive_event(
    group: ReportedJourneys, others: ReportedJourneys, *, goal: str
) -> tuple[str, tuple[int, int], tuple[int, int]] | None:
    """Find the event before the goal whose share of people in one group most exceeds that in the other.

    Returns its name, and of each group how many did it and how many people there are.
    """
    counts: list[dict[str, int]] = []
    for journeys in (group, others):
        # Long enough for nearly everyone; events beyond the last column are not considered.
        paths = flow(journeys, end=goal, steps=20, top=None)
        names = sorted(set(paths.nodes["node"].to_list()) - {goal})
        people = journeys.events.group_by("event").agg(pl.col("person").n_unique()).sort("event").collect()
        done = dict(people.select(pl.col("event").cast(pl.String), "person").iter_rows())
        counts.append({name: done[name] for name in names if name in done})
    sizes = group.size.people, others.size.people
    if not all(sizes):
        return None
    excess = {name: counts[0][name] / sizes[0] - counts[1].get(name, 0) / sizes[1] for name in counts[0]}
    best = max(sorted(excess), key=lambda name: excess[name], default=None)
    if best is None or excess[best] < 0.3:
        return None
    return best, (counts[0][best], sizes[0]), (counts[1].get(best, 0), sizes[1])
