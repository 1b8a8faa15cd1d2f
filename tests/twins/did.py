"""Who did something, and by when, in plain loops: rows (person, minute, event, value) in log order → the people."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from tests.logs import Row


def who_did(
    rows: Sequence[Row],
    event: str,
    *,
    low: int = 1,
    high: int | None = None,
    within: int | None = None,
    period: tuple[int | None, int | None] = (None, None),
    within_first: int | None = None,
    never: bool = False,
    then: Sequence[str] = (),
    after: str | None = None,
    until: int = 0,
) -> set[str]:
    found = set()
    for person, group in groupby(rows, key=lambda row: row[0]):
        own = [*group]
        if after is not None:
            while own and own[0][2] != after:
                own = own[1:]
        clock = own[0][1] if own else 0
        own = own if after is None else own[1:]
        since, before = period
        timely = [
            row
            for row in own
            if (within is None or row[1] >= until - within)
            and (since is None or row[1] >= since)
            and (before is None or row[1] < before)
            and (within_first is None or row[1] - clock <= within_first)
        ]
        if then:
            left = [event, *then]
            for row in timely:
                if left and row[2] == left[0]:
                    left = left[1:]
            holds = not left
        else:
            count = sum(row[2] == event for row in timely)
            holds = count >= low and (high is None or count <= high)
        if holds != never:
            found.add(person)
    return found


def mark_rows(rows: Sequence[Row], event: str, **asked: Any) -> list[bool]:
    """Whether the condition held by each row: asked again of the person's rows up to it, as if the log ended there."""
    return [
        bool(who_did([one for one in rows[: number + 1] if one[0] == row[0]], event, **asked, until=row[1]))
        for number, row in enumerate(rows)
    ]
