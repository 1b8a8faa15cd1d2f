"""The answer of a flow: links, nodes, and the people behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.flow.choose import choose, people_of
from journeys.analyses.flow.heads import begins_late, name_columns
from journeys.analyses.flow.links import count_links
from journeys.analyses.flow.nodes import OTHER, shown_name
from journeys.analyses.flow.paths import coverage, not_travelled, passing, sequences, top_paths
from journeys.analyses.flow.related import parts_before
from journeys.analyses.flow.shades import node_colours
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.steps import count_steps, lay_steps
from journeys.analyses.flow.summary import summarise_links
from journeys.analyses.flow.way import Way, most_travelled
from journeys.analyses.flow.words import UNITS, count_units, define, find, shades
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.result import Result
from journeys.errors import ArgumentError, UnknownNameError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.analyses.correlation.flow_steps import StepAssociations
    from journeys.api import Journeys

__all__ = ["Flow", "ask", "make"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Flow(Result[Any]):
    """Which way do they really go? The links between the columns of journeys.

    Attributes
    ----------
    table : pl.DataFrame
        The links: `position` (0-based column of the source), `source`, `target`, `people` (or sessions or
        entries: what `count` says), `share` (of all in the column), `median_time`, `mean_time` (Duration),
        `share_of_source`, `share_of_start`. With an end also, over all who pass whether shown or not:
        `passed`, `converted`, `conversion_rate` with its Wilson interval `ci_low`, `ci_high`, and `phi` of passing
        there with reaching the end.
    nodes : pl.DataFrame
        `position`, `node`, `people` = `onward` + `dropped` + `continued` + `reached_here`, `share`,
        `share_of_start`; with an end also what links have.
    """

    nodes: pl.DataFrame
    spec: FlowSpec
    kept: tuple[tuple[str, ...], ...]
    everyone: int
    journey_count: int
    reached: int

    @property
    def goal(self) -> str | None:
        """The name of the end, where there is one."""
        return None if self.spec.end is None else self.spec.end.name

    @property
    def finding(self) -> str:
        """The most important thing to see, as one sentence."""
        numbers = {"everyone": self.everyone, "journeys": self.journey_count, "reached": self.reached}
        return find(self.spec, **numbers, table=self.table, nodes=self.nodes, who=self._journeys._log.unit)

    def _units(self, count: int) -> str:
        return count_units(self.spec, count, who=self._journeys._log.unit)

    @property
    def _begins_late(self) -> bool:
        """Whether a cut in time took the beginning, so that first touches may be of the period only."""
        return begins_late(self._journeys)

    def plot(
        self, *, colour: Literal["event", "goal"] = "event", dark: bool = False, narrow: bool = False
    ) -> go.Figure:
        """Draw the Sankey.

        Parameters
        ----------
        colour : {"event", "goal"}
            Whether a colour is an event, the same in all charts, or how passing goes with reaching the end (phi of
            nodes and links): blue where more of those who pass get there, orange where fewer do, grey where |phi| is
            below 0.05 or fewer than 30 pass.
        dark, narrow : bool
            For a dark page; for a telephone, where columns follow each other downwards with their three largest nodes.

        Raises
        ------
        ArgumentError
            When `colour` is neither, or the flow has no end to relate to.
        """
        from journeys.charts.sankey import draw

        if colour not in ("event", "goal"):
            raise ArgumentError(f"colour: {colour!r} is none of 'event', 'goal'.")
        if colour == "goal" and self.goal is None:
            raise ArgumentError("colour: this flow has no end to relate to; ask j.flow(end=…).")

        subtitle = self.definition
        if colour == "goal":
            subtitle += f" {shades(self.spec, table=self.table, nodes=self.nodes)}"
        if (way := self.most_travelled()) is not None:
            subtitle += f" Set off: the way that most go whole, {self._units(way.people)}."
        return draw(
            self.table,
            nodes=self.nodes,
            colour=colour,
            path=() if way is None else way.path,
            begins=0 if way is None else way.begins,
            went=None if way is None else way.people,
            title=self.finding,
            subtitle=subtitle,
            narrow=narrow,
            **self._drawn(dark=dark),
        )

    def most_travelled(self) -> Way | None:
        """Which way to the end do most go from the first column shown to the last, nodes named as they are shown?

        Returns
        -------
        Way or None
            `begins` (the column of its first node), `path` (its nodes) and `people` who went all of it: one of named
            nodes where there is any. None where the flow has no end, or nobody is shown to get there.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b", "b"], "timestamp": ["2026-03-01", "2026-03-02"] * 2,
        ...     "event": ["Visit", "Buy", "Visit", "Buy"]})
        >>> jn.Journeys.from_table(log).flow(end="Buy").most_travelled()
        Way(begins=0, path=('Visit', 'Buy'), people=2)
        """
        return most_travelled(self._journeys, self.spec, kept=self.kept)

    def _drawn(self, *, dark: bool) -> dict[str, Any]:
        """Say what every Sankey of this flow is drawn with."""
        goal = None if self.goal is None else shown_name(self.goal)
        colour_of = self.colours(self.nodes["node"], dark=dark)
        heads, unit = name_columns(self.spec, late=self._begins_late), UNITS[self.spec.count]
        return {"goal": goal, "colour_of": colour_of, "heads": heads, "unit": unit, "dark": dark}

    def colours(self, names: pl.Series, *, dark: bool = False) -> dict[str, str] | None:
        """Give an event one colour in all charts: by its rank in the whole log, not in this flow.

        Returns
        -------
        dict of str to str, or None
            A colour by name; None where nodes are values, which have no rank in the log.
        """
        there, ranked = names.unique().to_list(), self._journeys._log.ranked
        return node_colours(there, nodes=self.spec.nodes, ranked=ranked, goal=self.goal, dark=dark)

    def step_matrix(self) -> pl.DataFrame:
        """Where is everybody at each step?

        Returns
        -------
        pl.DataFrame
            `node`, then a Float64 column each position ("1", "2", …) with the share of all journeys that are
            there, 0 where none is; most people first. A node that keeps its name in one column of the flow keeps it
            here in all; "(other)" is the rest. "(reached)" adds up those who have arrived at the end by then,
            "(drop-off)" those who have left: counted from the start, each column is 1.
        """
        folded = OTHER in self.nodes["node"]
        nodes = count_steps(self._journeys, self.spec, kept=self.kept) if folded else self.nodes
        return lay_steps(nodes, journeys=self.journey_count, steps=self.spec.steps)

    def plot_steps(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the step matrix as a heatmap."""
        from journeys.charts.transitions import draw_steps

        words: dict[str, Any] = {"title": self.finding, "subtitle": self.definition, "dark": dark, "narrow": narrow}
        return draw_steps(self.step_matrix(), **words)

    def plot_paths(
        self,
        n: int = 12,
        *,
        rank: Literal["people", "best", "worst"] = "people",
        min_people: int = 30,
        dark: bool = False,
        narrow: bool = False,
    ) -> go.Figure:
        """Draw the most travelled whole paths, one line of names each, with how many take them and convert."""
        from journeys.charts.paths import draw
        from journeys.display import agree, number, plural

        table = self.paths(n, rank=rank, min_people=min_people)
        count, there = self.covering(0.8)
        make = agree(count, "makes", "make")
        title = f"{number(count)} of {plural(there, 'path')} {make} up 80% of all {self.spec.count} shown."
        words: dict[str, Any] = {"title": title, "subtitle": self.definition, "dark": dark, "narrow": narrow}
        goal = None if self.goal is None else shown_name(self.goal)
        colour_of = self.colours(table["path"].explode(empty_as_null=False), dark=dark)
        return draw(table, goal=goal, colour_of=colour_of, **words)

    @property
    def definition(self) -> str:
        """Who is shown, from where to where."""
        return define(self.spec, units=self._units(self.journey_count), late=self._begins_late)

    def correlation(self, *, of: Literal["nodes", "links"] = "nodes", min_people: int = 30) -> StepAssociations[Any]:
        """Which steps go with reaching the end?

        Parameters
        ----------
        of : {"nodes", "links"}
            What is compared: being at a node in its column, or going from one to the next.
        min_people : int
            Hide what fewer pass.

        Returns
        -------
        StepAssociations

        Raises
        ------
        ArgumentError
            When the flow has no end.
        """
        from journeys.analyses.correlation.flow_steps import associate_steps

        if self.goal is None:
            raise ArgumentError("correlation: this flow has no end to reach; ask j.flow(end=…).")
        # Those who are not shown are what the others are compared with.
        shown = self if self.spec.who == "all" else ask(self._journeys, self.spec.but(who="all"), settings={})
        before = parts_before(self._journeys, shown.spec, kept=shown.kept, of=of)
        return associate_steps(
            self._journeys,
            before.table,
            everyone=before.everyone,
            reached=before.reached,
            goal=self.goal,
            part=of,
            min_people=min_people,
            settings={**self.settings, "of": of},
        )

    def people(
        self,
        *,
        link: tuple[int, str, str] | None = None,
        node: str | tuple[int, str] | None = None,
        path: Sequence[str] | pl.Series | None = None,
        converted: bool | None = None,
    ) -> Journeys:
        """Select the people behind a part of the picture.

        Parameters
        ----------
        link : (position, source, target), optional
            A row of `table`; drop-offs, continuations and "(other)" too.
        node : str or (position, node), optional
            A node in any column, or a row of `nodes`.
        path : list of str or pl.Series, optional
            A whole path, as `.paths()` has it.
        converted : bool, optional
            Only those who reached the end, or only those who did not.

        Returns
        -------
        Journeys
            Those people with all their events; everybody in the flow when nothing is given.

        Raises
        ------
        UnknownNameError
            When the flow has no such link, node or path.
        ArgumentError
            When more than one is given, or one is not of its shape.
        """
        chosen = choose(self.spec, table=self.table, nodes=self.nodes, kept=self.kept, link=link, node=node, path=path)
        if path is not None and not self._journeys._select_people(people_of, chosen).size.people:
            there = passing(self._journeys, self.spec)["node"]
            raise UnknownNameError(not_travelled(chosen.path, there.sort().to_list()))
        return self._journeys._select_people(people_of, replace(chosen, converted=converted))  # type: ignore[no-any-return]

    def paths(
        self, n: int = 20, *, rank: Literal["people", "best", "worst"] = "people", min_people: int = 30
    ) -> pl.DataFrame:
        """Which whole ways do people take, from the first node to the last, however long?

        Parameters
        ----------
        n : int
            How many paths.
        rank : {"people", "best", "worst"}
            The most travelled; the ways that convert better than all together, best first by the lower end of the
            interval; or those that convert worse, worst first by the upper. There each way is one row.
        min_people : int
            For "best" and "worst": how many must have gone the same way.

        Returns
        -------
        pl.DataFrame
            `path` (List[String]), `people`, `conversion_rate`, `median_time` (Duration, first node to last),
            `share`, `nodes`, `ci_low`, `ci_high`. The rate is that of all who went the same way, the end itself
            aside, whether they are shown or not; it is null in a flow without an end.

        Notes
        -----
        Paths are counted by two 64-bit numbers made of their names, which differ for different paths but for a chance
        of about one in 10²⁰ among a billion paths. Of two paths of equally many people the smaller number is preferred
        where `n` cuts between them.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b", "b"], "timestamp": ["2026-03-01", "2026-03-02"] * 2,
        ...     "event": ["Visit", "Sign up", "Visit", "Sign up"]})
        >>> jn.Journeys.from_table(log).flow().paths(1).select("path", "people").rows()
        [(['Visit', 'Sign up'], 2)]
        """
        return top_paths(self._journeys, self.spec, n=n, rank=rank, min_people=min_people)

    def covering(self, share: float = 0.8) -> tuple[int, int]:
        """How many paths does it take to cover a share of all journeys, and how many paths are there?

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b", "c"], "timestamp": ["2026-03-01"] * 3, "event": ["x", "x", "y"]})
        >>> jn.Journeys.from_table(log).flow().covering(0.6)
        (1, 2)
        """
        return coverage(self._journeys, self.spec, share=share)

    def sequences(self, size: int = 3, *, n: int = 20, min_people: int = 1) -> pl.DataFrame:
        """Which nodes follow directly on each other, anywhere on the way?

        Parameters
        ----------
        size : int
            How many nodes a sequence has, 1 to 8.
        n : int
            How many sequences.
        min_people : int
            In how many journeys a sequence must occur.

        Returns
        -------
        pl.DataFrame
            `sequence` (List[String]), `people` (journeys with it), `times` (how often it occurs),
            `conversion_rate` of all with it and its interval `ci_low`, `ci_high`; most people first.

        Raises
        ------
        ArgumentError
            When `size` is not from 1 to 8, or `n` below 1.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a"] * 4, "timestamp": ["2026-03-01"] * 4, "event": ["x", "y", "x", "y"]})
        >>> jn.Journeys.from_table(log).flow().sequences(2, n=1).select("sequence", "people", "times").rows()
        [(['x', 'y'], 1, 2)]
        """
        return sequences(self._journeys, self.spec, size=size, n=n, min_people=min_people)


def ask(journeys: JourneysProtocol, spec: FlowSpec, *, settings: dict[str, Any]) -> Flow:
    """Count the shards and put the answer together."""
    return make(
        journeys,
        spec,
        journeys._count_shards(count_links, spec.but(alone=len(journeys._log.shards) == 1)),
        settings=settings,
    )


def make(
    journeys: JourneysProtocol,
    spec: FlowSpec,
    counts: pl.DataFrame,
    *,
    settings: dict[str, Any],
    kept: pl.DataFrame | None = None,
    seldom: bool = False,
) -> Flow:
    """Put the answer together from counts; `kept` says which nodes keep their name, else the largest do.

    With `seldom` the tables have links and nodes, too, that none of the journeys shown passes.
    """
    found = summarise_links(counts, spec, kept=kept, seldom=seldom)
    columns: list[list[str]] = [[] for _ in range(spec.steps)]
    for position, node in found.kept.sort("position", "node").rows():
        columns[position].append(node)
    return Flow(
        table=found.links,
        settings=settings,
        _journeys=journeys,
        nodes=found.nodes,
        spec=spec,
        kept=tuple(map(tuple, columns)),
        everyone=found.everyone,
        journey_count=found.journeys,
        reached=found.reached,
    )
