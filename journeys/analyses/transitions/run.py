"""The question "what follows what?": check the arguments → count → summarise → result."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

import polars as pl

from journeys.analyses.cleaning_rules import CleaningRules
from journeys.analyses.flow.spec import (
    OTHER,
    FlowOptions,
    FlowSpec,
    Groups,
    NodeOptions,
    describe_node_options,
    parse_flow,
    parse_nodes,
)
from journeys.analyses.name_patterns import Names
from journeys.analyses.protocol import J
from journeys.analyses.sample_size import MIN_PEOPLE
from journeys.analyses.transitions.count import Move, count_people_moving
from journeys.analyses.transitions.count import count as count_transitions
from journeys.analyses.transitions.result import Transitions
from journeys.analyses.transitions.summarise import find_most_frequent, summarise
from journeys.errors import Problems

Unit = Literal["people", "sessions"]


def transitions(
    journeys: J,
    *,
    collapse: bool = True,
    top: int | None = None,
    count: Unit = "people",
    gap: str | timedelta = "30m",
    node: str | pl.Expr = "event",
    expand: Mapping[str, str] | None = None,
    groups: Groups | None = None,
    hide: Names | None = None,
    clean: bool | CleaningRules | None = None,
    times: bool = False,
) -> Transitions[J]:
    """Count which events directly follow which, over whole journeys.

    Parameters
    ----------
    collapse : bool
        Whether repeats next to each other are merged.
    top : int, optional
        How many nodes keep their name; the rest is "(other)".
    count : {"people", "sessions"}
        Whether a move may lead from one session to the next ("people").
    gap, node, expand, groups, hide, clean
        As in `flow`.
    times : bool
        Whether to compute the median time of each transition.

    Returns
    -------
    Transitions
        `.table` has `source`, `target`, `moves`, `share`; `.matrix()` lays the shares out, `.plot()` draws
        them as a heatmap and `.plot_graph()` as a graph.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist.

    Notes
    -----
    Hidden events split nothing: what comes after them follows what came before. Shares describe what happened
    next, not what would happen to the next person: do not multiply them along a path as if people had no memory.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame(
    ...     {"person": ["a"] * 3, "timestamp": ["2026-03-01"] * 3, "event": ["Visit", "Read", "Visit"]}
    ... )
    >>> jn.Journeys.from_table(log).transitions().table.rows()
    [('Read', 'Visit', 1, 1.0), ('Visit', '(drop-off)', 1, 0.5), ('Visit', 'Read', 1, 0.5)]
    """
    problems = Problems()
    if not isinstance(collapse, bool):
        problems.invalid_values.append(f"collapse: {collapse!r} is neither True nor False.")
    problems.check_choice("count", count, Unit)
    node_options = NodeOptions(node, expand=expand, groups=groups, hide=hide, clean=clean)
    nodes = parse_nodes(node_options, log=journeys._log, problems=problems)
    unit: Unit = "sessions" if count == "sessions" else "people"  # others have been reported
    options = FlowOptions(collapse=bool(collapse), top=top, count=unit, gap=gap, times=times)
    spec = parse_flow(options, nodes=nodes, log=journeys._log, problems=problems)
    counts = journeys._count_shards(count_transitions, spec)
    table = summarise(counts, spec)
    people = _bound_people(table, counts, spec=spec, journeys=journeys)
    limit = {} if top is None else {"top": top}
    settings = journeys._make_settings(
        collapse=collapse, **limit, count=count, gap=gap, times=times, **describe_node_options(node_options)
    )
    return Transitions(table, settings, journeys, spec, people)


def _bound_people(table: pl.DataFrame, counts: pl.DataFrame, *, spec: FlowSpec, journeys: J) -> int:
    """Return how many people at least make the move that the finding names.

    A person makes fewer moves than they have nodes: 6,000 moves of people with at most 100 nodes are those of at least
    60 people. Only where that is too few for a finding are they counted.
    """
    move = find_most_frequent(table)
    if move is None:
        return 0
    if OTHER in (move["source"], move["target"]):
        return int(move["moves"])
    longest = int(counts["longest"].max())  # type: ignore[arg-type]  # not null, as there is a move
    people = int(-(-move["moves"] // longest))
    if people < MIN_PEOPLE:
        asked = Move(spec, move["source"], move["target"])
        people = int(journeys._count_shards(count_people_moving, asked)["people"].sum())
    return people
