"""What a report needs of `Journeys`: to ask it questions."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl

from journeys.analyses.attribution import Attribution
from journeys.analyses.correlation.result import Correlation
from journeys.analyses.flow.result import Flow
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.retention.result import Retention


class JourneysWithQuestions(JourneysProtocol, Protocol):
    """The part of `Journeys` that reports use."""

    @property
    def people(self) -> pl.DataFrame:
        """One row per person."""

    @property
    def events(self) -> pl.LazyFrame:
        """One row per event."""

    @property
    def identity(self) -> Any:
        """Which identifiers belong to which person."""

    def funnel(self, *args: Any, **kwargs: Any) -> Funnel[Any]:
        """How many people get how far."""

    def flow(self, *args: Any, **kwargs: Any) -> Flow[Any]:
        """Which paths people take."""

    def correlation(self, *args: Any, **kwargs: Any) -> Correlation[Any]:
        """Which behaviours go with a goal."""

    def attribution(self, *args: Any, **kwargs: Any) -> Attribution[Any]:
        """Which touchpoints get the credit."""

    def retention(self, *args: Any, **kwargs: Any) -> Retention[Any]:
        """Which share of people come back."""
