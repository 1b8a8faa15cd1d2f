"""What further questions about a funnel need of it, so that they need not import its class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

import polars as pl

from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.protocol import JourneysProtocol

J_co = TypeVar("J_co", bound=JourneysProtocol, covariant=True)


class CountedFunnel(Protocol[J_co]):
    """The part of `Funnel` that questions about its people use."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """What was asked."""

    @property
    def _journeys(self) -> J_co:
        """The journeys asked."""

    @property
    def _spec(self) -> FunnelSpec:
        """The options, checked."""

    @property
    def _counts(self) -> pl.DataFrame:
        """The counts of the shards."""

    @property
    def _listed(self) -> pl.DataFrame | None:
        """The keys of the groups that the table shows."""

    def _find_step(self, step: int | str, *, argument: str) -> int:
        """Return the table row of a step, from 0."""
