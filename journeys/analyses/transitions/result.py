"""The answer to a question about transitions: the table, the matrix and the graph."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.flow.node_colours import choose_node_colours
from journeys.analyses.flow.spec import DROP_OFF, FlowSpec
from journeys.analyses.flow.text import describe_nodes
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, NoFinding, say_too_few
from journeys.analyses.transitions.summarise import find_most_frequent, lay_matrix
from journeys.errors import ArgumentError, is_number

if TYPE_CHECKING:
    import plotly.graph_objects as go


_DRAWN = 25


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Transitions(JourneysResult[J]):
    """Which events directly follow which?

    Attributes
    ----------
    table : pl.DataFrame
        `source`, `target`, `moves` (how often), `share` (of all that follows the source) and, where times were
        asked for, `median_time` (Duration); most moves first. Journeys that stop go to "(drop-off)".
    """

    _spec: FlowSpec = field(repr=False)
    _people: int = field(repr=False)

    @property
    def finding(self) -> str:
        """The most frequent transition, as one sentence."""
        from journeys.display import format_number, format_percent, quote_label

        top = find_most_frequent(self.table)
        if top is None:
            return NoFinding("No event follows another: every journey has one event.")
        source, target = (quote_label(top[end]) for end in ("source", "target"))
        unit = self._journeys._log.unit
        if (people := self.settings["people"]) < MIN_PEOPLE:
            return say_too_few(people, "with a journey", unit=unit)
        if self._people < MIN_PEOPLE:
            return say_too_few(self._people, f"with the most frequent transition, {source} → {target}", unit=unit)
        times = f"{format_number(top['moves'])} times"
        return f"{target} follows {source} {times}: {format_percent(top['share'])} of what comes after {source}."

    def matrix(self) -> pl.DataFrame:
        """Return the shares as a frame with one row per source and one column per target.

        Returns
        -------
        pl.DataFrame
            `source`, then a Float64 column per target; rows and columns by moves, the largest first; 0 where
            there are none.
        """
        return lay_matrix(self.table)

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the matrix as a heatmap: its 25 largest rows and columns."""
        from journeys.charts.transitions import draw_transitions

        targets = self.table.filter(pl.col("target") != DROP_OFF)["target"]
        return draw_transitions(
            lay_matrix(self.table, most=_DRAWN),
            total=(self.table["source"].n_unique(), targets.n_unique()),
            title=self.finding,
            subtitle=self._definition,
            dark=dark,
            narrow=narrow,
        )

    def plot_graph(self, *, min_share: float = 0.1, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the transitions as a graph.

        Parameters
        ----------
        min_share : float
            Leave out transitions with a smaller share of what follows their source.
        dark, narrow : bool
            For a dark page; for a phone.

        Raises
        ------
        ArgumentError
            When the share is not between 0 and 1.
        """
        from journeys.charts.transitions import draw_graph

        if not is_number(min_share) or not 0 <= min_share <= 1:
            raise ArgumentError(f"min_share: {min_share!r} is not between 0 and 1.")
        colours = choose_node_colours(
            self.table["source"].unique().to_list(),
            nodes=self._spec.nodes,
            ranked=self._journeys._log.ranked,
            goal=None,
            dark=dark,
        )
        return draw_graph(
            self.table,
            min_share=min_share,
            colour_of=colours,
            title=self.finding,
            subtitle=self._definition,
            dark=dark,
            narrow=narrow,
        )

    @property
    def _definition(self) -> str:
        from journeys.display import format_count

        repeats = "repeats next to each other are merged" if self._spec.collapse == "repeats" else "every event counts"
        session = ["inside a session"] if self._spec.count == "sessions" else []
        events = format_count(self.settings["events"], "event")
        parts = ["Share of what follows directly on each event", repeats, *session, *describe_nodes(self._spec.nodes)]
        return "; ".join([*parts, events]) + "."
