"""What is asked of exits: the funnel, the step, and the events that are passed over."""

from __future__ import annotations

import re
from dataclasses import dataclass

import polars as pl

from journeys.analyses.funnel.spec import FunnelSpec

STILL_HAS_TIME, ANOTHER_WAY, LEFT = "still has time", "went another way", "left"
STATES = (LEFT, STILL_HAS_TIME, ANOTHER_WAY)

# What our readers call a decision about messages, and what web forms usually do. A mail that bounced once is enough.
_MAY = re.compile(r"subscribed to (messages|.*newsletter|e-?mails?|mailing list|updates)|opted in", re.IGNORECASE)
_MAY_NOT = re.compile(
    r"unsubscribed\b.*|opted out\b.*|bounced( e-?mail)?|reported (e-?mail|spam)|marked .*\bspam"
    r"|suppressed (e-?mail|customer)|.*\bcomplain(ed|t)\b.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, eq=False, slots=True)
class ExitsSpec:
    """The options of exits, checked.

    Attributes
    ----------
    funnel : FunnelSpec
        The funnel.
    dropped : pl.DataFrame
        The attempts that it dropped, see `list_drop_offs`.
    hidden : tuple of str
        The events that are passed over.
    until : int
        The end of the observation, in microseconds.
    """

    funnel: FunnelSpec
    dropped: pl.DataFrame
    hidden: tuple[str, ...]
    until: int


def may_mail(event: str) -> bool | None:
    """Return what an event says about writing e-mail to the person; None for most events.

    Examples
    --------
    >>> may_mail("Subscribed to Newsletter"), may_mail("Bounced Email"), may_mail("Signed Up")
    (True, False, None)
    """
    if _MAY_NOT.fullmatch(event):
        return False
    return True if _MAY.fullmatch(event) else None
