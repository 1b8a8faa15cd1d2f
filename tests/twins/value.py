"""Value over age in plain loops: rows (person, minute, event, amount) in log order."""

from collections.abc import Sequence
from typing import Any

Row = tuple[str, int, str, float]


def by_age(
    rows: Sequence[Row], *, start: str, of: str, length: int, until: int, fixed: int | None = None
) -> list[dict[str, Any]]:
    """Return people, payers and value per age; with `fixed`, only of people who have completed so many periods."""
    people = []
    for person in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == person]
        begun = next((at for at, row in enumerate(own) if row[2] == start), None)
        if begun is None or own[begun][1] > until:
            continue
        age = (until - own[begun][1]) // length
        paid = [(row[1] - own[begun][1], row[3]) for row in own[begun:] if row[2] == of and row[1] <= until]
        before = any(row[2] == of for row in own[:begun])
        if fixed is None or age >= fixed:
            people.append((age if fixed is None else fixed, paid, before))
    found = []
    for n in range(max((age for age, _, _ in people), default=0)):
        old = [(paid, before) for age, paid, before in people if age > n]
        sums = [[amount for after, amount in paid if after < (n + 1) * length] for paid, _ in old]
        found.append(
            {
                "people": len(old),
                "paying": sum(bool(own) for own in sums),
                "value": float(sum(map(sum, sums))),
                "before": sum(before for _, before in old),
                "complete": len(old) == len(people),
            }
        )
    return found
