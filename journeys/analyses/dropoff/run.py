"""The question "where do journeys end without the goal?": check the arguments → count → summarise → result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import polars as pl

from journeys.analyses.cleaning_rules import CleaningRules
from journeys.analyses.dropoff.count import DropoffSpec, count
from journeys.analyses.dropoff.result import Dropoff
from journeys.analyses.dropoff.summarise import summarise
from journeys.analyses.flow.spec import (
    FlowOptions,
    Groups,
    NodeOptions,
    describe_node_options,
    describe_step,
    parse_flow,
    parse_nodes,
)
from journeys.analyses.name_patterns import Names, list_passive_events
from journeys.analyses.protocol import J
from journeys.errors import Problems
from journeys.steps import StepLike, duration_us, moment_us


def dropoff(
    journeys: J,
    goal: StepLike,
    *,
    quiet: str | timedelta | None = None,
    node: str | pl.Expr = "event",
    expand: Mapping[str, str] | None = None,
    groups: Groups | None = None,
    hide: Names | None = None,
    clean: bool | CleaningRules | None = None,
) -> Dropoff[J]:
    """Count where journeys end without the goal, and what those who went on did instead.

    Parameters
    ----------
    goal : step
        What should have been reached.
    quiet : duration, optional
        How long before the end of the log a person must have been silent to count as lost: no selected event
        at all, shown as a node or not. Others may still reach the goal and are left out. By default everyone counts.
    node, expand, groups, hide, clean
        What an event is called and which are left out, as in `flow`: ``hide="passive"`` leaves out what the system
        did, such as mails received.

    Returns
    -------
    Dropoff
        `.table` ranks events by people lost; `.people(event)` selects them, `.examples(event)` lists timelines.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist.
    ArgumentError
        When `quiet` is not a valid duration.

    Notes
    -----
    The last event is where a person was last seen, not why they left: common events end many journeys, so look
    at `loss_rate` as well.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame(
    ...     {
    ...         "person": ["a", "a", "b", "b", "c"],
    ...         "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-02", "2026-03-01"],
    ...         "event": ["Visit", "Buy", "Visit", "Read", "Visit"],
    ...     }
    ... )
    >>> d = jn.Journeys.from_table(log).dropoff("Buy")
    >>> d.table.select("event", "people", "passed").rows()
    [('Read', 1, 1), ('Visit', 1, 3)]
    """
    problems = Problems()
    pause = None if quiet is None else problems.run_check(lambda: duration_us(quiet, argument="quiet"))
    node_options = NodeOptions(node, expand=expand, groups=groups, hide=hide, clean=clean)
    nodes = parse_nodes(node_options, log=journeys._log, problems=problems)
    options = FlowOptions(end=goal, who="all", times=False)
    flow = parse_flow(options, nodes=nodes, log=journeys._log, problems=problems, end_argument="goal")
    since = None
    if pause is not None and journeys.until is not None:
        since = moment_us(journeys.until - timedelta(microseconds=pause))
    spec = DropoffSpec(flow, since)
    silence = {} if quiet is None else {"quiet": quiet}
    settings = journeys._make_settings(
        goal=describe_step(goal, flow.end), **silence, **describe_node_options(node_options)
    )
    found = summarise(journeys._count_shards(count, spec))
    return Dropoff(
        table=found.table,
        settings=settings,
        _journeys=journeys,
        endings=found.endings,
        onward=found.onward,
        lost=found.lost,
        reached=found.reached,
        pending=found.pending,
        hidden=found.hidden,
        _spec=spec,
        _passive=tuple(list_passive_events(journeys._log)) if nodes.is_event_based else (),
    )
