"""The questions about flows that journeys can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import polars as pl

from journeys.api.selection import Selection
from journeys.errors import ArgumentError, UnknownNameError, unknown
from journeys.steps import StepLike, duration_us, moment_us

if TYPE_CHECKING:
    from journeys.analyses.dropoff import Dropoff
    from journeys.analyses.flow import Flow, FlowSpec
    from journeys.analyses.flow.problems import Problems
    from journeys.analyses.timeline import Timeline
    from journeys.analyses.transitions import Transitions

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
        within: str | timedelta | Literal["session"] | None = None,
        gap: str | timedelta = "30m",
        campaign_cuts: bool = False,
        node: str | pl.Expr = "event",
        expand: Mapping[str, str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None,
        hide: str | Sequence[str] | None = None,
        clean: bool | Sequence[tuple[str, str]] | None = None,
        times: bool = True,
        against: Selection | pl.Expr | None = None,
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
            visit only ("loops"), or repeats at most so long apart are one ("5m"). Where a journey reaches the end
            is a node of its own always, whatever stands before it.
        keep : {"first", "last"}
            Which time a collapsed repeat has.
        align : {"start", "end"}
            Whether columns are counted from the beginning, or back from the end.
        occurrence : {"first", "last", "each"}
            Which start begins a journey (without a start: which end closes it). "each" counts entries:
            every start that is not inside a journey to the end begins one; without an end every start does, and cuts
            the journey before it off.
        count : {"people", "sessions", "entries"}
            What is counted; a session's journey stops at its border. "entries" is each occurrence.
        within : duration or "session", optional
            How long a journey lasts at most (inclusive), from its start on; with an end alone, how far it
            looks back from the end. "session": not beyond the session that it starts in, or ends in. Without it the
            whole journey.
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
            Nodes that are left out: they neither end nor part a journey. A journey begins with its start and ends
            with its end, though they be hidden; what else is like them stays so.
        clean : bool or list of (regular expression, replacement), optional
            How values that name nodes are cleaned. By default page paths and addresses are: identifiers
            become ``:id``, query strings and closing slashes go.
        times : bool
            Whether to work out how long each link takes. It costs more than all the rest: leave it off where
            only people count.
        against : Journeys or condition on people, optional
            Whom to compare with: another selection, or those of these people for whom a condition over the
            columns of `people` holds; the rest are then compared with them. Nobody should be in both groups: how many
            are is said in the definition.

        Returns
        -------
        Flow
            `.table` has the links, `.nodes` the nodes, `.people(link=...)` the people behind each, `.paths()` the
            whole ways. With `against` a `ComparedFlow`, which has the differences beside them.

        Raises
        ------
        UnknownNameError
            When an event or a column is not there; the closest names are given.
        ArgumentError
            When a word is none of the choices, or contradicts another; all that are wrong are named.

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
        from journeys.analyses.flow import ask, ask_against
        from journeys.analyses.flow.problems import Problems

        problems = Problems()
        if against is not None and not isinstance(against, Selection | pl.Expr):
            problems.words.append(f"against: {against!r} is neither Journeys nor a condition on people.")
        if isinstance(against, pl.Expr):
            known = self._log.people_schema.names()
            problems.attempt(lambda: self._check_columns(against, argument="against", available=known))
        spec, settings = self._flow_question(
            start=start, end=end, node=node, expand=expand, groups=groups, hide=hide, clean=clean, who=who, steps=steps,
            top=top, collapse=collapse, keep=keep, align=align, occurrence=occurrence, count=count, within=within,
            gap=gap, campaign_cuts=campaign_cuts, times=times, problems=problems,
        )  # fmt: skip
        if against is None:
            return ask(cast("Any", self), spec, settings=settings)
        mine, others = self, against
        if isinstance(others, pl.Expr):
            meant = others.fill_null(value=False)
            mine, others = self.only(~meant), self.only(meant)
        return ask_against(cast("Any", mine), cast("Any", others), spec, settings=settings)

    def transitions(
        self,
        *,
        collapse: bool = True,
        top: int | None = None,
        count: Literal["people", "sessions"] = "people",
        gap: str | timedelta = "30m",
        node: str | pl.Expr = "event",
        expand: Mapping[str, str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None,
        hide: str | Sequence[str] | None = None,
        clean: bool | Sequence[tuple[str, str]] | None = None,
        times: bool = False,
    ) -> Transitions:
        """Ask what follows directly on what, over whole journeys.

        Parameters
        ----------
        collapse : bool
            Whether repeats next to each other are one.
        top : int, optional
            How many nodes keep their name; the rest is "(other)".
        count : {"people", "sessions"}
            Whether a move may lead from one session to the next.
        gap, node, expand, groups, hide, clean
            As in `flow`.
        times : bool
            Whether to work out the median time of each transition.

        Returns
        -------
        Transitions
            `.table` has `source`, `target`, `moves`, `share`; `.matrix()` lays the shares out, `.plot()` draws
            them as a heatmap and `.plot_graph()` as a graph.

        Raises
        ------
        UnknownNameError
            When an event or a column is not there.

        Notes
        -----
        Hidden events part nothing: what comes after them follows on what came before. Shares describe what happened
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
        from journeys.analyses.flow.problems import Problems
        from journeys.analyses.transitions import ask

        problems = Problems()
        if not isinstance(collapse, bool):
            problems.words.append(f"collapse: {collapse!r} is neither True nor False.")
        if count not in ("people", "sessions"):
            problems.words.append(f"count: {count!r} is none of 'people', 'sessions'.")
        spec, settings = self._flow_question(
            start=None, end=None, node=node, expand=expand, groups=groups, hide=hide, clean=clean,
            collapse=bool(collapse), top=top, count="sessions" if count == "sessions" else "people", gap=gap,
            times=times, problems=problems,
        )  # fmt: skip
        return ask(cast("Any", self), spec, settings=settings)

    def dropoff(
        self,
        goal: StepLike,
        *,
        quiet: str | timedelta | None = None,
        node: str | pl.Expr = "event",
        expand: Mapping[str, str] | None = None,
        groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None = None,
        hide: str | Sequence[str] | None = None,
        clean: bool | Sequence[tuple[str, str]] | None = None,
    ) -> Dropoff:
        """Ask where journeys end without the goal, and what those who went on did instead.

        Parameters
        ----------
        goal : step
            What should have been reached.
        quiet : duration, optional
            How long before the end of the log a person must have been silent to count as lost: no selected event
            at all, shown as a node or not. Later ones may yet go on and are set apart. Everybody else counts by
            default.
        node, expand, groups, hide, clean
            What an event is called and which are left out, as in `flow`.

        Returns
        -------
        Dropoff
            `.table` ranks events by people lost; `.people(event)` selects them, `.examples(event)` shows timelines.

        Raises
        ------
        UnknownNameError
            When an event or a column is not there.
        ArgumentError
            When `quiet` is not a valid duration.

        Notes
        -----
        The last event is where somebody was last seen, not why they left: common events end many journeys, so look
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
        from journeys.analyses.dropoff import DropoffSpec, ask
        from journeys.analyses.flow.problems import Problems

        problems = Problems()
        pause = None if quiet is None else problems.attempt(lambda: duration_us(quiet, argument="quiet"))
        spec, settings = self._flow_question(
            start=None, end=goal, goal="goal", who="all", node=node, expand=expand, groups=groups, hide=hide,
            clean=clean, times=False, problems=problems,
        )  # fmt: skip
        since = None
        if pause is not None and self.until is not None:
            since = moment_us(self.until - timedelta(microseconds=pause))
        kept = {name: settings[name] for name in ("people", "events", "first", "last")}
        asked = {"goal": settings["end"], **({"quiet": quiet} if quiet is not None else {}), **kept}
        return ask(cast("Any", self), DropoffSpec(spec, since), settings=asked)

    def timeline(self, person: Any, *, gap: str | timedelta = "30m") -> Timeline:
        """Show everything that one person did, in order, from every system.

        Parameters
        ----------
        person : label
            As in the column `person` of `people`.
        gap : duration
            A pause of so long or longer starts a session.

        Returns
        -------
        Timeline
            `.table` has every event with the time since the one before; `.plot()` draws one lane a source.

        Raises
        ------
        UnknownNameError
            When nobody has that label.
        ArgumentError
            When `gap` is not a valid duration, or `person` not a label.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a"], "timestamp": ["2026-03-01", "2026-03-02"], "event": ["x", "y"]})
        >>> jn.Journeys.from_table(log).timeline("a").table.select("event", "session").rows()
        [('x', 1), ('y', 2)]
        """
        from journeys.analyses.flow.problems import Problems
        from journeys.analyses.timeline import make_timeline

        problems = Problems()
        pause = problems.attempt(lambda: duration_us(gap, argument="gap")) or 0
        found = problems.attempt(lambda: self._one(person)) or self
        problems.raise_found()
        settings = {"person": str(person), "gap": gap}
        bridges, ranked = self._bridges(person), self._log.ranked
        return make_timeline(found.events.collect(), gap=pause, settings=settings, bridges=bridges, ranked=ranked)

    def _one(self, person: Any) -> Selection:
        """Keep one person, who has to be there."""
        if person is None:
            raise ArgumentError("person: None is nobody; give a label of the column 'person' of `people`.")
        try:
            return self.only([person])
        except UnknownNameError as error:
            some = self._log.shards[0].people.select("person").head(20).collect()["person"].cast(pl.String).to_list()
            rest = self._log.size.people - len(some)
            more = f" and {rest} more" if rest > 0 else ""
            raise UnknownNameError(unknown("person", str(person), available=some, what="person") + more) from error
        except ArgumentError as error:
            raise ArgumentError(str(error).replace("people: labels are", "person: labels are", 1)) from error

    def _bridges(self, person: Any) -> tuple[tuple[datetime, str], ...]:
        """Say when a person was first met by each further kind of identifier."""
        identity = getattr(self, "_stitched", None)
        if identity is None:
            return ()
        known = identity.table.filter(pl.col("person") == person)
        first = known.group_by("id_type").agg(pl.col("first_seen").min()).sort("first_seen", "id_type")
        return tuple((seen, kind) for kind, seen in first.rows()[1:] if seen is not None)

    def _flow_question(
        self,
        *,
        start: StepLike | None,
        end: StepLike | None,
        node: str | pl.Expr,
        expand: Mapping[str, str] | None,
        groups: Mapping[str, str | Sequence[str]] | Sequence[str] | None,
        hide: str | Sequence[str] | None,
        clean: bool | Sequence[tuple[str, str]] | None,
        problems: Problems,
        goal: str = "end",
        **options: Any,
    ) -> tuple[FlowSpec, dict[str, Any]]:
        """Check the words of a question, and put down what was asked; `goal` is what its end is called there."""
        from journeys.analyses.flow import ask_flow, told_words
        from journeys.analyses.flow.coding import names_met
        from journeys.analyses.flow.nodes import Nodes, ask_nodes
        from journeys.analyses.result import settings_of

        known: dict[str, Any] = {"names": self._log.names, "columns": self._log.schema.names(), "problems": problems}

        def met(asked: Nodes) -> list[str]:
            return replace(self, _filters=())._count_shards(names_met, asked)["name"].unique().sort().to_list()

        nodes = ask_nodes(node=node, expand=expand, groups=groups, hide=hide, clean=clean, met=met, **known)
        known["step_columns"] = self._log.step_columns
        spec = ask_flow(nodes=nodes, start=start, end=end, goal=goal, options=options, **known)
        asked = told_words(spec, start=start, end=end, options=options)
        asked |= {"expand": expand, "groups": groups, "hide": hide}
        if not (isinstance(node, str) and node == "event"):
            asked["node"] = str(node)
        plain = {name: value for name, value in asked.items() if value is not None}
        return spec, settings_of(cast("Any", self), **plain)
