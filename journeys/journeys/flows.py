"""The questions about flows that journeys can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl

from journeys.journeys.selection import Selection
from journeys.steps import StepLike

if TYPE_CHECKING:
    from journeys.analyses.flow import Flow

__all__ = ["AsksFlows"]


class AsksFlows(Selection):
    """Thin methods: check the words, count, summarise."""

    def flow(
        self,
        *,
        start: StepLike | None = None,
        end: StepLike | None = None,
        who: Literal["converted", "dropped", "all"] | None = None,
        steps: int = 6,
        top: int | None = 10,
        collapse: bool | Literal["loops"] | str | timedelta = True,
        keep: Literal["first", "last"] = "first",
        align: Literal["start", "end"] = "start",
        occurrence: Literal["first", "last", "each"] = "first",
        count: Literal["people", "sessions", "entries"] = "people",
        within: str | timedelta | None = None,
        gap: str | timedelta = "30m",
        campaign_cuts: bool = False,
        node: str | pl.Expr = "event",
        expand: Mapping[str, str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None,
        hide: str | Sequence[str] | None = None,
        clean: bool | Sequence[tuple[str, str]] | None = None,
        times: bool = True,
    ) -> Flow:
        """Ask which way people really go, column by column.

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
            How many nodes of each column keep their name; the rest is "(other)". Where the end is reached
            and None keep all.
        collapse : bool, "loops" or duration
            Repeats next to each other are one (True), all are shown (False), each node counts at its first
            visit only ("loops"), or repeats at most so long apart are one ("5m").
        keep : {"first", "last"}
            Which time a collapsed repeat has.
        align : {"start", "end"}
            Whether columns are counted from the beginning, or back from the end.
        occurrence : {"first", "last", "each"}
            Which start begins a journey (without a start: which end closes it). "each" counts entries:
            every start that is not inside a journey begins one.
        count : {"people", "sessions", "entries"}
            What is counted; a session's journey stops at its border.
        within : duration, optional
            How long a journey lasts at most (inclusive), from its start on; with an end alone, how far it
            looks back from the end.
        gap : duration
            A pause of so long or longer starts a session.
        campaign_cuts : bool
            Whether a touch of another campaign starts a session, too.
        node : str or pl.Expr
            What a node is: the event, the value of another column, or an expression; null is no node.
        expand : mapping of event to column, optional
            Events that become one node a value: ``{"Loaded a Page": "page_path"}``.
        groups : mapping of name to names or patterns, optional
            Nodes that become one: ``{"Reading": ["Read *", "Opened Article"]}``. The first that fits counts.
        hide : name, pattern or several, optional
            Nodes that are left out: they neither end nor part a journey.
        clean : bool or list of (regular expression, replacement), optional
            How values that name nodes are cleaned. By default page paths and addresses are: identifiers
            become ``:id``, query strings and closing slashes go.
        times : bool
            Whether to work out how long each link takes. It costs more than all the rest: leave it off where
            only people count.

        Returns
        -------
        Flow
            `.table` has the links, `.nodes` the nodes, `.people(link=...)` the people behind each.

        Raises
        ------
        UnknownNameError
            When an event or a column is not there; the closest names are given.
        ArgumentError
            When a word is none of the choices; all that are wrong are named.

        Notes
        -----
        People at a node = onward + dropped + continued + reached there. A journey that stops without its end
        goes to "(drop-off)". An event that is called like one of these is shown in quotes. Conversion rates and phi
        compare with everybody in the flow, shown or not; they say what goes with converting, not why.

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
        from journeys.analyses.flow import ask, ask_flow
        from journeys.analyses.flow.nodes import ask_nodes
        from journeys.analyses.result import settings_of

        options: dict[str, Any] = {
            "who": who, "steps": steps, "top": top, "collapse": collapse, "keep": keep, "align": align,
            "occurrence": occurrence, "count": count, "within": within, "gap": gap, "campaign_cuts": campaign_cuts,
            "times": times,
        }  # fmt: skip
        names, columns = self.log.names, self.log.schema.names()
        nodes = ask_nodes(node=node, expand=expand, groups=groups, hide=hide, clean=clean, names=names, columns=columns)
        spec = ask_flow(names=names, columns=columns, nodes=nodes, start=start, end=end, options=options)
        asked = {"start": spec.start and spec.start.name, "end": spec.end and spec.end.name, **options, "who": spec.who}
        asked |= {"node": str(node), "expand": expand, "groups": groups, "hide": hide}
        plain = {name: value for name, value in asked.items() if value is not None}
        return ask(cast("Any", self), spec, settings=settings_of(cast("Any", self), **plain))
