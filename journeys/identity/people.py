"""What is known of people beside their events: identifiers, traits, and the accounts they belong to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.assign import Assigned
from journeys.identity.reading import TRAIT, Reading

__all__ = ["list_accounts", "list_memberships", "list_people", "with_traits"]

Ints = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]

_TAKEN = {"person", "code", "first_seen", "last_seen", "event_count", "timestamp", "event", "source", "group_id"}
_MEMBERSHIPS = pl.Schema({"person": pl.Int64(), "timestamp": pl.Datetime("us", "UTC"), "group_id": pl.String()})


def list_memberships(
    readings: Sequence[Reading], assigned: Assigned, *, combinations: Sequence[Numbers], person: Ints
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """Return who belonged to which account since when, and each source's facts with their `person`."""
    told = []
    for at, one in enumerate(readings):
        owner = assigned.owners(2 * at + 1, combination=combinations[2 * at + 1])
        good = owner >= 0
        told.append(
            one.facts.filter(pl.Series(good)).with_columns(pl.Series("person", person[owner[good]], dtype=pl.Int64))
        )
    groups = [
        facts.filter(pl.col("group_id").is_not_null()).select("person", "timestamp", pl.col("group_id").cast(pl.String))
        for facts in told
        if "group_id" in facts.columns
    ]
    memberships = pl.concat([pl.DataFrame(schema=_MEMBERSHIPS), *groups]).unique()
    return memberships.sort("person", "timestamp", "group_id"), told


def list_people(ids: pl.DataFrame, facts: Sequence[pl.DataFrame], *, types: tuple[str, ...]) -> pl.DataFrame:
    """One row a person: of each identifier type the value seen first, and the latest value of each trait."""
    owner = ids["person"].to_numpy()
    used = np.zeros(int(owner.max(initial=0)) + 1, dtype=bool)
    used[owner] = True
    people = pl.DataFrame({"person": np.flatnonzero(used)})
    place = np.cumsum(used) - 1
    rank = ids["id_type"].to_physical().to_numpy()
    seen = ids["first_seen"].dt.timestamp("us").to_numpy()
    for at, name in enumerate(types):
        # the identifiers are in order of trust and value
        low, high = np.searchsorted(rank, [at, at + 1])
        best = _first_of_each(place[owner[low:high]], seen[low:high], count=people.height)
        found = pl.Series(np.where(best < 0, 0, best + low)).set(pl.Series(best < 0), None)
        people = people.with_columns(ids["id"].gather(found).alias(name))
    personal = [frame.filter(pl.col("kind") != "group") for frame in facts]
    for name, told in _traits(personal, taken={*types, *_TAKEN}).items():
        latest = told.unique("person", keep="last", maintain_order=True).select("person", name)
        people = people.join(latest, on="person", how="left", maintain_order="left")
    return people


def _first_of_each(person: Ints, seen: Ints, *, count: int) -> Ints:
    """Return for each person the place of the earliest, of equal ones the first; -1 where there is none."""
    earliest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(earliest, person, seen)
    candidates = np.flatnonzero(seen == earliest[person])[::-1]
    best = np.full(count, -1, dtype=np.int64)
    best[person[candidates]] = candidates
    return best


def with_traits(table: pl.DataFrame, facts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give each event the traits of its person as of its moment; before the first is told, they are null."""
    rows = table.select("person", "timestamp").with_row_index("row").sort("timestamp", "row")
    columns = []
    personal = [frame.filter(pl.col("kind") != "group") for frame in facts]
    for name, told in _traits(personal, taken={*table.columns, *_TAKEN}).items():
        found = rows.join_asof(
            told.sort("timestamp", "person"), on="timestamp", by="person", strategy="backward", check_sortedness=False
        )
        columns.append(found.sort("row")[name])
    return table.with_columns(columns)


def list_accounts(facts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """One row an account: `group_id` and the latest value of each trait that group calls told of it."""
    told = [
        frame.filter((pl.col("kind") == "group") & pl.col("group_id").is_not_null())
        for frame in facts
        if "group_id" in frame.columns
    ]
    names = pl.concat([pl.DataFrame(schema={"group_id": pl.String}), *(frame.select("group_id") for frame in told)])
    accounts = names.unique().sort("group_id")
    for name, values in _traits(told, taken={*_TAKEN, "member", "members"}, of="group_id").items():
        latest = values.unique("group_id", keep="last", maintain_order=True).select("group_id", name)
        accounts = accounts.join(latest, on="group_id", how="left", maintain_order="left")
    return accounts


def _traits(facts: Sequence[pl.DataFrame], *, taken: set[str], of: str = "person") -> dict[str, pl.DataFrame]:
    """For each trait whose it is, `timestamp` and its values, one a moment, sorted so.

    Of two values at one moment the larger counts, so that the order of the input decides nothing.
    """
    found: dict[str, list[pl.DataFrame]] = {}
    for frame in facts:
        for column in frame.columns:
            if column.startswith(TRAIT):
                plain = column.removeprefix(TRAIT)
                name = f"trait_{plain}" if plain in taken else plain
                found.setdefault(name, []).append(
                    frame.select(of, "timestamp", pl.col(column).alias(name)).drop_nulls(name)
                )
    traits = {}
    for name, frames in sorted(found.items()):
        kinds = {frame.schema[name] for frame in frames}
        text = len(kinds) > 1 and not all(kind.is_numeric() for kind in kinds)
        same = [frame.with_columns(pl.col(name).cast(pl.String)) for frame in frames] if text else frames
        told = pl.concat(same, how="vertical_relaxed").sort(of, "timestamp", name)
        if told.height:
            traits[name] = told.unique([of, "timestamp"], keep="last", maintain_order=True)
    return traits
