"""The fewest people that a finding may rest on, and the sentences that take its place."""

from __future__ import annotations

from typing import Self

MIN_PEOPLE = 30


class NoFinding(str):
    """A sentence in place of a finding; it knows how many people the finding would rest on.

    Examples
    --------
    >>> found = NoFinding("Only 12 people entered: too few for a finding.", people=12)
    >>> found.people, found.rewrite(f"{found} 3 are left out.").people
    (12, 12)
    """

    __slots__ = ("people",)
    people: int

    def __new__(cls, text: str, *, people: int = 0) -> Self:
        """Keep the number of people beside the text."""
        found = super().__new__(cls, text)
        found.people = people
        return found

    def rewrite(self, text: str) -> NoFinding:
        """Return another text about the same people."""
        return NoFinding(text, people=self.people)


def say_too_few(count: float, did: str, *, unit: str = "person") -> NoFinding:
    """Write in place of a finding that too few people did what it would be about.

    Examples
    --------
    >>> say_too_few(12, "entered")
    'Only 12 people entered: too few for a finding.'
    >>> say_too_few(0, "entered"), say_too_few(0, "entered", unit="account")
    ('No one entered: too few for a finding.', 'No account entered: too few for a finding.')
    """
    from journeys.display import format_count

    who = f"Only {format_count(count, unit)}" if count else "No one" if unit == "person" else f"No {unit}"
    return NoFinding(f"{who} {did}: too few for a finding.", people=int(count))


def say_none_complete(event: str, *, period: str, is_done: bool) -> NoFinding:
    """Write in place of a finding about complete periods that there is none with the event.

    Examples
    --------
    >>> say_none_complete("Upgraded Plan", period="week", is_done=True)
    'No week with "Upgraded Plan" is complete: the log holds only part of each.'
    >>> say_none_complete("Upgraded Plan", period="week", is_done=False)
    'No one did "Upgraded Plan".'
    """
    from journeys.display import adapt_words, quote_name

    if not is_done:
        return NoFinding(f"{adapt_words('No one')} did {quote_name(event)}.")
    return NoFinding(f"No {period} with {quote_name(event)} is complete: the log holds only part of each.")
