"""PostHog and Mixpanel's original merge by their documentation: call after call, known people only if forced."""

from __future__ import annotations

Identifier = tuple[str, str]


def merge_in_turn(calls: list[tuple[Identifier, Identifier, bool]]) -> dict[Identifier, set[Identifier]]:
    """Give each identifier its person after calls in the order of time; a call names two, and whether it is forced."""
    person: dict[Identifier, set[Identifier]] = {}
    for a, b, forced in calls:
        one, other = person.setdefault(a, {a}), person.setdefault(b, {b})
        both_known = all(any(kind == "user_id" for kind, _ in ids) for ids in (one, other))
        if one is not other and (forced or not both_known):
            for end in one | other:
                person[end] = one | other
    return person
