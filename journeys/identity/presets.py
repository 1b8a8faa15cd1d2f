"""The identity rules of other systems, as options of `IdentityRules`; from their public documentation."""

from __future__ import annotations

from typing import Any, Final

_BY_TIME: Final[dict[str, Any]] = {"joins_known": (), "order": "time", "mailboxes": (), "max_users": None}

SEGMENT: Final[dict[str, Any]] = {
    **_BY_TIME,
    "limits": {"*": 5},
    "unlisted_order": "name",
    "overflow_policy": "trim",
    "shared": "keep",
    "junk": (r"^[0\-]*$", r"^-1$", r"^null$", r"^anonymous$"),
}
"""Segment Unify: limits of 1 and 5; an event that does not fit loses its least trusted identifier."""

MIXPANEL: Final[dict[str, Any]] = {**_BY_TIME, "shared": "keep"}
"""Mixpanel's simplified merge: a device belongs to the first user seen on it."""

MIXPANEL_ORIGINAL: Final[dict[str, Any]] = {**MIXPANEL, "joins_known": ("merge",), "max_ids": 500}
"""Mixpanel's original merge: clusters of at most 500 identifiers; a merge joins known users."""

AMPLITUDE: Final[dict[str, Any]] = {**_BY_TIME, "shared": "previous"}
"""Amplitude: an anonymous event belongs to the last user known on the device before it."""

POSTHOG: Final[dict[str, Any]] = {
    **_BY_TIME,
    "joins_known": ("merge",),
    "shared": "keep",
    "junk": (
        r"(?i)^(anonymous|guest|distinctid|distinct_id|id|not_authenticated|email|undefined|true|false)$",
        r"^(\[object Object\]|NaN|None|none|null|0)$",
    ),
}
"""PostHog: identify and alias merge the anonymous person unless it is known; a merge always does."""

SNOWPLOW: Final[dict[str, Any]] = {**_BY_TIME, "shared": "last", "named_event_owner": "follow"}
"""Snowplow's web model: every event of a device belongs to its latest user."""

RUDDERSTACK: Final[dict[str, Any]] = {"exclusive": (), "mailboxes": (), "max_users": None}
"""RudderStack's plain graph: all that is linked, over any number of links, is one person."""
