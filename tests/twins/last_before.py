"""What came last before a goal in plain loops: rows (person, minute, event, value) in log order."""

from collections.abc import Collection, Sequence
from itertools import groupby, pairwise

from tests.logs import Row

Goal = tuple[str, str | None, int | None, bool, bool]


def goals(
    rows: Sequence[Row],
    *,
    goal: str,
    occurrence: str = "first",
    within: int | str | None = None,
    gap: int = 30,
    skip: Collection[str] = (),
    event: str | None = None,
    then: str | None = None,
    then_within: int | str | None = None,
    until: int = 0,
) -> list[Goal]:
    """One (person, value, minutes before, pending, went on) per goal that counts."""
    found = []
    for person, group in groupby(rows, key=lambda row: row[0]):
        own = [*group]
        session = [0]
        for one, other in pairwise(own):
            session.append(session[-1] + (other[1] - one[1] >= gap))
        places = [at for at, row in enumerate(own) if row[2] == goal]
        chosen = {"first": places[:1], "last": places[-1:], "each": places}[occurrence]
        for place in chosen:
            time = own[place][1]
            value, before = None, None
            for at, row in reversed([*enumerate(own[:place])]):
                if row[3] is None or row[3] in skip or (event is not None and row[2] != event):
                    continue
                is_timely = session[at] == session[place] if within == "session" else time - row[1] <= (within or time)
                if within is None or is_timely:
                    value, before = row[3], time - row[1]
                break
            later = [at for at in range(place + 1, len(own)) if own[at][2] == then]
            if then_within == "session":
                in_time = [at for at in later if session[at] == session[place]]
                end = max(row[1] for row, number in zip(own, session, strict=True) if number == session[place]) + gap
            else:
                in_time = [at for at in later if then_within is None or own[at][1] - time <= then_within]
                end = time + (then_within or 0)
            pending = then is not None and then_within is not None and end > until
            found.append((person, value, before, pending, bool(in_time) and not pending))
    return found
