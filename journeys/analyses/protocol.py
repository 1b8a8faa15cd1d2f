"""What an analysis needs of `Journeys`: to count shards, to select people, and to know the log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self, TypeVar

import polars as pl

from journeys.log import Log, View
from journeys.log.log import Size


class JourneysProtocol(Protocol):
    """The part of `Journeys` that analyses use, so that they need not import the class itself."""

    @property
    def _log(self) -> Log:
        """The whole log, before any selection."""

    @property
    def size(self) -> Size:
        """People, events and time span of the selection."""

    @property
    def people(self) -> pl.DataFrame:
        """One row per person."""

    @property
    def observed_period(self) -> tuple[datetime | None, datetime | None]:
        """The first and last moment at which people were observed."""

    @property
    def events(self) -> pl.LazyFrame:
        """One row per event, in log order."""

    @property
    def _identifiers(self) -> pl.DataFrame | None:
        """One row per identifier, with its person; None where persons were known from the start."""

    @property
    def until(self) -> datetime | None:
        """The moment up to which people were observed."""

    @property
    def _until_us(self) -> int:
        """The same in microseconds since 1970; 0 for an empty log."""

    def _count_shards(self, count: Callable[[View, Any], pl.DataFrame], spec: object) -> pl.DataFrame:
        """Apply `count` to every shard and concatenate the counts."""

    def _select_people(self, choose: Callable[[View, Any], pl.Series], spec: object) -> Self:
        """Keep the people whose codes `choose` returns, with all their events."""

    def _keep_codes(self, codes: pl.Series) -> Self:
        """Keep the people with these codes, with all their events."""

    def _make_settings(self, **options: Any) -> dict[str, Any]:
        """Combine what was asked with the size of the selection that was asked."""

    def _unfiltered(self) -> Self:
        """Return the whole log; these journeys themselves where nothing was filtered."""

    def _at_any_time(self) -> Self:
        """Return these journeys without filters on time; these journeys themselves where there are none."""

    def only(self, people: Any) -> Self:
        """Keep the given people, with all their events."""

    def _everyone(self) -> Self:
        """Return these journeys with everyone of the log, under the same cuts of events."""

    def _people_codes(self) -> pl.Series:
        """Return the codes of the selected people, ascending."""

    def __and__(self, other: Self) -> Self:
        """Keep the people of both."""

    def __or__(self, other: Self) -> Self:
        """Keep the people of either."""

    def __sub__(self, other: Self) -> Self:
        """Keep the people who are not in the other."""

    def to_customerio(self, path: str | Path, *, traits: Sequence[str] | None = None, extra: pl.DataFrame = ...) -> Any:
        """Write these people for Customer.io."""

    def to_hubspot(self, path: str | Path, *, traits: Sequence[str] | None = None, extra: pl.DataFrame = ...) -> Any:
        """Write these people for HubSpot."""


J = TypeVar("J", bound=JourneysProtocol)
