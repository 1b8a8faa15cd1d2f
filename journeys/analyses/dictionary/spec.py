"""The options of a data dictionary, and the states that an event may be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

RECENT, BEFORE = timedelta(days=7), timedelta(days=28)
MIN_EVENTS, MAX_Q = 30, 0.05
EXAMPLES = 3


class Declarations(Protocol):
    """What a dictionary needs of `Definitions`: the events that a team has declared."""

    @property
    def events(self) -> Mapping[str, Mapping[str, str]]:
        """Event name → `means` and `owner`."""


@dataclass(frozen=True, eq=False, slots=True)
class DictionarySpec:
    """The options of a data dictionary.

    Attributes
    ----------
    properties : tuple of str
        The columns of the log that are properties.
    recent, before : datetime, optional
        Where the latest week begins, and where the four weeks before it do; None for an empty log.
    """

    properties: tuple[str, ...]
    recent: datetime | None
    before: datetime | None
