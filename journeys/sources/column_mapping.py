"""What the columns of a source mean: every reader maps its columns to the canonical ones, and ends here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from journeys.events import CAMPAIGN_COLUMNS, PAGE_COLUMNS, Events, build_events
from journeys.events.core import TRAIT
from journeys.events.issues import INEXACT
from journeys.events.normalise import normalise_ids
from journeys.events.times import UNREADABLE, unread_text
from journeys.sources.campaign import add_campaign_columns
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable

__all__ = ["TIME", "ColumnMapping", "Named", "as_id", "as_key", "as_text", "done_by", "inexact_ids", "map_events"]

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
"""The column that holds the parsed time while rows are mapped."""
_UNREAD = "_unread"

Named = list[tuple[str, pl.Expr]]


@dataclass(slots=True)
class ColumnMapping:
    """What the columns of a source mean, as expressions over them.

    Attributes
    ----------
    timestamp, event
        `timestamp` gives UTC microseconds.
    ids
        Identifier type → expression, the most trusted first.
    time_text
        The time as it was before it was read: one that is there but could not be read is a reason for quarantine.
    kind
        Null for an event, else the kind of fact.
    problem
        Why a row cannot be used, else null.
    skew
        How far the device's clock was off.
    fields
        Further canonical columns: campaign, page, `message_id`, `group_id`, `replay_url`.
    properties, traits
        What else is kept: of events, of facts.
    hidden
        Columns (named with a leading underscore) from which explicit links are built.
    inexact
        Of identifiers that came as floats, those that are too large to be exact; see `inexact_ids`.
    is_date_only
        Is the time a date without a time of day?
    as_read
        `event` and identifier types whose text was only normalised → the text as it was read.
    """

    timestamp: pl.Expr
    event: pl.Expr
    ids: dict[str, pl.Expr]
    time_text: pl.Expr | None = None
    kind: pl.Expr | None = None
    problem: pl.Expr | None = None
    skew: pl.Expr | None = None
    fields: dict[str, pl.Expr] = field(default_factory=dict)
    properties: Named = field(default_factory=list)
    traits: Named = field(default_factory=list)
    hidden: dict[str, pl.Expr] = field(default_factory=dict)
    inexact: list[pl.Expr] = field(default_factory=list)
    is_date_only: pl.Expr | None = None
    as_read: dict[str, pl.Expr] = field(default_factory=dict)


def map_events(
    raw: RawTable,
    mapping: ColumnMapping,
    *,
    name: str,
    links: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None,
    drop_exact: bool = False,
    notes: Sequence[str] = (),
) -> Events:
    """Select the canonical columns out of raw rows and build Events of them."""
    present = set(raw.schema)
    # The time is asked for several times, by the column and by the checks of it: it is parsed once.
    timed = raw.rows.with_columns(mapping.timestamp.alias(TIME))
    problem = pl.col(PROBLEM) if PROBLEM in present else pl.lit(None, dtype=pl.String)
    text = pl.col(RAW) if RAW in present else pl.lit(None, dtype=pl.String)
    if mapping.problem is not None:
        problem = pl.coalesce(problem, mapping.problem)
    if mapping.time_text is not None:
        timed = timed.with_columns(unread_text(mapping.time_text, pl.col(TIME)).alias(_UNREAD))
        problem = pl.coalesce(problem, pl.when(pl.col(_UNREAD).is_not_null()).then(pl.lit(UNREADABLE)))
        text = pl.coalesce(text, pl.col(_UNREAD))
    columns: dict[str, pl.Expr] = {"timestamp": pl.col(TIME), "event": mapping.event}
    columns |= mapping.ids | mapping.fields
    columns["_problem"] = problem
    columns["_place"] = pl.col(PLACE) if PLACE in present else pl.lit(None, dtype=pl.String)
    columns["_raw"] = text
    optional = {"_kind": mapping.kind, "_skew": mapping.skew, "_date_only": mapping.is_date_only}
    columns |= {key: expr for key, expr in optional.items() if expr is not None}
    columns |= mapping.hidden
    columns |= {f"{INEXACT}{place}": expr for place, expr in enumerate(mapping.inexact)}
    _add_replay_url(mapping, columns)
    for key, expr in mapping.properties:
        columns[_free_name(key, columns)] = expr
    for key, expr in mapping.traits:
        # Facts have columns of their own, too: a trait called like one of them keeps its value under another name.
        is_taken = key in RESERVED or key == "kind" or key in mapping.ids
        columns[_free_name(TRAIT + (f"trait_{key}" if is_taken else key), columns)] = expr
    as_read = None
    if mapping.as_read:
        # A time that cannot be read is null, so that only other problems have to be listed.
        stated = [pl.col(PROBLEM)] * (PROBLEM in present) + [mapping.problem] * (mapping.problem is not None)
        texts = {**columns, **mapping.as_read, "_problem": pl.coalesce(stated or [None])}
        left_out = {"_place", "_raw"} if stated else {"_place", "_raw", "_problem"}
        rows = timed.select(expr.alias(key) for key, expr in texts.items() if key not in left_out)
        as_read = add_campaign_columns(rows)
    return build_events(
        add_campaign_columns(timed.select(expr.alias(key) for key, expr in columns.items())),
        ids=list(mapping.ids),
        name=name,
        links=links,
        hold=raw.in_memory,
        drop_exact=drop_exact,
        notes=[*raw.notes, *notes],
        as_read=as_read,
    )


def _add_replay_url(mapping: ColumnMapping, columns: dict[str, pl.Expr]) -> None:
    """Find links to session recordings by the names of properties, whatever tool recorded them.

    Where there are several, the first that is not empty is the link, and all of them stay properties.
    """
    found = [expr for key, expr in mapping.properties if REPLAY.fullmatch(re.sub(r"[^a-z]", "", key.lower()))]
    if not found:
        return
    links = [columns["replay_url"]] if "replay_url" in columns else []
    links += [as_text(expr, pl.Null()) for expr in found]
    columns["replay_url"] = pl.coalesce(links)
    if len(links) == 1:
        mapping.properties = [(key, expr) for key, expr in mapping.properties if expr is not found[0]]


def _free_name(key: str, taken: Mapping[str, object]) -> str:
    """Find a name for a property that no canonical column, no other property and no hidden column has."""
    name = f"property_{key.lstrip('_')}" if key in RESERVED or key.startswith("_") else key
    candidates = [name, f"property_{name}", *(f"{name}_{n}" for n in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def as_id(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write an identifier as text: 123, 123.0 and "123" are "123"; blank text is null.

    A float of 2^53 or more stands for several whole numbers, which may be the identifiers of others: it is null.
    """
    if dtype.is_float():
        return pl.when(value.abs() < _exact_limit(dtype)).then(as_key(value, dtype))
    return as_key(value, dtype)


def as_key(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a value as text that depends on the value alone and not on the type of its column; blank text is null.

    Examples
    --------
    >>> table = pl.DataFrame({"whole": [1719835200], "float": [1719835200.0], "text": [" 1719835200 "]})
    >>> table.select(as_key(pl.col(name), dtype) for name, dtype in table.schema.items()).row(0)
    ('1719835200', '1719835200', '1719835200')
    """
    if dtype.is_float():
        whole = pl.when(value == value.floor()).then(value.cast(pl.Int64, strict=False).cast(pl.String))
        return pl.coalesce(whole, value.cast(pl.String))
    if isinstance(dtype, pl.Decimal) and dtype.scale:
        return as_key(value.cast(pl.String).str.replace(r"\.?0+$", ""), pl.String())
    if dtype == pl.String:
        return value.map_batches(normalise_ids, return_dtype=pl.String, is_elementwise=True)
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def done_by(is_person: pl.Expr) -> pl.Expr:
    """Say of each event whether the person did it or the system, such as a delivery or a stage that a CRM sets."""
    return pl.when(is_person).then(pl.lit("person")).otherwise(pl.lit("system"))


def inexact_ids(value: pl.Expr, dtype: pl.DataType) -> list[pl.Expr]:
    """Give the identifiers of a column of floats that `as_id` leaves out; nothing for other columns."""
    if not dtype.is_float():
        return []
    return [pl.when(value.is_not_nan() & (value.abs() >= _exact_limit(dtype))).then(value.cast(pl.Float64))]


def _exact_limit(dtype: pl.DataType) -> int:
    """Return the number below which floats hold every whole number."""
    return 2**24 if dtype == pl.Float32 else 2**53


def as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a value as text, null where it is empty."""
    text = value if dtype == pl.String else value.cast(pl.String)
    return pl.when(text != "").then(text)
