"""The question "who left, and where?": check the arguments → find the exits → result."""

from __future__ import annotations

import polars as pl

from journeys.analyses.funnel.counted_funnel import CountedFunnel
from journeys.analyses.funnel.drop_offs import list_drop_offs
from journeys.analyses.funnel.exits.find import find_exits
from journeys.analyses.funnel.exits.result import Exits
from journeys.analyses.funnel.exits.spec import ExitsSpec
from journeys.analyses.name_patterns import Names, list_hidden_events, list_passive_events, parse_patterns
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError

_OWN = (
    "step", "name", "entered_at", "left_at", "state", "next_event", "next_at", "last_event", "last_at", "silent_for",
    "replay_url", "last_campaign", "may_mail",
)  # fmt: skip


def exits(self: CountedFunnel[J], after: int | str | None = None, *, hide: Names | None = None) -> Exits[J]:
    """List who left: where and when, what they did next, which recording shows it, and whether they may be mailed.

    Parameters
    ----------
    after : int or str, optional
        The step after which people left, by number from 1 or by name; every step by default.
    hide : name, pattern or several, optional
        Events that are passed over; "passive" are those that the system did, such as mails received.

    Returns
    -------
    Exits
        `.table`: one row per attempt that the funnel counts and that did not take the last step; as many at each step
        as the funnel's `dropped`. `.people()`, `.to_customerio()`, `.to_hubspot()`.

    Raises
    ------
    UnknownNameError
        When there is no such step, or a pattern of `hide` matches no event.
    ArgumentError
        When nothing follows the step, or `hide` is "passive" and no source says what the system did.

    Notes
    -----
    Other tools count those whose window is not over as dropped off; here their state says so. Who did the last step
    after entering without taking the others in time "went another way" and should not be written to as lost.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "a", "b", "c"], "event": ["A", "B", "A", "A"],
    ...     "timestamp": ["2026-03-01", "2026-03-02", "2026-03-01", "2026-03-02"]})
    >>> x = jn.Journeys.from_table(log).funnel(["A", "B"], within="1d").exits()
    >>> x.table.select("person", "name", "state").rows()
    [('b', 'A', 'left'), ('c', 'A', 'still has time')]
    """
    journeys, spec = self._journeys, self._spec
    row = None if after is None else self._find_step(after, argument="after")
    if row is not None and row == spec.step_count - 1:
        raise ArgumentError(f"after: {after!r} is the last step; who took it has not left.")
    hidden = list_hidden_events(journeys._log, parse_patterns("hide", hide))
    dropped = list_drop_offs(self._counts, spec=spec, row=row)
    found = journeys._count_shards(find_exits, ExitsSpec(spec, dropped, hidden, journeys._until_us))
    identifiers = journeys._identifiers
    ids = [] if identifiers is None else identifiers["id_type"].cast(pl.String).unique().sort().to_list()
    known = [name for name in ids if name in journeys._log.people_schema]
    # found in log order, so by person and entry; to sort by one column twice is several times faster than by all
    by_time = found.select(pl.arg_sort_by("left_at", maintain_order=True)).to_series()
    steps = found["step"].gather(by_time).to_frame()
    table = found[by_time.gather(steps.select(pl.arg_sort_by("step", maintain_order=True)).to_series())]
    names = pl.Series(spec.names, dtype=pl.String).gather(table["step"] - 1)
    table = table.with_columns(name=names).rename({"label": "person"})
    if known:
        ids_of_people = journeys.people.select("person", *known)
        table = table.drop(*known, strict=False).join(ids_of_people, on="person", how="left", maintain_order="left")
    described = {**self.settings, "after": None if row is None else spec.names[row], "hide": hide}
    settings = {name: value for name, value in described.items() if value is not None}
    # only these columns: the times between steps are long lists
    counts = self._counts.select("step", "entered", "people")
    entered = int(counts.filter(pl.col("step") == 1)["entered"].sum())
    at_step = entered if row is None else int(counts.filter(pl.col("step") == row + 1)["people"].sum())
    shown = table.select("person", *known, *_OWN)
    ends_hidden, passive = int(table["ends_hidden"].sum()), tuple(list_passive_events(journeys._log))
    if journeys._log.unit == "account":
        shown = shown.rename({"person": "account"})
    return Exits(shown, settings, journeys, at_step, ends_hidden, table["code"], tuple(known), spec, passive)
