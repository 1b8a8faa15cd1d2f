"""The flow: its links, nodes, picture and people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import polars as pl

from journeys.analyses.flow.goal_association import count_passing_before_end
from journeys.analyses.flow.node_colours import choose_node_colours
from journeys.analyses.flow.path_results import PathChart, Paths, Sequences
from journeys.analyses.flow.paths import (
    Rank,
    count_covering,
    count_passing,
    explain_missing_path,
    rank_paths,
    rank_sequences,
)
from journeys.analyses.flow.select_people import check_selection, select_passing
from journeys.analyses.flow.spec import CONTINUES, DROP_OFF, OTHER, FlowSpec, FoldedFlow, quote_reserved
from journeys.analyses.flow.step_matrix import count_steps, lay_steps
from journeys.analyses.flow.summarise import name_counts, rename_to_people
from journeys.analyses.flow.text import UNITS, count_units, label_columns, starts_late, write_definition, write_finding
from journeys.analyses.flow.top_path import Path, find_top_path
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.errors import ArgumentError, UnknownNameError

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.analyses.correlation.flow_steps import StepAssociations


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Flow(JourneysResult[J]):
    """Which paths do people take, column by column?

    Attributes
    ----------
    table : pl.DataFrame
        The links: `position` (0-based column of the source), `source`, `target`, `people` (or sessions or
        entries: what `count` says), `share` (of all in the column), `median_time`, `mean_time` (Duration),
        `share_of_source`, `share_of_start`. With an end also, over all who pass, whether shown or not:
        `passed`, `converted`, `conversion_rate` with its Wilson interval `ci_low`, `ci_high`, and `phi` of passing
        there with reaching the end.
    nodes : pl.DataFrame
        `position`, `node`, `people` = `onward` + `dropped` + `continued` + `reached_here`, `share`,
        `share_of_start`; with an end also the columns of links from `passed` on.
    everyone, journey_count, reached : int
        All journeys, those that are shown, and those of all that reach the end.
    """

    nodes: pl.DataFrame
    everyone: int
    journey_count: int
    reached: int
    _spec: FlowSpec = field(repr=False)
    _kept: tuple[tuple[str, ...], ...] = field(repr=False)
    _found_paths: dict[str, Path | None] = field(default_factory=dict, repr=False, kw_only=True)

    @property
    def goal(self) -> str | None:
        """The name of the end, where there is one."""
        return None if self._spec.end is None else self._spec.end.name

    @property
    def finding(self) -> str:
        """The most important thing to see, as one sentence."""
        return write_finding(
            self._spec,
            everyone=self.everyone,
            shown=self.journey_count,
            reached=self.reached,
            table=self._links,
            nodes=self._nodes,
            top_path=self.most_travelled(),
            person=self._journeys._log.unit,
        )

    @property
    def definition(self) -> str:
        """Who is shown, from where to where."""
        return write_definition(self._spec, units=self._count_units(self.journey_count), late=self._starts_late)

    @property
    def _folded(self) -> FoldedFlow:
        """The flow as it is counted, with the nodes that keep their name."""
        return FoldedFlow(self._spec, self._kept)

    @property
    def _starts_late(self) -> bool:
        return starts_late(self._journeys)

    @property
    def _links(self) -> pl.DataFrame:
        """The table with its counts called people."""
        return rename_to_people(self.table, self._spec.count)

    @property
    def _nodes(self) -> pl.DataFrame:
        """The nodes with their counts called people."""
        return rename_to_people(self.nodes, self._spec.count)

    def _count_units(self, number: int) -> str:
        return count_units(self._spec, number, person=self._journeys._log.unit)

    def plot(
        self,
        *,
        colour: Literal["event", "goal"] = "event",
        width: int | None = None,
        dark: bool = False,
        narrow: bool = False,
    ) -> go.Figure:
        """Draw the Sankey.

        Parameters
        ----------
        colour : {"event", "goal"}
            Whether a colour stands for an event, the same in all charts, or for how passing goes with reaching the end
            (phi of nodes and links): blue where more of those who pass get there, orange where fewer do, grey where
            |phi| is below 0.05 or fewer than 30 pass.
        width : int, optional
            The width in pixels; as wide as the names of the columns need by default.
        dark, narrow : bool
            For a dark page; for a phone, where columns follow each other downwards with their three largest nodes.

        Raises
        ------
        ArgumentError
            When `colour` is neither, or the flow has no end to relate to.
        """
        from journeys.charts.sankey import draw_sankey

        if colour not in ("event", "goal"):
            raise ArgumentError(f"colour: {colour!r} is none of 'event', 'goal'.")
        if colour == "goal" and self.goal is None:
            raise ArgumentError("colour: this flow has no end to relate to; ask j.flow(end=…).")
        subtitle = self.definition
        if colour == "goal":
            subtitle += f" {self._describe_phi()}"
        if (top := self.most_travelled()) is not None:
            subtitle += f" The most-travelled complete path is highlighted: {self._count_units(top.people)}."
        return draw_sankey(
            self._links,
            nodes=self._nodes,
            colour=colour,
            path=() if top is None else top.path,
            begins=0 if top is None else top.begins,
            path_people=None if top is None else top.people,
            title=self.finding,
            subtitle=subtitle,
            width=width,
            narrow=narrow,
            **self._chart_settings(dark=dark),
        )

    def most_travelled(self) -> Path | None:
        """Find the complete path to the end that most take, with its nodes as they are shown.

        Returns
        -------
        Path or None
            `begins` (the column of its first node), `path` (its nodes) and `people` who took all of it; a path without
            "(other)" where there is one. None where the flow has no end, or no journey shown reaches it.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b", "b"], "timestamp": ["2026-03-01", "2026-03-02"] * 2,
        ...     "event": ["Visit", "Buy", "Visit", "Buy"]})
        >>> jn.Journeys.from_table(log).flow(end="Buy").most_travelled()
        Path(begins=0, path=('Visit', 'Buy'), people=2)
        """
        if "top" not in self._found_paths:
            self._found_paths["top"] = find_top_path(self._journeys, self._folded)
        return self._found_paths["top"]

    def _colour_nodes(self, names: pl.Series, *, dark: bool = False) -> dict[str, str] | None:
        """Return the colours of nodes: an event has one colour in all charts, by its rank in the whole log.

        Returns
        -------
        dict of str to str, or None
            A colour by name; None where nodes are values, which have no rank in the log.
        """
        ranked = self._journeys._log.ranked
        return choose_node_colours(
            names.unique().to_list(), nodes=self._spec.nodes, ranked=ranked, goal=self.goal, dark=dark
        )

    def _chart_settings(self, *, dark: bool) -> dict[str, Any]:
        """Return the settings that every Sankey of this flow is drawn with."""
        return {
            "goal": None if self.goal is None else quote_reserved(self.goal),
            "colour_of": self._colour_nodes(self.nodes["node"], dark=dark),
            "headings": label_columns(self._spec, late=self._starts_late),
            "unit": UNITS[self._spec.count],
            "dark": dark,
        }

    def _describe_phi(self) -> str:
        """Write what colours by the goal mean, and the range of phi of what is coloured."""
        from journeys.charts.sankey import ENOUGH, SMALLEST_PHI
        from journeys.display import adapt_words, format_ratio

        goal = quote_reserved(self.goal or "")
        drawn = [
            self.table.filter(~pl.col("target").is_in([DROP_OFF, CONTINUES])),
            self.nodes.filter(pl.col("node") != goal),
        ]
        is_coloured = (pl.col("phi").abs() >= SMALLEST_PHI) & (pl.col("passed") >= ENOUGH)
        phis: list[float] = pl.concat([rows.filter(is_coloured)["phi"] for rows in drawn]).to_list()
        key = adapt_words("Blue: goes with getting there; orange: with not; grey: neither, or fewer than 30 people")
        return f"{key} (phi {format_ratio(min(phis))} to {format_ratio(max(phis))})." if phis else f"{key}."

    def step_matrix(self) -> pl.DataFrame:
        """Return the share of all journeys at each node in each column, as a frame.

        Returns
        -------
        pl.DataFrame
            `node`, then a Float64 column per position ("1", "2", …) with the share of all journeys that are
            there, 0 where none is; most people first. A node that keeps its name in one column of the flow keeps it
            here in all; "(other)" is the rest. "(reached)" adds up those who have arrived at the end by then,
            "(drop-off)" those who have left: counted from the start, each column adds up to 1.
        """
        is_folded = OTHER in self.nodes["node"]
        nodes = count_steps(self._journeys, self._folded) if is_folded else self._nodes
        return lay_steps(nodes, journeys=self.journey_count, steps=self._spec.steps)

    def plot_steps(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the step matrix as a heatmap."""
        from journeys.charts.transitions import draw_steps

        return draw_steps(self.step_matrix(), title=self.finding, subtitle=self.definition, dark=dark, narrow=narrow)

    def plot_paths(
        self,
        n: int = 12,
        *,
        rank: Rank = "people",
        min_people: int = 30,
        dark: bool = False,
        narrow: bool = False,
    ) -> go.Figure:
        """Draw the most travelled whole paths, one line of names each, with how many take them and convert."""
        return self.paths(n, rank=rank, min_people=min_people).plot(dark=dark, narrow=narrow)

    def paths(self, n: int | None = 20, *, rank: Rank = "people", min_people: int = 30) -> Paths[J]:
        """List the whole paths that people take, from the first node to the last, however long.

        Parameters
        ----------
        n : int, optional
            How many paths; None for all.
        rank : {"people", "best", "worst"}
            The most travelled; the routes that convert better than all together, best first by the lower end of the
            interval; or those that convert worse, worst first by the upper. There each route is one row.
        min_people : int
            For "best" and "worst": how many must have taken the same route.

        Returns
        -------
        Paths
            `.table` has `path` (List[String]), `people`, `conversion_rate`, `median_time` (Duration, first node to
            last), `share`, `nodes`, `ci_low`, `ci_high`. The rate is that of all who took the same route, the end
            itself aside, whether they are shown or not; it is null in a flow without an end.

        Notes
        -----
        Paths are counted by two 64-bit hashes of their names; two paths share both with a chance of about one in 10²⁰
        among a billion paths. Of two paths with equally many people the smaller hash is preferred where `n` cuts
        between them.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "a", "b", "b"], "timestamp": ["2026-03-01", "2026-03-02"] * 2,
        ...     "event": ["Visit", "Sign up", "Visit", "Sign up"]})
        >>> jn.Journeys.from_table(log).flow().paths(1).table.select("path", "people").rows()
        [(['Visit', 'Sign up'], 2)]
        """
        table, covering = rank_paths(self._journeys, self._spec, n=n, rank=rank, min_people=min_people)
        settings = {**self.settings, "n": n, "rank": rank}
        table = name_counts(table, self._spec.count)
        return Paths(table, settings, self._journeys, covering, self._path_chart())

    def covering(self, share: float = 0.8) -> tuple[int, int]:
        """Return how many paths cover a share of all journeys, and how many paths there are.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a", "b", "c"], "timestamp": ["2026-03-01"] * 3, "event": ["x", "x", "y"]})
        >>> jn.Journeys.from_table(log).flow().covering(0.6)
        (1, 2)
        """
        return count_covering(self._journeys, self._spec, share=share)

    def sequences(self, size: int = 3, *, n: int | None = 20, min_people: int = 1) -> Sequences[J]:
        """List the nodes that directly follow each other, anywhere in a journey.

        Parameters
        ----------
        size : int
            How many nodes a sequence has, 1 to 8.
        n : int, optional
            How many sequences; None for all.
        min_people : int
            In how many journeys a sequence must occur.

        Returns
        -------
        Sequences
            `.table` has `sequence` (List[String]), `people` (journeys with it), `times` (how often it occurs),
            `conversion_rate` of all with it and its interval `ci_low`, `ci_high`; most people first.

        Raises
        ------
        ArgumentError
            When `size` is not from 1 to 8, or `n` below 1.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> log = pl.DataFrame({"person": ["a"] * 4, "timestamp": ["2026-03-01"] * 4, "event": ["x", "y", "x", "y"]})
        >>> jn.Journeys.from_table(log).flow().sequences(2, n=1).table.select("sequence", "people", "times").rows()
        [(['x', 'y'], 1, 2)]
        """
        table = rank_sequences(self._journeys, self._spec, size=size, n=n, min_people=min_people)
        settings = {**self.settings, "size": size, "n": n, "min_people": min_people}
        table = name_counts(table, self._spec.count)
        return Sequences(table, settings, self._journeys, self._path_chart())

    def _path_chart(self) -> PathChart:
        goal = None if self.goal is None else quote_reserved(self.goal)
        return PathChart(
            goal,
            self._spec.count,
            self.definition,
            self.journey_count,
            lambda names, dark: self._colour_nodes(names, dark=dark),
        )

    def correlation(self, *, of: Literal["nodes", "links"] = "nodes", min_people: int = 30) -> StepAssociations[J]:
        """Measure which steps go with reaching the end.

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
        before = count_passing_before_end(self._journeys, self._folded, of=of)
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
    ) -> J:
        """Select the people behind a part of the picture.

        Parameters
        ----------
        link : (position, source, target), optional
            A row of `table`; drop-offs, continuations and "(other)" too.
        node : str or (position, node), optional
            A node in any column, or a row of `nodes`.
        path : list of str or pl.Series, optional
            A whole path, as in the table of `.paths()`.
        converted : bool, optional
            Only those who reached the end, or only those who did not.

        Returns
        -------
        Journeys
            Those people with all their events; everyone in the flow when nothing is given.

        Raises
        ------
        UnknownNameError
            When the flow has no such link, node or path.
        ArgumentError
            When more than one is given, or one does not have its shape.
        """
        selection = check_selection(
            self._spec, table=self.table, nodes=self.nodes, kept=self._kept, link=link, node=node, path=path,
            converted=converted,
        )  # fmt: skip
        if path is not None:
            anyone = self._journeys._select_people(select_passing, replace(selection, converted=None))
            if not anyone.size.people:
                names = count_passing(self._journeys, self._spec)["node"].sort().to_list()
                raise UnknownNameError(explain_missing_path(selection.path, names))
        return self._journeys._select_people(select_passing, selection)
