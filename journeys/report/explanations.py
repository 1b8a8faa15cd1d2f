"""How a report explains each kind of answer: its question, how to read it, what it does not show, how it is counted."""

from __future__ import annotations

import inspect
import re
from datetime import datetime, timedelta
from functools import singledispatch
from typing import Any

from journeys.analyses.attribution import Attribution
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.flow.result import Flow
from journeys.analyses.funnel.result import Funnel
from journeys.display import adapt_words, format_day, format_duration, quote_name
from journeys.identity import Identity
from journeys.report.fixed_explanations import FIXED, Explanation
from journeys.report.identity_explanation import explain_identity
from journeys.result import Result
from journeys.steps import duration_us


def explain_result(result: Result) -> Explanation:
    """Explain an answer, in words about accounts where these were asked.

    Examples
    --------
    >>> from journeys.analyses.flow.path_results import Paths
    >>> explain_result(object.__new__(Paths)).question
    'Which whole paths do people take?'
    """
    found = FIXED.get(type(result)) or _explain(result)
    return Explanation(
        adapt_sentences(found.question),
        adapt_sentences(found.reading),
        adapt_sentences(found.limits),
        adapt_sentences(found.method),
        found.columns,
    )


@singledispatch
def _explain(result: Result) -> Explanation:
    """Explain a kind that is not the library's own by the first line of its docstring."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(result).__name__).capitalize()
    return Explanation((inspect.getdoc(type(result)) or words).splitlines()[0].removesuffix("."), "", "")


def adapt_sentences(text: str) -> str:
    """Return sentences with "people" and the like as `use_unit` says; names in double quotes stay as they are.

    Examples
    --------
    >>> from journeys.display import use_unit
    >>> with use_unit("account"):
    ...     adapt_sentences('5 people who did "Added people" stayed')
    '5 accounts that did "Added people" stayed'
    """
    parts = re.split(r'("[^"]*")', text)
    return "".join(part if part.startswith('"') else adapt_words(part) for part in parts)


_explain.register(Identity, explain_identity)

# Each rate has its own interval beside it.
_FUNNEL_COLUMNS = (
    *("name", "step", "people", "sessions", "entries", "dropped", "rate_from_start", "ci_low", "ci_high"),
    *("rate_from_previous", "rate_low", "rate_high", "median_time_from_previous"),
)
_FUNNEL_METHOD = (
    "A person reaches a step by doing all steps up to it in this order, each with a separate event; other events may "
    "come in between. Of several attempts, the one that gets furthest counts. Intervals are 95% Wilson intervals."
)


@_explain.register(Funnel)
def _explain_funnel(funnel: Funnel[Any]) -> Explanation:
    """Explain a funnel: the one of all people, or its breakdown."""
    by = funnel.settings.get("by") or ()
    groups = [by] if isinstance(by, str) else list(by)
    if groups:
        what = " and ".join(name.removeprefix("first_").replace("_", " ") for name in groups)
        return Explanation(
            question=f"Which {what} brings people who stay?",
            reading=f"each dot is the share for one {what} at that step, with its 95% interval; in brackets, how many "
            "entered.",
            limits=f"that the {what} made the difference: it may have reached other people.",
            method=_FUNNEL_METHOD,
            columns=(*groups, *_FUNNEL_COLUMNS),
        )
    marked = " The largest loss after the first step is marked." if funnel.worst_step else ""
    return Explanation(
        question="Where do people drop off?",
        reading="each bar is the number of people who reached a step, with their share of those who entered and its "
        f"95% CI in brackets.{marked}{_describe_censoring(funnel)}",
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
    return f" People who entered after {format_day(since)} have not had the full {_format_window(within)} yet."


@_explain.register(Attribution)
def _explain_attribution(attribution: Attribution[Any]) -> Explanation:
    money = " What a conversion is worth is shared in the same way." if attribution.settings.get("value") else ""
    return Explanation(
        question="Which campaigns get the credit?",
        reading="each bar is the number of conversions that a campaign gets credit for, with its share of all. Every "
        "campaign that people came through counts here, not only their first, so the numbers differ from those by "
        "first campaign."
        f"{money}",
        limits="that these people would not have converted without the campaign.",
        method="Each person's first conversion counts once, and its credit is shared among the touchpoints before it "
        f"by the {str(attribution.settings.get('model')).replace('_', '-')} model. Conversions without any touchpoint "
        'are "(none)".',
    )


@_explain.register(Flow)
def _explain_flow(flow: Flow[Any]) -> Explanation:
    return Explanation(
        question=f"Which paths lead to {quote_name(flow.goal)}?" if flow.goal else "Which paths do people take?",
        reading="each column is one event further on; repeats of an event count as one. The most-travelled complete "
        "path is highlighted. Solid grey stubs are people who stopped, hollow ones people who went on beyond the last "
        'column. Small nodes are combined as "(other)"; on a phone, only the three largest of a column are shown. '
        "Colours only help to follow an event from column to column.",
        limits="that a path makes people convert. Many people who never converted took the same paths.",
        method="Each journey runs from its first touch to the first time that the goal is reached. As many people come "
        "into a node as go out of it, stop there, go on beyond the last column, or have reached the goal. In the "
        "table, position 0 is the first column, and the conversion rate is that of all people who took the link, "
        "whether or not they reached the goal.",
        columns=("source", "target", "position", "people", "sessions", "share", "median_time", "conversion_rate"),
    )


@_explain.register(Correlation)
def _explain_correlation(correlation: Correlation[Any]) -> Explanation:
    """Explain a correlation, with its cautions."""
    cautions = " ".join(correlation.cautions)
    equal = correlation.settings["exposure"] == "before" and (
        "The heading and the chart compare people who were observed for the same length of time. In the numbers, only "
        '"phi matched", "q equal time" and "strength matched" do so; the other columns count everything that people '
        "did before converting, so their counts are higher. "
    )
    return Explanation(
        question=f"Which behaviours go with {quote_name(correlation.goal)}?",
        reading="people who did it converted more often (dots) or less often (diamonds) than people who did not. "
        f"phi is the strength of the association: 0 is none, 1 a perfect one. {equal or ''}{cautions}".strip(),
        limits="that the behaviour makes people convert. Only an experiment can show that.",
        method="Only events before the first conversion count, so that consequences of converting do not look "
        "like its reasons. phi = (ad − bc) / √((a+b)(c+d)(a+c)(b+d)): a did both, b only the behaviour, c only "
        "converted, d neither. Its interval comes from the score test; q-values are corrected for the number of "
        "behaviours (Benjamini and Hochberg).",
    )
