"""From what an analyst wrote to steps whose events and columns are in the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import polars as pl

from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown
from journeys.steps.steps import Step, StepLike, step


def resolve_steps(
    steps: Sequence[StepLike], *, names: Sequence[str], columns: Sequence[str], argument: str = "steps"
) -> tuple[Step, ...]:
    """Turn what an analyst wrote into steps; all unknown names are reported together.

    Parameters
    ----------
    steps : sequence of str, list of str, pl.Expr or Step
        The steps as written.
    names : sequence of str
        The event names of the log.
    columns : sequence of str
        The columns that expressions may use, of events and of people (`Log.step_columns`).
    argument : str
        The name of the argument, for the error text.

    Returns
    -------
    tuple of Step

    Raises
    ------
    UnknownNameError
        When an event or a column is not in the log; the closest names are given. A log without any event
        has no names to check against.
    ArgumentError
        When there is no step, or one is neither a name, names, an expression nor a step.

    Examples
    --------
    >>> [s.name for s in resolve_steps(["A", ["B", "C"]], names=["A", "B", "C"], columns=["event"])]
    ['A', 'B or C']
    """
    if isinstance(steps, str | pl.Expr | Step):
        raise ArgumentError(f"{argument}: expected a list of steps, got the single {steps!r}; write [{steps!r}].")
    if len(steps) == 0:
        raise ArgumentError(f"{argument}: at least one step is needed, got an empty list.")
    resolved = tuple(_as_step(given, argument=argument, number=number) for number, given in enumerate(steps, start=1))
    events = dict.fromkeys(name for one in resolved for name in one.events or ())
    problems = []
    # without any event there are no names to check: on an empty log each step has 0 people
    if names and (missing := [name for name in events if name not in names]):
        problems.append(unknown(argument, missing, available=names, what="event"))
    if missing := [name for name in columns_used(resolved) if name not in columns]:
        problems.append(unknown(argument, missing, available=columns, what="column"))
    raise_all(problems, UnknownNameError)
    return resolved


def resolve_step(given: StepLike, *, names: Sequence[str], columns: Sequence[str], argument: str) -> Step:
    """Turn one step as written into a `Step`; raises as `resolve_steps` does.

    Examples
    --------
    >>> resolve_step("A", names=["A"], columns=["event"], argument="end").name
    'A'
    """
    return resolve_steps([given], names=names, columns=columns, argument=argument)[0]


def columns_used(steps: Iterable[Step]) -> list[str]:
    """List the columns that the conditions of some steps use, each once.

    Examples
    --------
    >>> columns_used([step("A"), step("B", pl.col("amount") > pl.col("limit"))])
    ['event', 'amount', 'limit']
    """
    return list(dict.fromkeys(name for one in steps for name in one.condition.meta.root_names()))


def _as_step(given: StepLike, *, argument: str, number: int) -> Step:
    if isinstance(given, Step):
        return given
    if isinstance(given, pl.Expr):
        return step(str(given), given)
    if isinstance(given, str):
        return step(given)
    if isinstance(given, Sequence) and given and all(isinstance(name, str) for name in given):
        return step(" or ".join(given), given)
    raise ArgumentError(
        f"{argument}: step {number} is {given!r}; a step is an event name, a list of names, a Polars expression "
        "or jn.step(name, condition)."
    )
