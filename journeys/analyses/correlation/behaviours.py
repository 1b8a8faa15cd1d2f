"""The words for behaviours that are more than an event: a property's values, how often, how soon, in which order."""

from __future__ import annotations

from collections.abc import Sequence as Sequential
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from journeys.errors import ArgumentError
from journeys.steps import StepLike


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """A behaviour to be compared with converting; made by `values`, `at_least` and `sequence`."""

    kind: Literal["values", "at_least", "sequence"]
    step: StepLike | None = None
    then: StepLike | None = None
    column: str | None = None
    times: tuple[int, ...] = (1,)
    within: tuple[str | timedelta | None, ...] = (None,)


def values(column: str, *, of: StepLike | None = None) -> Behaviour:
    """Which values of a property go with converting? Each value is a behaviour of its own.

    Parameters
    ----------
    column : str
        A column of the events, such as "page_path" or "campaign".
    of : str, list of str, pl.Expr or Step, optional
        Only on the events of this step.

    Examples
    --------
    >>> values("page_path", of="Loaded a Page").column
    'page_path'
    """
    return Behaviour("values", step=of, column=column)


def at_least(
    step: StepLike,
    *,
    times: int | Sequential[int] | Literal["best"] = 1,
    within: str | timedelta | Sequential[str | timedelta] | None = None,
) -> Behaviour:
    """How often, and how soon, must something be done to go with converting?

    Parameters
    ----------
    step : str, list of str, pl.Expr or Step
        What is done.
    times : int, sequence of int or "best"
        How often at least. Of several ("best": 1 to 10) the one with the smallest p-value is shown, and that p-value is
        multiplied by the number of thresholds tried: a search must not look like a test.
    within : duration or sequence of durations, optional
        Within this time after the first touch (or after `since`); several are searched like `times`.

    Raises
    ------
    ArgumentError
        When a threshold is not a whole number of at least 1, or there is none.

    Notes
    -----
    Bonferroni's correction for the search is cautious here, since neighbouring thresholds agree with each other.

    Examples
    --------
    >>> at_least("Invited Teammate", times="best", within=["3d", "7d"]).times
    (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    """
    if times == "best":
        thresholds: tuple[int, ...] = tuple(range(1, 11))
    else:
        given = list(times) if isinstance(times, Sequential) and not isinstance(times, str) else [times]
        wrong = [one for one in given if not isinstance(one, int) or isinstance(one, bool) or one < 1]
        if wrong or not given:
            got = ", ".join(repr(one) for one in wrong) if wrong else "an empty list"
            raise ArgumentError(f'times: expected whole numbers from 1 on, or "best"; got {got}.')
        thresholds = tuple(dict.fromkeys(int(one) for one in given))
    lengths = [within] if within is None or isinstance(within, str | timedelta) else list(within)
    if not lengths:
        raise ArgumentError("within: at least one duration is needed, got an empty list.")
    return Behaviour("at_least", step=step, times=thresholds, within=tuple(dict.fromkeys(lengths)))


def sequence(first: StepLike, *, then: StepLike) -> Behaviour:
    """Does doing one thing and later another go with converting?

    Parameters
    ----------
    first, then : str, list of str, pl.Expr or Step
        The two steps; others may lie between them.

    Examples
    --------
    >>> sequence("Viewed Pricing", then="Invited Teammate").then
    'Invited Teammate'
    """
    return Behaviour("sequence", step=first, then=then)
