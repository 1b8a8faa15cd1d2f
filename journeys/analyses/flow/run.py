"""The question "which paths do people take?": check the arguments → count → summarise → result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from journeys.analyses.against import split_sides
from journeys.analyses.cleaning_rules import CleaningRules
from journeys.analyses.flow.comparison import compare_flows
from journeys.analyses.flow.count import count as count_shard
from journeys.analyses.flow.result import Flow
from journeys.analyses.flow.spec import (
    Align,
    Collapse,
    CountUnit,
    FlowOptions,
    FlowSpec,
    Groups,
    Keep,
    NodeOptions,
    Occurrence,
    Who,
    describe_node_options,
    describe_options,
    parse_flow,
    parse_nodes,
)
from journeys.analyses.flow.summarise import choose_kept_nodes, name_counts, summarise
from journeys.analyses.name_patterns import Names
from journeys.analyses.protocol import J
from journeys.errors import Problems
from journeys.steps import StepLike


def flow(
    journeys: J,
    *,
    start: StepLike | None = None,
    end: StepLike | None = None,
    who: Who | None = None,
    steps: int = 6,
    top: int | None = 10,
    collapse: Collapse = True,
    keep: Keep = "first",
    align: Align = "start",
    occurrence: Occurrence = "first",
    count: CountUnit = "people",
    within: str | timedelta | Literal["session"] | None = None,
    gap: str | timedelta = "30m",
    campaign_cuts: bool = False,
    node: str | pl.Expr = "event",
    expand: Mapping[str, str] | None = None,
    groups: Groups | None = None,
    hide: Names | None = None,
    clean: bool | CleaningRules | None = None,
    times: bool = True,
    against: J | pl.Expr | None = None,
) -> Flow[J]:
    """Count which paths people take, column by column.

    Parameters
    ----------
    start, end : step, optional
        From where and to where. Without a start from first touch; with an end alone, those who reach it.
    who : {"converted", "dropped", "all"}, optional
        Whose journeys are shown: "converted" when only an end is given, else "all". Those who never
        reach the end are followed to their last event.
    steps : int
        Columns, 1 to 20. A longer journey goes on to "(continues)".
    top : int, optional
        How many nodes of each column keep their name; the rest is "(other)". The node where the end is reached
        keeps its name; None keeps all.
    collapse : bool, "loops" or duration
        Repeats next to each other are merged (True), all are shown (False), each node counts at its first
        visit only ("loops"), or repeats at most that far apart are merged ("5m"). Where a journey reaches the end
        is always a node of its own, whatever comes before it.
    keep : {"first", "last"}
        Which time a collapsed repeat has.
    align : {"start", "end"}
        Whether columns are counted from the beginning, or back from the end.
    occurrence : {"first", "last", "each"}
        Which start begins a journey (without a start: which end closes it). "each" counts entries:
        every start that is not inside a journey to the end begins one; without an end every start does, and cuts
        off the journey before it.
    count : {"people", "sessions", "entries"}
        What is counted; a session's journey stops with the session. "entries" is each occurrence.
    within : duration or "session", optional
        How long a journey lasts at most (inclusive), from its start on; with an end alone, how far it
        looks back from the end. "session": not beyond the session that it starts in, or ends in. Without it, the
        whole journey.
    gap : duration
        A pause of that length or longer starts a session.
    campaign_cuts : bool
        Whether a touch of another campaign starts a session, too.
    node : str or pl.Expr
        What a node is: the event, the value of another column, or an expression; rows with null are left out.
    expand : mapping of event to column, optional
        Events that are split into one node per value: ``{"Loaded a Page": "page_path"}``.
    groups : mapping of name to names or patterns, optional
        Nodes that are merged: ``{"Reading": ["Read *", "Opened Article"]}``. The first group that matches counts.
    hide : name, pattern or several, optional
        Nodes that are left out: they neither end nor split a journey. A journey still begins with its start and ends
        with its end when these are hidden. "passive" leaves out what the system did, such as mails received.
    clean : bool or list of (regular expression, replacement), optional
        How values that name nodes are cleaned. By default page paths and URLs are: identifiers
        become ``:id``; query strings and trailing slashes are removed.
    times : bool
        Whether to compute how long each link takes. It costs more than everything else: leave it off where
        only people count.
    against : Journeys or pl.Expr, optional
        Whom to compare with: other journeys, or a condition over the columns of `people`; those who do not meet it
        are then compared with those who do. People in both groups are counted in the definition.

    Returns
    -------
    Flow
        `.table` has the links, `.nodes` the nodes, `.people(link=...)` the people behind each, `.paths()` the
        whole paths. With `against` a `ComparedFlow`, which has the differences beside them.

    Raises
    ------
    UnknownNameError
        When an event or a column does not exist; the closest names are given.
    ArgumentError
        When an option is invalid or contradicts another; all problems are reported together.

    Notes
    -----
    People at a node = onward + dropped + continued + reached there. A journey that stops without its end
    goes to "(drop-off)". An event with the name of one of these is shown in quotes. Conversion rates and phi
    compare with all journeys of the flow, shown or not; they say what goes with converting, not why.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame(
    ...     {
    ...         "person": ["a", "a", "b", "b", "c"],
    ...         "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-03", "2026-03-01"],
    ...         "event": ["Visit", "Sign up", "Visit", "Read", "Visit"],
    ...     }
    ... )
    >>> f = jn.Journeys.from_table(log).flow()
    >>> f.table.filter(position=0).select("source", "target", "people").rows()
    [('Visit', '(drop-off)', 1), ('Visit', 'Read', 1), ('Visit', 'Sign up', 1)]
    """
    log, problems = journeys._log, Problems()
    sides = None if against is None else problems.run_check(lambda: split_sides(journeys, against))
    node_options = NodeOptions(node, expand=expand, groups=groups, hide=hide, clean=clean)
    options = FlowOptions(
        start=start, end=end, who=who, steps=steps, top=top, collapse=collapse, keep=keep, align=align,
        occurrence=occurrence, count=count, within=within, gap=gap, campaign_cuts=campaign_cuts, times=times,
    )  # fmt: skip
    nodes = parse_nodes(node_options, log=log, problems=problems)
    spec = parse_flow(options, nodes=nodes, log=log, problems=problems)
    settings = journeys._make_settings(**describe_options(options, spec), **describe_node_options(node_options))
    if sides is None:
        return _answer_question(journeys, spec, settings=settings)
    counts = [side._count_shards(count_shard, spec) for side in sides]
    kept = choose_kept_nodes(pl.concat(counts), spec)
    # links that only one side is shown on are passed by some of the other, too: their rates must not be 0 of 0
    mine, theirs = (
        _answer_question(side, spec, settings=settings, counts=counted, kept=kept, keep_empty=True)
        for side, counted in zip(sides, counts, strict=True)
    )
    return compare_flows(mine, theirs)


def _answer_question(
    journeys: J,
    spec: FlowSpec,
    *,
    settings: Mapping[str, Any],
    counts: pl.DataFrame | None = None,
    kept: pl.DataFrame | None = None,
    keep_empty: bool = False,
) -> Flow[J]:
    """Count a flow whose options are checked, unless its counts are given, and summarise it.

    `kept` says which nodes keep their name, else the largest do; with `keep_empty` the tables also have links and nodes
    that no journey shown passes.
    """
    if counts is None:
        counts = journeys._count_shards(count_shard, replace(spec, single_shard=len(journeys._log.shards) == 1))
    found = summarise(counts, spec, kept=kept, keep_empty=keep_empty)
    columns: list[list[str]] = [[] for _ in range(spec.steps)]
    for position, node in found.kept.sort("position", "node").rows():
        columns[position].append(node)
    return Flow(
        table=name_counts(found.links, spec.count),
        settings=settings,
        _journeys=journeys,
        nodes=name_counts(found.nodes, spec.count),
        everyone=found.everyone,
        journey_count=found.shown,
        reached=found.reached,
        _spec=spec,
        _kept=tuple(map(tuple, columns)),
    )
