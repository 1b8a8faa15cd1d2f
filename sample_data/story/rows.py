"""What happened, before any system has recorded it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from story.people import Person
from story.setting import Campaign


@dataclass(slots=True)
class Row:
    """One thing that happened to one true person, at `t` ms since 1970, as `source` will record it."""

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
    added: int = 0  # numbers the rows of `playbook.py`; 0 for all others


def event_name(row: Row) -> str | None:
    """Return the name of the row's event on a timeline; None if it is not a behaviour."""
    if row.kind == "page":
        return "Loaded a Page"
    return row.name if row.source in {"website", "product", "billing"} and row.kind == "track" else None
