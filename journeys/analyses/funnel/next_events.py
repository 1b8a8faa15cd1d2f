"""What people did next after the last step that their attempt reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from journeys.analyses.funnel.counted_funnel import CountedFunnel
from journeys.analyses.funnel.drop_offs import list_drop_offs, locate_drop_offs
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import fold_small_groups, label_groups, sort_groups
from journeys.analyses.name_patterns import Names, list_hidden_events, list_passive_events, parse_patterns
from journeys.analyses.protocol import J
from journeys.analyses.result import JourneysResult
from journeys.analyses.sample_size import MIN_PEOPLE, say_too_few
from journeys.errors import describe_wrong_number, raise_all
from journeys.log import View

if TYPE_CHECKING:
    import plotly.graph_objects as go


NOTHING = "(nothing more)"
_MOST_EVENTS = 1_000


@dataclass(frozen=True, eq=False)
class NextEventsSpec:
    """The first events after the last step reached, of those whom the funnel dropped there; hidden ones aside."""

    spec: FunnelSpec
    dropped: pl.DataFrame
    events: int
    hidden: tuple[str, ...] = ()


def count_next_events(view: View, asked: NextEventsSpec) -> pl.DataFrame:
    """Count the events at each position after the drop-off; position 0 has those whose very next event is hidden."""
    spec = asked.spec
    attempts, _ = locate_drop_offs(view, asked.dropped, spec=spec, codes=view.bound_people().code)
    last = attempts.group_by(pl.col("_person").cast(pl.UInt32), *spec.by).agg(pl.col("_end").max().alias("_last"))
    events = view.events.select(pl.col("person").alias("_person"), pl.col("event").cast(pl.String))
    is_hidden = pl.col("event").is_in(asked.hidden)
    shown = (~is_hidden).cum_sum().over("_person", *spec.by).cast(pl.Int64)
    is_very_next = pl.int_range(pl.len()).over("_person", *spec.by) == 0
    after = (
        events.with_row_index("_row")
        .filter(pl.col("_person").is_in(last["_person"].unique().implode()))
        .join(last.lazy(), on="_person", how="inner")
        .filter(pl.col("_row").cast(pl.Int64) > pl.col("_last"))
        .sort("_person", *spec.by, "_row")
        .with_columns(position=shown, _is_hidden=is_hidden, _is_next=is_very_next)
        .filter(pl.when("_is_hidden").then("_is_next").otherwise(pl.col("position") <= asked.events))
        .with_columns(position=pl.when("_is_hidden").then(0).otherwise("position"))
        .collect()
    )
    done = after.group_by(*spec.by, "position", "event").agg(pl.len().cast(pl.Int64).alias("people"))
    # who has no event at a position has done nothing more: the event is null
    size = last.group_by(spec.by).agg(pl.len().alias("size")) if spec.by else pl.DataFrame({"size": [last.height]})
    positions = pl.DataFrame({"position": pl.Series(range(1, asked.events + 1), dtype=pl.Int64)})
    seen = done.filter(pl.col("position") > 0).group_by(*spec.by, "position").agg(pl.col("people").sum().alias("seen"))
    nothing = (
        size.join(positions, how="cross")
        .join(seen, on=[*spec.by, "position"], how="left", nulls_equal=True)
        .with_columns(people=pl.col("size").cast(pl.Int64) - pl.col("seen").fill_null(0))
        .with_columns(event=pl.lit(None, dtype=pl.String))
    )
    columns = [*spec.by, "position", "event", "people"]
    return pl.concat([done.select(columns), nothing.select(columns)])


def summarise_next_events(counts: pl.DataFrame, *, listed: pl.DataFrame | None, spec: FunnelSpec) -> pl.DataFrame:
    """Add up, with the share of all who dropped off (in the group)."""
    keys = [*spec.by, "_is_other"] if spec.by else []
    shown = counts.filter(pl.col("position") > 0)
    table = shown if listed is None else fold_small_groups(shown, listed)
    summed = table.group_by(*keys, "position", "event").agg(pl.col("people").sum()).filter(pl.col("people") > 0)
    event = pl.col("event")
    is_label = event.str.strip_chars('"') == NOTHING
    labelled = pl.when(is_label).then('"' + event + '"').otherwise(event).fill_null(NOTHING)
    shares = summed.with_columns(
        labelled.alias("event"),
        share=pl.col("people") / pl.col("people").sum().over(*keys, "position"),
        entered=pl.col("people").filter(position=1).sum().over(keys) if keys else pl.lit(0),
        step=pl.lit(0),
    )
    ordered = shares.sort("position", "people", "event", descending=[False, True, False])
    if spec.by:
        ranks = sort_groups(shares.select(*keys, "entered", "step").unique(), spec=spec).with_row_index("_rank")
        ordered = ordered.join(ranks.select(*keys, "_rank"), on=keys, how="left", nulls_equal=True).sort(
            "_rank", "position", "people", "event", descending=[False, False, True, False]
        )
    return label_groups(ordered, spec=spec).select(*spec.by, "position", "event", "people", "share")


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class NextEvents(JourneysResult[J]):
    """What those who got no further did next.

    Attributes
    ----------
    table : pl.DataFrame
        The columns of `by`, `position` (1: the very next event), `event`, `people` (Int64), `share` of all who dropped
        off there. "(nothing more)" are those without a further event that is shown.
    hidden : int
        Those whose very next event is hidden.
    """

    hidden: int = 0
    _passive: tuple[str, ...] = field(default=(), repr=False)

    @property
    def finding(self) -> str:
        """The most frequent next event, as one sentence."""
        from journeys.display import adapt_words, format_count, format_percent, quote_labels, quote_name

        after, first = quote_name(self.settings["after"]), self.table.filter(pl.col("position") == 1)
        if not first.height:
            return f"{adapt_words('No one')} dropped off after {after}."
        # what the system did was nobody's choice
        chosen = first.filter(~pl.col("event").is_in(self._passive))
        row = (chosen if chosen.height else first).row(0, named=True)
        dropped = min(round(row["people"] / row["share"]), self.settings["people"])
        group = quote_labels((row[name] for name in self.settings["by"] or ()), between=" · ")
        if dropped < MIN_PEOPLE:
            return say_too_few(dropped, f"dropped off after {after}{f', of {group}' * bool(group)}")
        did = "nothing more" if row["event"] == NOTHING else f"{quote_name(row['event'])} next"
        done = f"{format_percent(row['share'])} of those who dropped off did {did}"
        note = f" For {format_count(self.hidden, 'person')}, the very next event is hidden." if self.hidden else ""
        return f"After {after}, {done}{f', of {group}' if group else ''}.{note}"

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the shares at the first position as bars; of the largest group, where there are groups."""
        from journeys.charts.bars import draw_next_events

        table, groups = self.table, self.settings["by"]
        if groups and table.height:
            table = table.join(table.head(1).select(groups), on=groups, how="semi", maintain_order="left")
        return draw_next_events(
            table, title=self.finding, subtitle="share of those who dropped off", dark=dark, narrow=narrow
        )


def next_after_drop(
    self: CountedFunnel[J], n: int = 1, *, after: int | str = 1, hide: Names | None = None
) -> NextEvents[J]:
    """Count what those who got no further than a step did next; with `by=`, in each group.

    Parameters
    ----------
    n : int
        How many events after the step are looked at.
    after : int or str
        The step, by number from 1 or by name.
    hide : name, pattern or several, optional
        Events that are passed over; "passive" are those that the system did, such as mails received.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b"], "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01"],
    ...     "event": ["A", "Help", "B"]})
    >>> jn.Journeys.from_table(log).funnel(["A", "B"]).next_after_drop().table.rows()
    [(1, 'Help', 1, 1.0)]
    """
    raise_all(describe_wrong_number("n", n, most=_MOST_EVENTS))
    row = self._find_step(after, argument="after")
    hidden = list_hidden_events(self._journeys._log, parse_patterns("hide", hide))
    dropped = list_drop_offs(self._counts, spec=self._spec, row=row)
    counts = self._journeys._count_shards(count_next_events, NextEventsSpec(self._spec, dropped, n, hidden))
    settings = {**self.settings, "after": self._spec.names[row], "hide": hide, "by": self._spec.by or None}
    table = summarise_next_events(counts, listed=self._listed, spec=self._spec)
    next_hidden = int(counts.filter(pl.col("position") == 0)["people"].sum())
    passive = tuple(list_passive_events(self._journeys._log))
    return NextEvents(table, settings, self._journeys, next_hidden, passive)
