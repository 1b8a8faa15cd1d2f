"""How a report explains each kind of answer: its question, how to read it, what it does not show, how it is counted."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from journeys.analyses.attribution import Attribution
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.dropoff.result import Dropoff
from journeys.analyses.experiment.result import Experiment
from journeys.analyses.flow.result import Flow
from journeys.analyses.funnel.comparison import FunnelComparison
from journeys.analyses.funnel.exits.result import Exits
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.lifecycle.result import Lifecycle
from journeys.analyses.result import Result
from journeys.analyses.retention.result import Retention
from journeys.analyses.sessions.result import Sessions
from journeys.analyses.stickiness.result import Stickiness
from journeys.analyses.trend.result import Trend
from journeys.display import format_day, format_duration, quote_name
from journeys.steps import duration_us


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a section says beside the finding; `columns` are those of the table that are shown, all when empty."""

    question: str
    reading: str = ""
    limits: str = ""
    method: str = ""
    columns: tuple[str, ...] = ()


_FIXED: dict[type[Any], Explanation] = {
    FunnelComparison: Explanation(
        question="Did one side get further than the other?",
        reading="each dot is the difference between two rates, in points, with its 95% interval. An interval that "
        "crosses zero may be chance.",
        limits="why they differ: two periods or campaigns differ in more than one way.",
        method="Differences of two rates with Newcombe's interval; q-values are corrected for the number of "
        "comparisons (Benjamini and Hochberg).",
    ),
    Exits: Explanation(
        question="Who left, and who can be won back?",
        reading="how many left at each step, how many still have time, and what those who left did next. In the "
        "numbers, one row per person, with the recording of their session where there is one.",
        limits="why they left; somebody who still has time has not left.",
        columns=(
            *("person", "name", "state", "left_at", "next_event", "last_event", "last_campaign"),
            *("may_mail", "replay_url"),
        ),
    ),
    Retention: Explanation(
        question="Do people come back?",
        reading="each row is the people who started in one period, each column how long after. Darker cells: more "
        "of them came back.",
        limits="that people who did not come back are lost for good, or why they stayed away.",
        method="A person belongs to the period of their first start. Intervals are 95% Wilson intervals; the overall "
        "rate uses only cells that are over.",
    ),
    Trend: Explanation(
        question="How do the numbers develop?",
        reading="each point is one period. Dotted parts are not over yet, or the log holds only a part of them.",
        limits="why the numbers changed, or that they will go on to change.",
    ),
    Lifecycle: Explanation(
        question="Do more people become active than dormant?",
        reading="above zero: people who were new, came back after a pause, or stayed. Below zero: people who were "
        "active in the period before and not in this one.",
        limits="why people stopped; some of them will be back.",
    ),
    Stickiness: Explanation(
        question="On how many days do people come?",
        reading="the share of people by the number of days on which they were active.",
        limits="what they came for, or whether coming more often is better for them.",
    ),
    Sessions: Explanation(
        question="What do sessions begin with, and what do they lead to?",
        reading="how many sessions each group has, and the share of them that is named above the chart.",
        limits="that the first page made the difference: it may attract other people.",
        method="A pause begins a new session. A session bounces if it has one page view and no other event.",
    ),
    Experiment: Explanation(
        question="Which variant does better?",
        reading="each dot is the relative lift on the control, with its 95% interval. Hollow: not beyond chance.",
        limits="an effect on people who were not in the experiment, or one that comes later than the last event.",
        method="People count in the variant that they saw first; those who saw several are set apart. q-values are "
        "corrected for the number of variants (Benjamini and Hochberg).",
    ),
    Dropoff: Explanation(
        question="Where do journeys end without the goal?",
        reading="each bar is the number of people whose last event this was; beside it, their share of all who were "
        "there.",
        limits="that the last event made them stop: it may only be what people do last.",
    ),
}


@singledispatch
def explain_result(result: Result[Any]) -> Explanation:
    """Explain an answer: by the first line of its docstring, where its kind has no words of its own.

    Examples
    --------
    >>> from journeys.analyses.flow.path_results import Paths
    >>> explain_result(object.__new__(Paths)).question
    'Which whole paths do journeys take, from their first node to their last?'
    """
    kind = type(result)
    if kind in _FIXED:
        return _FIXED[kind]
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.__name__).capitalize()
    return Explanation((inspect.getdoc(kind) or words).splitlines()[0].removesuffix("."))


# Each rate has its own interval beside it.
_FUNNEL_COLUMNS = (
    *("name", "step", "people", "sessions", "entries", "dropped", "rate_from_start", "ci_low", "ci_high"),
    *("rate_from_previous", "rate_low", "rate_high", "median_time_from_previous"),
)
_FUNNEL_METHOD = (
    "A person reaches a step with events that satisfy all steps up to it, in the order of the log and each with an "
    "event of its own; other events may lie between. The deepest attempt counts. Intervals are 95% Wilson intervals."
)


@explain_result.register(Funnel)
def _explain_funnel(funnel: Funnel[Any]) -> Explanation:
    by = funnel.settings.get("by") or ()
    groups = [by] if isinstance(by, str) else list(by)
    if groups:
        what = " and ".join(name.removeprefix("first_").replace("_", " ") for name in groups)
        return Explanation(
            question=f"Which {what} brings people who stay?",
            reading=f"how far people from each {what} got, with 95% intervals. In brackets how many entered.",
            limits=f"that the {what} made the difference: it may have reached other people.",
            method=_FUNNEL_METHOD,
            columns=(*groups, *_FUNNEL_COLUMNS),
        )
    return Explanation(
        question="Where do people drop off?",
        reading="each bar is the number of people who reached a step, with their share of those who entered and its "
        f"95% CI in brackets. The largest loss after the first step is marked.{_describe_censoring(funnel)}",
        limits="that those who dropped off are lost for good, or that their last event made them stop.",
        method=_FUNNEL_METHOD,
        columns=_FUNNEL_COLUMNS,
    )


def describe_window(funnel: Funnel[Any]) -> str:
    """Describe within which time of the first step each one must follow."""
    within = funnel.settings.get("within")
    if within is None:
        return "at any time after the first"
    return (
        "in the same session as the first" if within == "session" else f"within {_format_window(within)} of the first"
    )


def _format_window(within: Any) -> str:
    return format_duration(duration_us(within, argument="within"))


def _describe_censoring(funnel: Funnel[Any]) -> str:
    """Describe who entered too late to have had the whole window."""
    last, within = funnel.settings.get("last"), funnel.settings.get("within")
    if within in (None, "session") or not isinstance(last, datetime):
        return ""
    since = last - timedelta(microseconds=duration_us(within, argument="within"))
    return f" People who entered after {format_day(since)} have not had the whole {_format_window(within)} yet."


@explain_result.register(Attribution)
def _explain_attribution(attribution: Attribution[Any]) -> Explanation:
    money = " Value is shared in the same way." if attribution.settings.get("value") else ""
    return Explanation(
        question="Which campaigns get the credit?",
        reading=f"which campaigns people touched before they converted, and how often.{money}",
        limits="that these people would not have converted without the campaign.",
        method="Each person's first conversion counts once, and its credit is shared among the touchpoints before it "
        f"by the model {str(attribution.settings.get('model'))!r}. Conversions without any touchpoint are “(none)”.",
    )


@explain_result.register(Flow)
def _explain_flow(flow: Flow[Any]) -> Explanation:
    return Explanation(
        question=f"Which paths lead to {quote_name(flow.goal)}?" if flow.goal else "Which paths do people take?",
        reading="each column is the next event; repeats are one. The most-travelled complete path is highlighted. Grey "
        "stubs are people who stopped, or went on beyond the last column. Small nodes are combined as “(other)”; on a "
        "phone, only the three largest of a column are shown.",
        limits="that a path makes people convert. Many people who never converted took the same paths.",
        method="Each journey from its first touch to the first time that the goal is reached. People into a node equal "
        "those out of it plus those who stop there, go on beyond the last column, or have reached the goal. In the "
        "table, position 0 is the first column, and the conversion rate is that of all people who took the link, "
        "whether they reached the goal or not.",
        columns=("source", "target", "position", "people", "sessions", "share", "median_time", "conversion_rate"),
    )


@explain_result.register(Correlation)
def _explain_correlation(correlation: Correlation[Any]) -> Explanation:
    # Advice on what to type is useful in a notebook, not here.
    cautions = " ".join(re.sub(r" Compare with .*", "", line) for line in correlation.cautions)
    equal = correlation.settings["exposure"] == "before" and (
        "The heading and the chart compare people who were observed equally long; of the numbers, only phi matched, q "
        "equal time and strength matched do, the others count all that people did before they converted. "
    )
    return Explanation(
        question=f"Which behaviours go with {quote_name(correlation.goal)}?",
        reading="people who did it converted more often (blue dots) or less often (orange diamonds) than people who "
        f"did not. phi uses all four counts: 0 is no association, 1 a perfect one. {equal or ''}{cautions}".strip(),
        limits="that the behaviour makes people convert. Only an experiment can show that.",
        method="Only events before the first conversion count, so that consequences of converting do not look "
        "like its reasons. phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)): a did both, b only the behaviour, c only "
        "converted, d neither. Its interval is that of the score test; q-values are corrected for the number of "
        "behaviours (Benjamini and Hochberg).",
    )
