"""A segment of a definition file: people by what they did, never did, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from journeys.steps import StepLike, did

if TYPE_CHECKING:
    from journeys.api import Journeys


@dataclass(frozen=True, eq=False, slots=True)
class Segment:
    """People who satisfy all of some conditions.

    Attributes
    ----------
    name
        What the segment is called.
    did
        An event or step that they did, at least `times` times.
    times
        How often.
    within
        In how long before the end of the observation; over all of it by default.
    never
        An event or step that they never did.
    where
        A condition over the columns of people.
    """

    name: str
    did: StepLike | None = None
    times: int = 1
    within: str | None = None
    never: StepLike | None = None
    where: pl.Expr | None = None

    def select(self, journeys: Journeys) -> Journeys:
        """Keep the people of the segment, with all their events.

        Raises
        ------
        UnknownNameError
            An event or a column is not in the log.
        """
        found = journeys if self.where is None else journeys.only(self.where)
        if self.did is not None:
            found = found.only(did(self.did, times=self.times, within=self.within))
        return found if self.never is None else found.only(did(self.never, never=True))
