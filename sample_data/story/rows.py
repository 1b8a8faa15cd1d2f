"""What happened, before any system has written it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from story.people import Person
from story.world import Campaign


@dataclass(slots=True)
class Row:
    """One thing that one true person did or had done to them, at `t` ms since 1970, as `source` will tell it."""

    t: int
    source: str  # website | product | customerio | hubspot | billing
    kind: str  # track | page | identify | group | alias, or the e-mail metric, or the contact's property
    name: str
    person: Person
    anonymous: str | None = None
    user: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    campaign: Campaign | None = None
    path: str = ""
    message: str = ""


def event_name(row: Row) -> str | None:
    """What the row is called on a timeline, or None when it is no behaviour."""
    if row.kind == "page":
        return "Loaded a Page"
    return row.name if row.source in {"website", "product", "billing"} and row.kind == "track" else None
