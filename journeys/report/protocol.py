"""What a report needs of `Journeys` beyond what the analyses need: who is who."""

from __future__ import annotations

from typing import Protocol

from journeys.analyses.protocol import JourneysProtocol
from journeys.identity import Identity


class ReportedJourneys(JourneysProtocol, Protocol):
    """The part of `Journeys` that reports use; questions are asked by the functions of the analyses."""

    @property
    def identity(self) -> Identity:
        """Which identifiers belong to which person, and why."""
