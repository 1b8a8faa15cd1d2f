"""People → accounts: whose account each event belongs to."""

from __future__ import annotations

import polars as pl

from journeys.identity.coding import junk_reason
from journeys.identity.normal import normalised
from journeys.identity.rules import IdentityRules

__all__ = ["to_accounts", "write_accounts"]


def write_accounts(rows: pl.DataFrame, *, rules: IdentityRules) -> pl.DataFrame:
    """Write `group_id` as identifiers are written, so that one account has one name; null where it is nobody's."""
    if "group_id" not in rows.columns:
        return rows
    told = rows.select(pl.col("group_id").cast(pl.String)).to_series()
    raw = told.drop_nulls().unique()
    written = normalised(raw, id_type="group_id", rules=rules).rename("id")
    written = written.set(junk_reason(written, rules=rules).is_not_null(), None)
    return rows.with_columns(told.replace_strict(raw, written, default=None, return_dtype=pl.String))


def to_accounts(events: pl.DataFrame, memberships: pl.DataFrame) -> pl.DataFrame:
    """Replace each event's person by an account; the person stays as `member`.

    The account is the one that the event names itself (`group_id`), else the one that its person had joined last
    before it, else the first that the person joined later. Events of people without an account are left out. A
    property called `member` is kept as `property_member`.

    Parameters
    ----------
    events : pl.DataFrame
        `person`, `timestamp`, `event`, properties.
    memberships : pl.DataFrame
        `person`, `timestamp`, `group_id`.
    """
    named = [pl.col("group_id")] if "group_id" in events.columns else []
    # of two accounts at one moment the larger name counts, so that the order of the input decides nothing
    joined = memberships.sort("person", "timestamp", "group_id").unique(
        ["person", "timestamp"], keep="last", maintain_order=True
    )
    table = joined.select("person", "timestamp", pl.col("group_id").alias("__since")).sort("timestamp", "person")
    first = joined.unique("person", keep="first", maintain_order=True).select(
        "person", pl.col("group_id").alias("__first")
    )
    rows = _make_way(events).with_row_index("__row").sort("timestamp", "__row")
    found = rows.join_asof(table, on="timestamp", by="person", strategy="backward", check_sortedness=False).join(
        first, on="person", how="left"
    )
    return (
        found.sort("__row")
        .with_columns(pl.coalesce(*named, "__since", "__first").alias("__account"), pl.col("person").alias("member"))
        .filter(pl.col("__account").is_not_null())
        .with_columns(pl.col("__account").alias("person"))
        .drop("__row", "__since", "__first", "__account", "group_id", strict=False)
    )


def _make_way(events: pl.DataFrame) -> pl.DataFrame:
    """Keep a property called `member` under the first name that is free."""
    if "member" not in events.columns:
        return events
    name = "property_member"
    while name in events.columns:
        name = f"property_{name}"
    return events.rename({"member": name})
