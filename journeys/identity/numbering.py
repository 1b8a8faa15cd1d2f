"""Numbers for people: by first event, and kept when later data comes in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.identity.assign import Assigned
from journeys.identity.coding import Coded
from journeys.identity.meant import NAMELESS, USER
from journeys.identity.merge import Clusters

if TYPE_CHECKING:
    from journeys.identity.report import Identity

__all__ = ["number_people"]

Ints = npt.NDArray[np.int64]

_NEVER = np.iinfo(np.int64).max
_CHANGES = {"person": pl.Int64, "before": pl.Int64, "change": pl.String}


def number_people(
    coded: Coded, clusters: Clusters, assigned: Assigned, *, ids: pl.DataFrame, before: Identity | None
) -> tuple[Ints, pl.DataFrame]:
    """Number people by (first event, smallest identifier), those without events last; keep earlier numbers.

    An earlier person's number goes to whoever has its most trusted identifier now; where several earlier people are
    one now, the smallest number stays, and the others are never given again.

    Returns
    -------
    tuple of np.ndarray and pl.DataFrame
        The number at the place of each owner's code; and `person`, `before`, `change` (``"merged"``, ``"split"``).
    """
    first = np.full(clusters.owner.size, _NEVER, dtype=np.int64)
    good = (assigned.owner >= 0) & ~assigned.by_time
    np.minimum.at(first, assigned.owner[good], coded.seen["event_first"].to_numpy()[good])
    for part, (rows, owner) in zip(coded.parts, assigned.given, strict=True):
        if part.is_events:
            good = owner >= 0
            np.minimum.at(first, owner[good], part.time[rows[good]])
    heads = np.flatnonzero(clusters.owner == np.arange(clusters.owner.size))
    heads = heads[np.lexsort((heads, first[heads]))]
    number = np.zeros(clusters.owner.size, dtype=np.int64)
    changes = pl.DataFrame(schema=_CHANGES)
    if before is None:
        number[heads] = np.arange(1, heads.size + 1)
        return number, changes
    then = (
        _again(ids, before=before)
        .with_columns(head=pl.lit(clusters.owner).gather(pl.col("code")))
        .sort("before", "code")
    )
    home = then.unique("before", keep="first", maintain_order=True)
    kept = home.group_by("head").agg(pl.col("before").min())
    number[kept["head"].to_numpy()] = kept["before"].to_numpy()
    new = heads[number[heads] == 0]
    number[new] = np.arange(1, new.size + 1) + before.highest
    pairs = then.select("before", "head").unique().with_columns(person=pl.lit(number).gather(pl.col("head")))
    moved = pairs.filter(pl.col("person") != pl.col("before"))
    changes = (
        moved.join(home.select("before", pl.col("head").alias("home")), on="before")
        .with_columns(
            pl.when(pl.col("head") == pl.col("home")).then(pl.lit("merged")).otherwise(pl.lit("split")).alias("change")
        )
        .select("person", "before", "change")
        .sort("person", "before")
    )
    return number, changes


def _again(ids: pl.DataFrame, *, before: Identity) -> pl.DataFrame:
    """Find the identifiers that there were before: `code` (now), `before` (their person's number).

    What was a user's then may be somebody nameless's now, since a call has said so.
    """
    now = ids.select(pl.col("id_type").cast(pl.String), "id").with_row_index("code")
    then = before.ids.select(pl.col("id_type").cast(pl.String), "id", pl.col("person").alias("before"))
    found = [now.join(then, on=["id_type", "id"])]
    meant = then.filter(pl.col("id_type") == USER).join(now, on=["id_type", "id"], how="anti")
    for name in NAMELESS if meant.height else ():
        found.append(now.filter(pl.col("id_type") == name).join(meant.drop("id_type"), on="id"))
        meant = meant.join(found[-1], on="id", how="anti")
    return pl.concat(one.select(pl.col("code").cast(pl.Int64), "before") for one in found)
