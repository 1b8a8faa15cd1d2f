"""Trends by plain loops: every event is put into its period, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

Row = tuple[str, int, str, float | None]  # person, day, group, amount


def value_of(rows: Sequence[Row], count: str) -> float | None:
    """Compute what is counted from the events of one period."""
    people = {person for person, *_ in rows}
    amounts = [amount for *_, amount in rows if amount is not None]
    if count == "events":
        return float(len(rows))
    if count == "people":
        return float(len(people))
    if count == "per person":
        return len(rows) / len(people) if people else None
    if count == "sum":
        return float(sum(amounts))
    if not amounts:
        return None
    return float({"mean": mean, "median": median}[count](amounts))


def trend(rows: Sequence[Row], *, days: range, count: str, group: str | None = None) -> list[float | None]:
    """Return the value of each day, of all events or of one group."""
    chosen = [row for row in rows if group is None or row[2] == group]
    return [value_of([row for row in chosen if row[1] == day], count) for day in days]


def trailing(rows: Sequence[Row], *, days: range, window: int) -> list[int]:
    """Return how many people are active in the days up to and including each day."""
    return [len({person for person, at, *_ in rows if day - window < at <= day}) for day in days]
