"""What came last before a goal in plain loops: rows (person, minute, event, value) in log order."""

from collections.abc import Collection, Sequence
from itertools import groupby

from tests.logs import Row

Goal = tuple[str, str | None, int | None, bool, bool]


def goals(
    rows: Sequence[Row],
    *,
    goal: str,
    occurrence: str = "first",
    within: int | None = None,
    skip: Collection[str] = (),
    event: str | None = None,
    then: str | None = None,
    then_within: int | None = None,
    until: int = 0,
) -> list[Goal]:
    """One (person, value, minutes before, pending, went on) per goal that counts."""
    found = []
    for person, group in groupby(rows, key=lambda row: row[0]):
        own = [*group]
        places = [at for at, row in enumerate(own) if row[2] == goal]
        chosen = {"first": places[:1], "last": places[-1:], "each": places}[occurrence]
        for place in chosen:
            time = own[place][1]
            value, before = None, None
            for row in reversed(own[:place]):
                if row[3] is None or row[3] in skip or (event is not None and row[2] != event):
                    continue
                if within is None or time - row[1] <= within:
                    value, before = row[3], time - row[1]
                break
            later = [row for row in own[place + 1 :] if row[2] == then]
            in_time = [row for row in later if then_within is None or row[1] - time <= then_within]
            pending = then is not None and then_within is not None and time + then_within > until
            found.append((person, value, before, pending, bool(in_time) and not pending))
    return found
