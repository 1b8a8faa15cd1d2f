"""What stitching found, as an analyst reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import polars as pl

from journeys.identity.rules import IdentityRules

__all__ = ["Identity"]


@dataclass(frozen=True, eq=False)
class Identity:
    """Who is who, and by which evidence."""

    table: pl.DataFrame
    rules: IdentityRules

    def to_frames(self) -> dict[str, pl.DataFrame]:
        return {"table": self.table}

    @classmethod
    def from_frames(cls, frames: Mapping[str, pl.DataFrame]) -> Self:
        return cls(table=frames["table"], rules=IdentityRules())
