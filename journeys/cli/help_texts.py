"""What the help says on an option where the docstring of the library is about Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable

_NODES = {
    "node": "What a node is: the event, or the value of another column; rows without a value are no nodes.",
    "expand": "Events that are split into one node per value, such as 'Loaded a Page=page_path'.",
    "groups": "Nodes that are merged, such as 'Reading=Read *'.",
    "hide": 'Nodes that are left out; they neither end nor split a journey. "passive" is what the system did, such as '
    "mails received.",
    "clean": "Whether query strings and identifiers in pages that name nodes are unified.",
}
_GAP = "A silence of this length or longer starts a new session."
_FUNNEL = {
    "within": 'Longest time from the first step to the last, inclusive, such as 14d (14 × 24 hours); or "same day", '
    '"same week", "same month", "session".',
    "exclude": "Events that must not happen within an attempt.",
    "entered": 'Only attempts that begin in this period, without its END; "-" leaves an end open. They may end later.',
    "ties": 'Events of equal time are in order of arrival (the default), in either order ("either"), or in no order '
    '("rising").',
}
_TEXTS: dict[str, dict[str, str]] = {
    "funnel": _FUNNEL,
    "exits": _FUNNEL,
    "flow": _NODES | {
        "start": "Where journeys begin: an event or a step. Without it, at a person's first event.",
        "end": "Where journeys lead to: an event or a step. Without it, they go on as far as the columns do.",
        "collapse": "Repeats next to each other are merged (true, the default) or all shown (false); each node counts "
        "at its first visit only (loops); or repeats at most that far apart are merged (5m).",
    },
    "transitions": _NODES | {"gap": _GAP},
    "dropoff": _NODES,
    "last_before": {"clean": _NODES["clean"]},
    "correlation": {
        "behaviours": '"events" (each event name), an event or a step, or a column of the events or of the people '
        "(each of its values).",
        "exposure": 'Whose behaviour counts for how long: "before" (of converters until they convert; the default), '
        '"first 7d" (of everyone in their first seven days), or "matched" (of everyone for as long as of a converter).',
        "confidence": "The level of the intervals.",
    },
    "attribution": {
        "goal": "The event that earns the credit; each person's first one counts, unless --conversions says otherwise.",
        "by": "The column whose values are the touchpoints; events without a value are none.",
        "leave_out": "Values of --by that are no touchpoints, such as Direct.",
        "weights": "For custom: the share of the first touchpoint, of those in between together, and of the last.",
        "converted": 'Only conversions in this period, without its END; "-" leaves an end open.',
    },
    "retention": {
        "back": 'The event that counts as coming back; "any" (the default) is every event but those that only the '
        "system did, such as a mail that arrived.",
        "clock": "Calendar periods (the default), or windows of 24 hours (a month has 30 days) that begin with each "
        "person's own start event.",
        "brackets": "Ends of periods of unequal length on a person's own clock, such as 1d, 3d, 7d and 30d.",
    },
    "trend": {
        "events": "The events that are counted; several are several series.",
        "count": 'What is counted: "people" (each once in a period; the default), "events", "sessions", '
        '"per person" (events); or sum:COLUMN, mean:COLUMN, median:COLUMN or p90:COLUMN.',
    },
    "messages": {"by": "The column of the events of messages that groups them, such as campaign_id or subject."},
    "timeline": {"person": "An identifier, such as an email address, or what the column person holds."},
    "report": {
        "sections": 'What the report shows, in this order: "funnel", "comparison", "exits" (of the step that loses '
        'most), "campaigns", "attribution", "flow", "correlation", "retention", "identity", or your own text in '
        "Markdown, of two words or more.",
        "entered": "Only people who entered the funnel in this period, without its END; they are compared with those "
        'of the period before it. "-" leaves an end open.',
        "colours": "Your own colours, goal=#rrggbb (links, the goal, what is better) and worse=#rrggbb.",
        "names": "How events are called on the page, such as signup='Signed up'.",
    },
}  # fmt: skip


def find_help(question: str, argument: str, *, otherwise: str, function: Callable[..., object], repeats: bool) -> str:
    """Return what the help says on an option: its text, its default, and whether it may be repeated.

    Parameters
    ----------
    question, argument
        The name of the method, and of its argument.
    otherwise
        What the docstring says.
    function
        The function of the library, for the default.
    repeats
        Whether the option may be given several times.
    """
    text = _TEXTS.get(question, {}).get(argument, otherwise)
    default = inspect.signature(function).parameters[argument].default
    if isinstance(default, str | int | float) and not isinstance(default, bool) and "default" not in text:
        text = f"{text} Default: {default}."
    return f"{text} May be repeated." if repeats and "several" not in text else text
