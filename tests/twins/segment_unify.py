"""Segment Unify by its documentation: event after event; one that does not fit loses its least trusted identifier."""

from __future__ import annotations

from collections import Counter

Identifier = tuple[str, str]
LIMITS = {"user_id": 1}
FIRST = ("user_id", "email")


def unify(rows: list[dict[str, str | None]]) -> tuple[list[Identifier | None], dict[Identifier, set[Identifier]]]:
    """Give each row, in the order of time, the identifier by which it found its profile; and each one's profile."""
    profile: dict[Identifier, set[Identifier]] = {}
    found: list[Identifier | None] = []
    for row in rows:
        ids = sorted(
            ((name, value) for name, value in row.items() if value is not None),
            key=lambda one: (FIRST.index(one[0]) if one[0] in FIRST else len(FIRST), one[0]),
        )
        for one in ids:
            profile.setdefault(one, {one})
        kept = list(ids)
        while len(kept) > 1:
            together = set().union(*(profile[one] for one in kept))
            held = Counter(name for name, _ in together)
            if all(count <= LIMITS.get(name, 5) for name, count in held.items()):
                for one in together:
                    profile[one] = together
                break
            kept.pop()
        found.append(kept[0] if kept else None)
    return found, profile
