"""What people who ran into trouble have in common: the value of a property that is theirs far more than anyone's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.display import number, percent, shorten, span, the_count

if TYPE_CHECKING:
    from journeys.analyses.correlation.result import Correlation
    from journeys.api import Journeys

__all__ = ["Common", "in_common"]

FEW = 20
LEVEL, MOST_OF_THEM, APART = 0.05, 0.5, 0.2
_KINDS = (pl.String, pl.Boolean, pl.Categorical, pl.Enum)
_NOT_ASKED = ("person", "timestamp", "event", "source")


@dataclass(frozen=True, slots=True)
class Common:
    """A value that most of them share, beside how many of the people whom they are held against have it."""

    column: str
    value: str
    count: int
    people: int
    others: int
    of_others: int
    place: str
    """Where the others' values come from."""

    @property
    def told(self) -> str:
        """Say the value, how many have it, and how many others."""
        whom = "all" if self.count == self.people else f"{number(self.count)} of the"
        said = f"{self.column} {shorten(self.value, 40)}, {whom} {number(self.people)}"
        if not self.of_others:
            return said
        some = percent(self.others / self.of_others) if self.others else "none"
        return f"{said} ({some} of {the_count(self.of_others, 'other')} {self.place})"


def in_common(correlation: Correlation[Any], trouble: str, *, among: Journeys, since: str) -> str | None:
    """Say what those who met trouble after a step, and did not go on, have in common; None if nothing stands out.

    Like is held against like, on text and yes/no properties: those that only the troublesome event has, against the
    people who met the event at other times; all others as they were at the step, against those at the step who did not
    meet it. A value is told if at least half of these people have it and their share exceeds that of the others by more
    than chance would give (difference of two shares, Benjamini and Hochberg over all values looked at).
    """
    lost = correlation.people(trouble, did=True, converted=False)
    name, chosen = pl.col("event").cast(pl.String), lost.people.lazy().select("person")
    start = among.events.filter(name == since).group_by("person").agg(start=pl.col("timestamp").min())
    all_met = among.events.filter(name == trouble)
    after = all_met.join(chosen, on="person").join(start, on="person").filter(pl.col("timestamp") >= pl.col("start"))
    met = after.drop("start").collect()
    if met["person"].n_unique() < FEW:
        return None
    elsewhere = among.events.filter(name != trouble).select(pl.exclude(_NOT_ASKED).is_not_null().any()).collect()
    own = [column for column in elsewhere.columns if not elsewhere[column].item()]
    others = all_met.join(chosen, on="person", how="anti").collect()
    found = [_most_theirs(met, others, columns=own, place=f"with {trouble}", own=True)]
    there = among.events.filter(name == since)
    spared = there.join(correlation.people(trouble, did=False).people.lazy().select("person"), on="person").collect()
    at_step = there.join(chosen, on="person").collect()
    rest = [column for column in elsewhere.columns if column not in own]
    found.append(_most_theirs(at_step, spared, columns=rest, place=f"at {since}", own=False))
    told = [one.told for one in found if one is not None]
    first, last = met["timestamp"].min(), met["timestamp"].max()
    whole = among._log.size
    # So many people at random moments do not fall into a third of the time.
    if whole.first and whole.last and 3 * (last - first) <= whole.last - whole.first:  # type: ignore[operator]
        told.append(f"time {span(first, last)}")  # type: ignore[arg-type]
    people = number(met["person"].n_unique())
    return f"What these {people} share: {'; '.join(told)}." if told else None


def _most_theirs(
    theirs: pl.DataFrame, others: pl.DataFrame, *, columns: list[str], place: str, own: bool
) -> Common | None:
    """Find the value whose share among these people exceeds that among the others most; None if chance may do it."""
    from journeys.stats import adjust, difference

    people, of_others = theirs["person"].n_unique(), others["person"].n_unique()
    asked = [name for name in columns if theirs.schema[name].base_type() in _KINDS]
    held = [
        Common(name, value, count, people, _having(others, name, value), of_others, place)
        for name in asked
        for value, count in _values(theirs, name)
        if count >= MOST_OF_THEM * people
    ]
    if not held:
        return None
    if not of_others:
        # Nobody else met the event, so that there is nothing to hold it against; what they share is still so.
        return held[0] if own else None
    cells = pl.DataFrame([(one.count, one.people, one.others, one.of_others) for one in held], orient="row")
    test = difference(*cells.get_columns())
    sure = (adjust(test.p_value) <= LEVEL) & (test.estimate >= APART)
    best = max(range(len(held)), key=lambda at: (sure[at], test.estimate[at], -at))
    return held[best] if sure[best] else None


def _values(rows: pl.DataFrame, name: str) -> list[tuple[str, int]]:
    """Count the people with each value of a property, most first."""
    counted = rows.select("person", pl.col(name).cast(pl.String).alias("value")).drop_nulls()
    counts = counted.group_by("value").agg(pl.col("person").n_unique().alias("count"))
    return [*counts.sort("count", "value", descending=[True, False]).iter_rows()]


def _having(rows: pl.DataFrame, name: str, value: str) -> int:
    return rows.filter(pl.col(name).cast(pl.String) == value)["person"].n_unique()
