"""How many people a finding rests on at least, and the sentence where there are fewer, or no complete period."""

from __future__ import annotations

MIN_PEOPLE = 30
_TOO_FEW = "too few for a finding."


def say_too_few(count: float, did: str, *, unit: str = "person") -> str:
    """Write in place of a finding that too few people did what it would be about.

    Examples
    --------
    >>> say_too_few(12, "entered")
    'Only 12 people entered: too few for a finding.'
    """
    from journeys.display import format_count

    return f"{f'Only {format_count(count, unit)}' if count else f'No {unit}'} {did}: {_TOO_FEW}"


def say_none_complete(event: str, *, period: str, is_done: bool) -> str:
    """Write in place of a finding about complete periods that there is none with the event.

    Examples
    --------
    >>> say_none_complete("Upgraded Plan", period="week", is_done=True)
    'No week with "Upgraded Plan" is complete: the log holds only part of each.'
    >>> say_none_complete("Upgraded Plan", period="week", is_done=False)
    'Nobody did "Upgraded Plan".'
    """
    from journeys.display import adapt_words, quote_name

    if not is_done:
        return f"{adapt_words('Nobody')} did {quote_name(event)}."
    return f"No {period} with {quote_name(event)} is complete: the log holds only part of each."


def says_too_few(sentence: str) -> bool:
    """Return whether a sentence stands in place of a finding.

    Examples
    --------
    >>> says_too_few(say_too_few(12, "entered")), says_too_few("12% of 500 people converted.")
    (True, False)
    """
    return sentence.endswith(_TOO_FEW)
