"""The question "what came last before it?": check the arguments → count → summarise → result."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, cast

import polars as pl

from journeys.analyses.against import shares_too_many
from journeys.analyses.cleaning_rules import CleaningRules, choose_rules
from journeys.analyses.flow.spec import DURATION_HINT
from journeys.analyses.last_before.result import LastBefore
from journeys.analyses.last_before.spec import LastBeforeSpec, Occurrence, Window, resolve_skip
from journeys.analyses.name_patterns import Names, parse_patterns
from journeys.analyses.protocol import J
from journeys.errors import Problems, UnknownNameError, is_whole_number, raise_all, unknown_message
from journeys.log import Log
from journeys.steps import Step, StepLike, duration_us, resolve_step

_USED = {
    "people", "conversions", "share", "ci_low", "ci_high", "median_time_before", "pending", "went_on", "rate",
    "rate_low", "rate_high", "others_rate", "q_value", "code", "label", "before", "person",
}  # fmt: skip


def last_before(
    journeys: J,
    goal: StepLike,
    *,
    of: str | Sequence[str],
    event: StepLike | None = None,
    skip: Names | None = None,
    within: str | timedelta | None = None,
    occurrence: Occurrence = "first",
    then: StepLike | None = None,
    then_within: str | timedelta | None = None,
    gap: str | timedelta = "30m",
    top: int | None = 20,
    clean: bool | CleaningRules | None = None,
) -> LastBefore[J]:
    """Find which page, campaign or article came last before a goal, and who went on afterwards.

    Parameters
    ----------
    goal : str, list of str, pl.Expr or Step
        The event before which values are looked for.
    of : str or sequence of str
        The column of events whose last value counts; of several columns, each has its own last value, and the table
        shows their combinations.
    event : step, optional
        Read the column only on these events, such as "Loaded a Page". By default all events count.
    skip : str or sequence of str, optional
        Values and patterns (with `*` and `?`) that are passed over, such as the page of the form itself.
    within : str or timedelta, optional
        How long before the goal a value may lie, inclusive; older ones are "(none)". "session": only values of the
        session of the goal. No limit by default.
    occurrence : {"first", "last", "each"}
        A person's first goal, the last, or each; if each, the table counts `conversions`.
    then : step, optional
        What people should go on to after the goal.
    then_within : str or timedelta, optional
        How soon after the goal, inclusive; "session": in the session of the goal. People whose time is not over are
        `pending` and in no rate. Without it, the rates compare people who have had unequal time, and are no finding.
    gap : str or timedelta
        A silence of this length or longer starts a new session.
    top : int or None
        How many values are shown; the rest is "(other)". None shows all.
    clean : bool or list of (regular expression, replacement), optional
        Whether query strings and identifiers in pages are unified, as in `flow`; by default only for columns of pages.

    Returns
    -------
    LastBefore
        `.table`: the value, `people`, `share`, `ci_low`, `ci_high`, `median_time_before`, and with `then` also
        `pending`, `went_on`, `rate`, `rate_low`, `rate_high`, `others_rate`, `q_value`; `.people(value)`; `.trait()`.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist, or a pattern of `skip` matches no value.
    ArgumentError
        When an option is invalid; all that are invalid are named.

    Notes
    -----
    A value counts if it comes before the goal in log order (time, then order of arrival); events without a value are
    passed over. Shares add up to all who did the goal. Wilson's intervals take people as independent: do not read them
    with ``occurrence="each"`` where few people convert often; where more than 5% do so several times, there is no
    `q_value`. What came last goes with going on; that it brings people
    to go on is not shown.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "a", "b"], "event": ["View", "View", "Sign up", "Sign up"],
    ...     "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-01"],
    ...     "page": ["/pricing", "/signup", None, None]})
    >>> b = jn.Journeys.from_table(log).last_before("Sign up", of="page", skip="/signup")
    >>> b.table.select("page", "people", "share").rows()
    [('/pricing', 1, 0.5), ('(none)', 1, 0.5)]
    """
    from journeys.analyses.last_before.count import count, count_repeaters
    from journeys.analyses.last_before.summarise import list_values, summarise

    log = journeys._log
    problems = Problems()
    columns = _parse_columns(log, of, problems=problems)
    steps = {"goal": goal, "event": event, "then": then}
    parsed = {name: _parse_step(log, step, argument=name, problems=problems) for name, step in steps.items()}
    window, follow_up = (
        _parse_window(one, argument=argument, problems=problems)
        for argument, one in (("within", within), ("then_within", then_within))
    )
    gap_us = problems.run_check(lambda: duration_us(gap, argument="gap")) or 0
    problems.check_choice("occurrence", occurrence, Occurrence)
    if then_within is not None and then is None:
        problems.invalid_values.append("then_within: there is nothing to go on to; give then=.")
    if top is not None and not is_whole_number(top):
        problems.invalid_values.append(f"top: {top!r} must be at least 1, or None for all values.")
    patterns = problems.run_check(lambda: parse_patterns("skip", skip)) or ()
    rules = problems.run_check(lambda: choose_rules(columns, clean=clean)) or {}
    problems.raise_found()
    resolved = parsed["goal"]
    assert resolved is not None  # noqa: S101  # a goal that cannot be resolved was reported
    spec = LastBeforeSpec(
        goal=resolved,
        columns=columns,
        names=tuple(f"of_{name}" if name in _USED else name for name in columns),
        cleaning=tuple(rules.values()),
        event=parsed["event"],
        skip=patterns,
        within=window,
        occurrence=occurrence,
        then=parsed["then"],
        then_within=follow_up,
        gap=gap_us,
        until=journeys._until_us,
    )
    if patterns and log.size.events:
        spec, lost, values = resolve_skip(log.shards, spec)
        raise_all([unknown_message("skip", lost, available=values, what="value")] if lost else [], UnknownNameError)
    counts = journeys._count_shards(count, spec)
    listed = list_values(counts, spec, top=top)
    optional: dict[str, Any] = {
        "event": None if spec.event is None else spec.event.name,
        "skip": ", ".join(patterns) or None,
        "within": within,
        "then": None if spec.then is None else spec.then.name,
        "then_within": then_within,
    }
    chosen = {name: value for name, value in optional.items() if value is not None}
    settings = journeys._make_settings(goal=resolved.name, of=", ".join(columns), occurrence=occurrence, **chosen)
    settings |= {"conversions": int(counts["people"].sum())}
    table = summarise(counts, spec, listed=listed)
    if spec.then is not None and spec.occurrence == "each":
        repeats = journeys._count_shards(count_repeaters, spec).sum()
        if shares_too_many(repeats["repeated"][0], (repeats["people"][0],)):
            table = table.with_columns(q_value=pl.lit(None, dtype=pl.Float64))
    return LastBefore(table, settings, journeys, spec, listed)


def _parse_columns(log: Log, of: str | Sequence[str], *, problems: Problems) -> tuple[str, ...]:
    """Return the columns of `of`; unknown ones, repeated ones and those with lists are problems."""
    given = (of,) if isinstance(of, str) else tuple(of) if isinstance(of, Sequence) else ()
    if not given or not all(isinstance(name, str) for name in given) or len(set(given)) < len(given):
        problems.invalid_values.append(f"of: {of!r} must be a column or a list of different columns.")
        return ()
    schema = log.schema
    available = [name for name in schema.names() if name not in ("person", "timestamp")]
    if missing := [name for name in given if name not in available]:
        problems.unknown_names.append(unknown_message("of", missing, available=available, what="column"))
    problems.invalid_values += [
        f"of: column {name!r} is {schema[name]}, expected single values." for name in given
        if name in available and schema[name].is_nested()
    ]  # fmt: skip
    return given


def _parse_step(log: Log, given: StepLike | None, *, argument: str, problems: Problems) -> Step | None:
    return problems.run_check(lambda: resolve_step(given, log, argument=argument))


def _parse_window(given: str | timedelta | None, *, argument: str, problems: Problems) -> Window | None:
    if given is None or given == "session":
        return cast("Window | None", given)
    return problems.run_check(lambda: duration_us(given, argument=argument, instead=DURATION_HINT))
