"""The question "which events are there, and do they still arrive?": count, compare, describe."""

from __future__ import annotations

import polars as pl

from journeys.analyses.dictionary.count import count_days, count_people, count_values
from journeys.analyses.dictionary.result import Dictionary
from journeys.analyses.dictionary.spec import BEFORE, RECENT, Declarations, DictionarySpec
from journeys.analyses.dictionary.summarise import summarise_events, summarise_properties
from journeys.analyses.protocol import J
from journeys.errors import ArgumentError
from journeys.naming import check

_NOT_PROPERTIES = ("person", "timestamp", "event", "source")


def dictionary(journeys: J, definitions: Declarations | None = None) -> Dictionary[J]:
    """List the events with their numbers, properties and meaning, and say which have changed.

    Parameters
    ----------
    definitions : Definitions, optional
        What `jn.definitions(...)` returns: the events that are declared, what they mean and who owns them.

    Returns
    -------
    Dictionary
        `.table`: `event`, `rows`, `people`, `share_of_people`, `first_seen`, `last_seen`, `days_with` (UTC days),
        `sources`, `properties`, `means`, `owner`, `problems` (of the name, see `jn.naming.check`), `state`.
        `.properties`: the filled share and examples of each property. `.days`: rows per day.

    Raises
    ------
    ArgumentError
        When `definitions` has no declared events.

    Notes
    -----
    `state` is "declared, never seen", "undeclared" (where any events are declared), "new" (first seen in the last 7
    days of the log), "gone" or "fewer" (in the last 7 days, against the 28 days before), else "as before". Gone and
    fewer are found by the exact test of two Poisson rates (Przyborowski & Wilenski 1940, Biometrika 31, 313–323), for
    events with at least 30 rows in these 35 days and q ≤ 0.05 (Benjamini and Hochberg). The test takes rows as
    independent: for events that one person does hundreds of times in a row it finds differences too easily.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-01"] * 2, "event": ["Signed Up"] * 2})
    >>> j = jn.Journeys.from_table(log)
    >>> j.dictionary().table.select("event", "rows", "people", "state").rows()
    [('Signed Up', 2, 2, 'as before')]
    """
    if definitions is not None and not hasattr(definitions, "events"):
        raise ArgumentError(f"definitions: expected what jn.definitions(...) returns, got {definitions!r}.")
    until = journeys.until
    recent = None if until is None else until - RECENT
    columns = journeys._log.schema
    spec = DictionarySpec(
        tuple(name for name, dtype in columns.items() if name not in _NOT_PROPERTIES and not dtype.is_nested()),
        recent,
        None if recent is None else recent - BEFORE,
    )
    days = journeys._count_shards(count_days, spec)
    declared = None if definitions is None else definitions.events
    people = journeys._count_shards(count_people, None)
    table = summarise_events(people, days, declared=declared, size=journeys.size, spec=spec)
    properties = summarise_properties(journeys._count_shards(count_values, spec), table)
    named = properties.group_by("event", maintain_order=True).agg(pl.col("property").alias("properties"))
    wrong = check(table["event"].to_list()).table.select("event", "problems")
    table = table.join(named, on="event", how="left", maintain_order="left").join(
        wrong, on="event", how="left", maintain_order="left"
    )
    table = table.with_columns(pl.col("properties", "problems").fill_null([])).select(
        *("event", "rows", "people", "share_of_people", "first_seen", "last_seen", "days_with", "sources"),
        *("properties", "means", "owner", "problems", "state"),
    )
    per_day = days.group_by(pl.col("event").cast(pl.String), "day").agg(pl.col("rows").sum()).sort("event", "day")
    return Dictionary(table, journeys._make_settings(), journeys, properties, per_day)
