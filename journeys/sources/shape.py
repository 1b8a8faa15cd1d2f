"""One system's columns → the canonical ones. Every reader says what its columns mean and ends here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from journeys.events import CAMPAIGN_COLUMNS, PAGE_COLUMNS, Events, build_events
from journeys.events.core import TRAIT
from journeys.events.issues import ROUNDED
from journeys.events.tidy import tidy_ids
from journeys.sources.campaign import with_campaign
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable

__all__ = ["Shape", "as_id", "as_text", "rounded", "to_events"]

RESERVED = {
    "timestamp",
    "event",
    "source",
    "message_id",
    "group_id",
    "replay_url",
    "person",
    *CAMPAIGN_COLUMNS,
    *PAGE_COLUMNS,
}
# Letters only: systems write `fullStoryUrl`, `fs_session_url`, "FullStory Session URL".
REPLAY = re.compile(
    r"(context)?((fullstory|hotjar|logrocket|clarity|smartlook|mouseflow)(session|recording|replay)*url"
    r"|(mixpanel|posthog|amplitude|heap|sentry|datadog)?(replay|session(replay|recording))url|fssessionurl)"
)
TIME = "_time"

Named = list[tuple[str, pl.Expr]]


@dataclass(slots=True)
class Shape:
    """What the columns of a source mean.

    Attributes
    ----------
    timestamp, event
        Expressions over the raw columns; `timestamp` gives UTC microseconds.
    timed
        Is there a time at all? A time that is there but cannot be read is another reason for quarantine.
    ids
        Identifier type → expression, the most trusted first.
    kind
        Null for an event, else the kind of fact.
    problem
        Why a row cannot be used, else null.
    fields
        Further canonical columns: campaign, page, `message_id`, `group_id`, `replay_url`.
    properties, traits
        What else is kept: of events, of facts.
    hidden
        Columns (named with a leading underscore) from which explicit links are made.
    rounded
        Of identifiers that came as floats, those that are too large to be exact, see `rounded`.
    untidied
        `event` and identifier types, where all that was done to the text that was read is to tidy it → the text.
    """

    timestamp: pl.Expr
    event: pl.Expr
    ids: dict[str, pl.Expr]
    timed: pl.Expr | None = None
    kind: pl.Expr | None = None
    problem: pl.Expr | None = None
    skew: pl.Expr | None = None
    fields: dict[str, pl.Expr] = field(default_factory=dict)
    properties: Named = field(default_factory=list)
    traits: Named = field(default_factory=list)
    hidden: dict[str, pl.Expr] = field(default_factory=dict)
    rounded: list[pl.Expr] = field(default_factory=list)
    untidied: dict[str, pl.Expr] = field(default_factory=dict)


def to_events(
    raw: RawTable,
    shape: Shape,
    *,
    name: str,
    links: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None,
    drop_exact: bool = False,
    notes: Sequence[str] = (),
) -> Events:
    """Select the canonical columns out of raw rows and build Events of them."""
    present = set(raw.schema)
    problem = pl.col(PROBLEM) if PROBLEM in present else pl.lit(None, dtype=pl.String)
    if shape.problem is not None:
        problem = pl.coalesce(problem, shape.problem)
    if shape.timed is not None:
        unread = pl.when(shape.timed & pl.col(TIME).is_null()).then(pl.lit("a time that cannot be read"))
        problem = pl.coalesce(problem, unread)
    columns: dict[str, pl.Expr] = {"timestamp": pl.col(TIME), "event": shape.event}
    columns |= shape.ids
    columns |= shape.fields
    columns["_problem"] = problem
    columns["_place"] = pl.col(PLACE) if PLACE in present else pl.lit(None, dtype=pl.String)
    if RAW in present:
        columns["_raw"] = pl.col(RAW)
    if shape.kind is not None:
        columns["_kind"] = shape.kind
    if shape.skew is not None:
        columns["_skew"] = shape.skew
    columns |= shape.hidden
    columns |= {f"{ROUNDED}{at}": expr for at, expr in enumerate(shape.rounded)}
    _find_replay(shape, columns)
    for key, expr in shape.properties:
        columns[_free(key, columns)] = expr
    for key, expr in shape.traits:
        # Facts have columns of their own, too: a trait called like one of them keeps its value under another name.
        own = key in RESERVED or key == "kind" or key in shape.ids
        columns[_free(TRAIT + (f"trait_{key}" if own else key), columns)] = expr
    # The time is asked for twice, by the column and by the check of it: it is read once.
    timed = raw.rows.with_columns(shape.timestamp.alias(TIME))
    rows = timed.select(expr.alias(key) for key, expr in columns.items())
    untidied = None
    if shape.untidied:
        # a time that cannot be read is no time, so that only other problems have to be told
        told = [pl.col(PROBLEM)] * (PROBLEM in present) + [shape.problem] * (shape.problem is not None)
        as_read = {**columns, **shape.untidied, "_problem": pl.coalesce(told or [None])}
        left_out = {"_place"} if told else {"_place", "_problem"}
        untidied = with_campaign(timed.select(expr.alias(key) for key, expr in as_read.items() if key not in left_out))
    return build_events(
        with_campaign(rows),
        ids=list(shape.ids),
        name=name,
        links=links,
        hold=raw.in_memory,
        drop_exact=drop_exact,
        notes=[*raw.notes, *notes],
        untidied=untidied,
    )


def _find_replay(shape: Shape, columns: dict[str, pl.Expr]) -> None:
    """Carry a session's recording to every timeline, whatever tools recorded it: the columns are known by their names.

    Where there are several, the first that is not empty is the link, and all of them stay properties.
    """
    found = [expr for key, expr in shape.properties if REPLAY.fullmatch(re.sub(r"[^a-z]", "", key.lower()))]
    if not found:
        return
    links = [columns["replay_url"]] if "replay_url" in columns else []
    links += [as_text(expr, pl.Null()) for expr in found]
    columns["replay_url"] = pl.coalesce(links)
    if len(links) == 1:
        shape.properties = [(key, expr) for key, expr in shape.properties if expr is not found[0]]


def _free(key: str, taken: Mapping[str, object]) -> str:
    """Find a name for a property: never that of a canonical column, never one used twice, nothing hidden."""
    name = f"property_{key.lstrip('_')}" if key in RESERVED or key.startswith("_") else key
    if name not in taken:
        return name
    plain = f"property_{name}"
    return (
        plain
        if plain not in taken
        else next(f"{name}_{n}" for n in range(2, len(taken) + 3) if f"{name}_{n}" not in taken)
    )


def as_id(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write an identifier as text: 123, 123.0 and "123" are "123"; blanks around it go, an empty one is null.

    A float of 2^53 or more stands for several whole numbers, each another's identifier: it is none, nor is infinity.
    """
    if dtype.is_float():
        text = pl.when(value == value.floor()).then(value.cast(pl.Int64, strict=False).cast(pl.String))
        return pl.when(value.abs() < _exact(dtype)).then(text.otherwise(value.cast(pl.String)))
    if dtype == pl.String:
        return value.map_batches(tidy_ids, return_dtype=pl.String, is_elementwise=True)
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def rounded(value: pl.Expr, dtype: pl.DataType) -> list[pl.Expr]:
    """Give what a column of floats holds that `as_id` does not take; nothing for other columns."""
    if not dtype.is_float():
        return []
    return [pl.when(value.is_not_nan() & (value.abs() >= _exact(dtype))).then(value.cast(pl.Float64))]


def _exact(dtype: pl.DataType) -> int:
    """Return the number below which floats have a place for each whole one."""
    return 2**24 if dtype == pl.Float32 else 2**53


def as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a value as text, null where it is empty."""
    text = value if dtype == pl.String else value.cast(pl.String)
    return pl.when(text != "").then(text)
