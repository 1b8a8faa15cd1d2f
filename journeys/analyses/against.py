"""The two sides of a comparison: the people asked, and those they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.analyses.protocol import J
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown_message

_MOST_SHARED = 0.05


def shares_too_many(shared: int, sides: Sequence[int]) -> bool:
    """Return whether so many are on both sides that a test which takes them as separate is refused: more than 5%.

    Examples
    --------
    >>> shares_too_many(5, (100, 900)), shares_too_many(6, (100, 900))
    (False, True)
    """
    return shared > _MOST_SHARED * min(sides)


def describe_shared(shared: int, *, unit: str, test: str) -> str:
    """Write how many are on both sides, and what the test makes of it; nothing where there are none.

    Examples
    --------
    >>> describe_shared(12, unit="person", test="the test allows for that")
    '12 people are in both groups; the test allows for that'
    """
    from journeys.display import choose_form, format_count

    return f"{format_count(shared, unit)} {choose_form(shared, 'is', 'are')} in both groups; {test}" if shared else ""


def split_sides(journeys: J, against: J | pl.Expr) -> tuple[J, J]:
    """Return the people asked and the people to compare with.

    Raise ArgumentError when `against` is neither. Raise UnknownNameError when the condition uses a column that people
    do not have.

    Parameters
    ----------
    journeys : Journeys
        The people asked.
    against : Journeys or pl.Expr
        Other journeys; or a condition over the columns of people, which splits the people asked: those for whom it
        holds are the other side, everyone else, nulls included, stays on this side.
    """
    if not isinstance(against, pl.Expr):
        if not hasattr(type(against), "_count_shards"):
            raise ArgumentError(f"against: {against!r} is neither Journeys nor a condition on people.")
        return journeys, against
    columns = [name for name in journeys._log.people_schema.names() if name != "code"]
    missing = [name for name in dict.fromkeys(against.meta.root_names()) if name not in columns]
    raise_all(
        [unknown_message("against", missing, available=columns, what="column")] if missing else [], UnknownNameError
    )
    holds = against.fill_null(value=False)
    return journeys.only(~holds), journeys.only(holds)
