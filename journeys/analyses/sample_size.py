"""How many people a finding rests on at least, and the sentence where there are fewer."""

from __future__ import annotations

MIN_PEOPLE = 30


def say_too_few(count: float, did: str, *, unit: str = "person") -> str:
    """Write in place of a finding that too few people did what it would be about.

    Examples
    --------
    >>> say_too_few(12, "entered")
    'Only 12 people entered: too few for a finding.'
    """
    from journeys.display import format_count

    return f"{f'Only {format_count(count, unit)}' if count else f'No {unit}'} {did}: too few for a finding."
