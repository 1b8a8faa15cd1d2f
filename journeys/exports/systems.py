"""Audiences in the shapes that Customer.io, HubSpot and Segment take in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import ArgumentError
from journeys.exports.audience import Written, audience, plain_row, write_lines
from journeys.exports.places import place_for
from journeys.exports.safe import finite, flat, free_names, harmless, runs

__all__ = ["to_customerio", "to_hubspot", "to_segment"]

Extra = pl.DataFrame | Iterable[pl.DataFrame]
OWN = ("person",)


def to_customerio(
    journeys: Any, *, path: str | Path, traits: Sequence[str] | None = None, extra: Extra = ()
) -> Written:
    """Write people for Customer.io: a CSV to import, or NDJSON of its identify calls, by the ending.

    Parameters
    ----------
    journeys
        Any `Journeys`.
    path
        ".csv" (columns `id`, `email`, `cio_id`, traits; times in Unix seconds, which Customer.io segments by) or
        ".ndjson" (`{"type": "person", "action": "identify", "identifiers": …, "attributes": …}`).
    traits, extra
        As in `to_people`.

    Returns
    -------
    Written
        People whom Customer.io cannot know (no `user_id`, `email` or `customerio_id`) are left out and counted; so are,
        of a CSV, those with an id that a spreadsheet would run as a formula, such as "-NxYz": a changed id is nobody's.

    Raises
    ------
    ArgumentError
        Another ending, or a folder that is not there.
    """
    place = place_for(path, endings=[".csv", ".ndjson", ".jsonl"])
    table, ids = audience(journeys, traits=traits, extra=extra)
    names = {"user_id": "id", "email": "email", "customerio_id": "cio_id"}
    known, left = _known(table, [kind for kind in names if kind in ids])
    seconds = [name for name, dtype in known.schema.items() if isinstance(dtype, pl.Datetime)]
    known = finite(flat(known.with_columns(pl.col(name).dt.epoch("s") for name in seconds)))
    kinds = {kind: system for kind, system in names.items() if kind in ids}
    rest = [name for name in known.columns if name not in (*OWN, *ids)]
    reason = "neither user_id nor email nor customerio_id"
    if place.suffix.lower() == ".csv":
        known, left, reason = _safely_known(known, list(kinds), left, reason, instead="; an .ndjson file has them")
        named = [pl.col(kind).alias(system) for kind, system in kinds.items()]
        harmless(known.select(*named, *_apart(rest, kinds.values()))).write_csv(place)
    else:
        write_lines(place, (_identify(row, kinds, rest) for row in known.iter_rows(named=True)))
    return Written(place, known.height, left, reason)


def to_hubspot(journeys: Any, *, path: str | Path, traits: Sequence[str] | None = None, extra: Extra = ()) -> Written:
    """Write people for HubSpot's import of contacts: a CSV with "Email", "Record ID" and traits.

    Times are days (YYYY-MM-DD, in UTC), which is what HubSpot's date properties take. People without `email` and
    `hubspot_id` are left out and counted, and so are those with one that a spreadsheet would run as a formula: HubSpot
    would not know a changed one. Parameters as in `to_people`; only ".csv" is written.
    """
    place = place_for(path, endings=[".csv"])
    table, ids = audience(journeys, traits=traits, extra=extra)
    names = {kind: title for kind, title in (("email", "Email"), ("hubspot_id", "Record ID")) if kind in ids}
    known, left = _known(table, list(names))
    known, left, reason = _safely_known(finite(flat(known)), list(names), left, "neither email nor hubspot_id")
    days = [name for name, dtype in known.schema.items() if isinstance(dtype, pl.Datetime)]
    known = known.with_columns(pl.col(name).dt.date() for name in days)
    rest = [name for name in known.columns if name not in (*OWN, *ids)]
    named = [pl.col(kind).alias(title) for kind, title in names.items()]
    harmless(known.select(*named, *_apart(rest, names.values()))).write_csv(place)
    return Written(place, known.height, left, reason)


def to_segment(
    journeys: Any,
    *,
    path: str | Path,
    call: str = "identify",
    event: str | None = None,
    at: datetime | None = None,
    traits: Sequence[str] | None = None,
    extra: Extra = (),
) -> Written:
    """Write people as calls of Segment's spec, one a line: identify with traits, or track of an event for each.

    Parameters
    ----------
    journeys
        Any `Journeys`.
    path
        An NDJSON file.
    call
        "identify" (traits) or "track" (the traits become properties of `event`, such as "Entered Audience").
    event
        The name of the event to track.
    at
        The time of the calls (in UTC, where it names no zone); now, when not given.
    traits, extra
        As in `to_people`.

    Returns
    -------
    Written
        People with neither `user_id` nor `anonymous_id` are left out and counted. A call's `messageId` is made of what
        it says: the same call sent twice is one call.

    Raises
    ------
    ArgumentError
        Another call, a track call without an event, another ending, or an `at` that is no time.
    """
    if call not in ("identify", "track"):
        raise ArgumentError(f"call: {call!r} is neither 'identify' nor 'track'")
    if call == "track" and not event:
        raise ArgumentError("event: a track call needs the name of an event, such as 'Entered Audience'")
    if at is not None and not isinstance(at, datetime):
        raise ArgumentError(f"at: {at!r} is no datetime; give one such as datetime(2026, 3, 1, tzinfo=UTC)")
    place = place_for(path, endings=[".ndjson", ".jsonl", ".json"])
    table, ids = audience(journeys, traits=traits, extra=extra)
    kinds = {kind: name for kind, name in (("user_id", "userId"), ("anonymous_id", "anonymousId")) if kind in ids}
    known, left = _known(table, list(kinds))
    known = flat(known)
    rest = [name for name in known.columns if name not in (*OWN, *kinds)]
    when = at or datetime.now(UTC)
    when = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    moment = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def said(row: dict[str, Any]) -> dict[str, Any]:
        who = {name: row[kind] for kind, name in kinds.items() if row[kind] is not None}
        what = plain_row({name: row[name] for name in rest})
        body: dict[str, Any] = {"type": call, **who}
        body |= {"event": event, "properties": what} if call == "track" else {"traits": what}
        digest = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()[:32]
        return body | {"messageId": f"journeys-{digest}", "timestamp": moment}

    write_lines(place, (said(row) for row in known.iter_rows(named=True)))
    return Written(place, known.height, left, "neither user_id nor anonymous_id")


def _known(table: pl.DataFrame, kinds: Sequence[str]) -> tuple[pl.DataFrame, int]:
    if not kinds:
        return table.clear(), table.height
    known = table.filter(pl.any_horizontal(pl.col(kind).is_not_null() for kind in kinds))
    return known, table.height - known.height


def _safely_known(
    known: pl.DataFrame, kinds: Sequence[str], left: int, reason: str, *, instead: str = ""
) -> tuple[pl.DataFrame, int, str]:
    """Leave out who has an id that has to be changed before a spreadsheet may see it: as another, it is nobody's."""
    formula = runs(known, kinds)
    if not (count := int(formula.sum())):
        return known, left, reason
    first = next(one[0] for kind in kinds if len(one := known.filter(runs(known, [kind]))[kind]))
    said = f"an id that a spreadsheet would run as a formula, such as {first!r}{instead}"
    return known.filter(~formula), left + count, f"{left} with {reason}, {count} with {said}" if left else said


def _apart(names: Sequence[str], taken: Iterable[str]) -> list[pl.Expr]:
    """Keep a trait that is called like one of the system's own columns, under another name."""
    own = {name.lower() for name in taken}
    apart = [f"trait_{name}" if name.lower() in own else name for name in names]
    return [pl.col(name).alias(free) for name, free in zip(names, free_names(apart), strict=True)]


def _identify(row: dict[str, Any], kinds: dict[str, str], rest: Sequence[str]) -> dict[str, Any]:
    who = {system: row[kind] for kind, system in kinds.items() if row[kind] is not None}
    return {
        "type": "person",
        "action": "identify",
        "identifiers": who,
        "attributes": plain_row({name: row[name] for name in rest}),
    }
