"""The answer of a flow: links, nodes, and the people behind each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.flow.choose import Chosen, people_of
from journeys.analyses.flow.links import count_links
from journeys.analyses.flow.nodes import DROP
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.flow.summary import summarise_links
from journeys.analyses.result import Asked, Result
from journeys.errors import ArgumentError, UnknownNameError, raise_all, unknown

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.journeys import Journeys

__all__ = ["Flow", "ask"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Flow(Result):
    """Which way do they really go? The links between the columns of journeys.

    Attributes
    ----------
    table : pl.DataFrame
        The links: `position` (0-based column of the source), `source`, `target`, `people` (or sessions or
        entries: what `count` says), `share` (of all in the column), `median_time`, `mean_time` (Duration),
        `share_of_source`, `share_of_start`. With an end also, over all who pass whether shown or not:
        `converted`, `conversion_rate` with its Wilson interval `ci_low`, `ci_high`, and `phi` of passing
        there with reaching the end.
    nodes : pl.DataFrame
        `position`, `node`, `people` = `onward` + `dropped` + `continued` + `reached_here`, `share`,
        `share_of_start`; with an end also what links have.
    """

    nodes: pl.DataFrame
    spec: FlowSpec
    kept: tuple[tuple[str, ...], ...]
    journeys: int
    reached: int

    @property
    def goal(self) -> str | None:
        """The name of the end, where there is one."""
        return None if self.spec.end is None else self.spec.end.name

    @property
    def finding(self) -> str:
        """The most important thing to see, as one sentence."""
        from journeys.display import percent

        if self.table.is_empty() and self.nodes.is_empty():
            return f"Nobody did {self.goal}: there is no journey to show." if self.goal else "There are no journeys."
        first = self.nodes.row(0, named=True)
        if self.spec.end is not None and self.spec.who == "all":
            total = self.journeys
            return f"{percent(self.reached / total)} of {total:,} {self._unit(total)} reach {self.goal}."
        if self.spec.end is not None:
            way = "on their way to" if self.spec.who == "converted" else "without reaching"
            return (
                f"{percent(first['share'])} of {self.journeys:,} {self._unit(self.journeys)} {way} {self.goal} "
                f"begin with {first['node']}."
                if self.spec.align == "start"
                else f"{self.journeys:,} {self._unit(self.journeys)} {way} {self.goal}."
            )
        moves = self.table.filter(pl.col("position") == 0)
        top = moves.row(0, named=True)
        what = "stop there" if top["target"] == DROP else f"then go to {top['target']}"
        return (
            f"{percent(top['share'])} of {self.journeys:,} {self._unit(self.journeys)} begin with {top['source']} "
            f"and {what}."
        )

    def _unit(self, count: int) -> str:
        words = {"people": "person", "sessions": "session", "entries": "entry"}
        return words[self.spec.count] if count == 1 else self.spec.count

    def plot(self, *, dark: bool = False) -> go.Figure:
        """Draw the Sankey."""
        from journeys.charts.sankey import draw

        return draw(self.table, goal=self.goal, title=self.finding, subtitle=self.definition, dark=dark)

    @property
    def definition(self) -> str:
        """Who is shown, from where to where."""
        spec = self.spec
        start = "first touch" if spec.start is None else spec.start.name
        to = f" to {self.goal}" if spec.end is not None else " on"
        who = {"all": "all who enter", "converted": "those who get there", "dropped": "those who never get there"}
        return f"From {start}{to}, {who[spec.who]}; n = {self.journeys:,} {self._unit(self.journeys)}."

    def people(
        self,
        *,
        link: tuple[int, str, str] | None = None,
        node: tuple[int, str] | None = None,
        converted: bool | None = None,
    ) -> Journeys:
        """Select the people behind a part of the picture.

        Parameters
        ----------
        link : (position, source, target), optional
            A row of `table`; drop-offs, continuations and "(other)" too.
        node : (position, node), optional
            A row of `nodes`.
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
        """
        if link is not None and node is not None:
            raise ArgumentError("link, node: give one of them.")
        if link is not None:
            rows = self.table.select("position", "source", "target").rows()
            _must_be_in("link", tuple(link), rows)
            chosen = Chosen(self.spec, "link", *link, kept=self.kept, converted=converted)
        elif node is not None:
            _must_be_in("node", tuple(node), self.nodes.select("position", "node").rows())
            chosen = Chosen(self.spec, "node", *node, kept=self.kept, converted=converted)
        else:
            chosen = Chosen(self.spec, "all", converted=converted)
        return self.asked.select(people_of, chosen)


def _must_be_in(argument: str, given: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]) -> None:
    if given not in rows:
        problem = unknown(argument, str(given), available=[str(row) for row in rows], what=argument)
        raise_all([problem], UnknownNameError)


def ask(asked: Asked, spec: FlowSpec, *, settings: dict[str, Any]) -> Flow:
    """Count the shards and put the answer together."""
    found = summarise_links(asked.run(count_links, spec), spec)
    columns: list[list[str]] = [[] for _ in range(spec.steps)]
    for position, node in found.kept.rows():
        columns[position].append(node)
    return Flow(
        table=found.links,
        settings=settings,
        asked=asked,
        nodes=found.nodes,
        spec=spec,
        kept=tuple(map(tuple, columns)),
        journeys=found.journeys,
        reached=found.reached,
    )
