"""Addresses that properties and traits hold, hashed as those that identify somebody are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from journeys.identity.normal import hide_addresses

if TYPE_CHECKING:
    from journeys.identity.stitching import Stitched

__all__ = ["without_addresses"]

_TEXTS = (pl.String, pl.Categorical, pl.Enum)


def without_addresses(stitched: Stitched) -> Stitched:
    """Hash every value of a text column of events, people and accounts that is an e-mail address, if the rules say so.

    Columns of categories hold texts, too, and one with an address becomes a column of texts. Identifiers are hashed by
    their type (`rules.emails`) when they are coded, and not touched here; nor is an address inside a longer text.
    """
    identity = stitched.identity
    if not identity.rules.hash_emails:
        return stitched

    def hidden(frame: pl.DataFrame, *, but: Iterable[str] = ("event", "source")) -> pl.DataFrame:
        texts = [name for name, kind in frame.schema.items() if kind in _TEXTS and name not in but]
        return frame.with_columns(hide_addresses(frame[name], rules=identity.rules) for name in texts)

    return replace(
        stitched,
        table=hidden(stitched.table),
        people=hidden(stitched.people, but=identity.types),
        quarantine=hidden(stitched.quarantine),
        identity=replace(identity, memberships=hidden(identity.memberships), accounts=hidden(identity.accounts)),
    )
