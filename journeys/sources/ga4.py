"""Google Analytics 4 as exported to BigQuery: `read_ga4`."""

from __future__ import annotations

import polars as pl

from journeys.events import Events
from journeys.sources.campaign import CLICKED
from journeys.sources.fields import Fields
from journeys.sources.keyed import keyed_lists
from journeys.sources.looks import wrong_system
from journeys.sources.reading import RawTable, Source, load_source
from journeys.sources.shape import Shape, to_events

__all__ = ["read_ga4"]

NEEDED = ("event_timestamp", "event_name", "user_pseudo_id")
# Together they tell one event from another; a batch has the same time for all that it brings.
KEY = ("event_name", "event_timestamp", "user_pseudo_id", "event_bundle_sequence_id")
BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
CAMPAIGN = {
    "campaign": "campaign_name",
    "campaign_source": "source",
    "campaign_medium": "medium",
    "campaign_term": "term",
    "campaign_content": "content",
}
LISTS = {"event_params": "", "user_properties": "user_"}
# Rows up to this number are put in order in memory.
SORTED = 2_000_000


def read_ga4(source: Source, *, name: str = "ga4") -> Events:
    """Read the events that Google Analytics 4 exports to BigQuery, as Parquet or NDJSON.

    Parameters
    ----------
    source
        Exports of the tables `events_YYYYMMDD`: files, a glob, a folder, a frame or an Arrow table.
    name
        What to write into the column `source`.

    Returns
    -------
    Events
        Names as GA4 has them ("page_view", "sign_up"). Each key of `event_params` is a property, each of
        `user_properties` one with the prefix `user_`. Campaign columns are those of `collected_traffic_source` (this
        event's) where it says anything, else of the event's parameters; `traffic_source` (the person's first touch)
        stays in the properties.
        Identifiers: `user_id`, `user_pseudo_id`.

    Raises
    ------
    SourceError
        The file of another system, or times that are no microseconds.

    Notes
    -----
    Time is `event_timestamp` in microseconds, UTC; `event_date` is a day in the property's own zone and is kept as it
    is. A batch has one time for all that it brings: the batch's page, its number and the place in it tell the order
    (beyond two million rows they have to come in order; if they do not, the issues say so). Duplicates are rows with
    the same name, time, cookie and place in their batch; rows that lack a place are no duplicates. Source: Google's
    documentation of the BigQuery export schema.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_timestamp": [1772530000000000], "event_name": ["page_view"],
    ...     "user_pseudo_id": ["7.8"], "event_params": [[
    ...         {"key": "page_location", "value": {"string_value": "https://x.example/?utm_source=news"}}]]})
    >>> read_ga4(rows).table.select("event", "user_pseudo_id", "campaign_source").collect().rows()
    [('page_view', '7.8', 'news')]
    """
    raw = load_source(source, text_columns=("user_pseudo_id", "user_id"))
    schema = raw.schema
    missing = [column for column in NEEDED if column not in schema]
    if missing:
        raise wrong_system("Google Analytics 4", raw, missing=missing)
    raw = keyed_lists(
        _in_order(raw, in_memory=raw.in_memory or isinstance(source, pl.DataFrame)),
        {c: f"_{c}" for c in LISTS if c in schema},
    )
    f = Fields(raw.schema)
    params = Fields(pl.Schema({k: v for k, v in raw.schema.items() if k == "_event_params"}), hidden=True)
    own = "_event_params."
    place = [column for column in BATCH if column in schema]
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.epoch(raw, "event_timestamp", unit="us"),
        timed=f.text("event_timestamp").is_not_null(),
        event=f.text("event_name"),
        ids={"user_id": f.id("user_id"), "user_pseudo_id": f.id("user_pseudo_id")},
        problem=f.problem,
        fields={
            **_campaign(f, params),
            "page_url": params.text(f"{own}page_location"),
            "page_title": params.text(f"{own}page_title"),
            "page_referrer": params.text(f"{own}page_referrer"),
        },
    )
    shape.fields["page_path"] = shape.fields["page_url"].str.extract(r"^[a-z]+://[^/?#]+([^?#]*)", 1)
    # asked for beside the others: the ids of clicks stay properties
    clicked = Fields(raw.schema).text("collected_traffic_source.gclid", "collected_traffic_source.dclid")
    shape.fields[CLICKED] = pl.when(clicked.is_not_null()).then(pl.lit("gclid=1"))
    if BATCH[-1] in place:
        key = [f.text(column).fill_null("") for column in KEY if column in schema] + [f.text(one) for one in place]
        placed = pl.all_horizontal(f.text(one).is_not_null() for one in place)
        shape.fields["message_id"] = pl.when(placed).then(pl.concat_str(key, separator="/"))
    f.used |= {("event_timestamp",), ("user_pseudo_id",), ("event_name",)}
    shape.properties = params.rest("_event_params")
    if "_user_properties" in raw.schema:
        users = Fields(pl.Schema({"_user_properties": raw.schema["_user_properties"]}), hidden=True)
        shape.properties += users.rest("_user_properties", prefix="user_")
    shape.properties += f.rest(skip=list(LISTS))
    return to_events(raw, shape, name=name)


def _campaign(f: Fields, params: Fields) -> dict[str, pl.Expr]:
    """Take the campaign of one origin whole: where the event's traffic source says anything, its parameters do not."""
    traffic = {canonical: f.text(f"collected_traffic_source.manual_{one}") for canonical, one in CAMPAIGN.items()}
    said = pl.any_horizontal(one.is_not_null() for one in traffic.values())
    told = {canonical: params.text(f"_event_params.{canonical.removeprefix('campaign_')}") for canonical in CAMPAIGN}
    return {canonical: pl.when(said).then(one).otherwise(told[canonical]) for canonical, one in traffic.items()}


def _in_order(raw: RawTable, *, in_memory: bool) -> RawTable:
    """Put rows of one time in the order of their batches, if they are not: a table has them in any order."""
    f = Fields(raw.schema)
    keys = [column for column in ("event_timestamp", *BATCH) if f.has(column)]
    if not f.has(*BATCH):
        return raw
    numbers = [(f.raw(key) if f.dtype(key).is_integer() else f.text(key)).cast(pl.Int64, strict=False) for key in keys]
    falls, same = pl.lit(value=False), pl.lit(value=True)
    for number in numbers:
        falls |= same & (number < number.shift())
        same &= number == number.shift()
    disorder, count = raw.rows.select(falls.any(), pl.len()).collect().row(0)
    if not disorder:
        return raw
    if count > SORTED and not in_memory:
        said = f"{count:,} rows are too many to put equal times in the order of their batches: order the export by "
        return RawTable(raw.rows, raw.name, (*raw.notes, said + ", ".join(keys)))
    rows = raw.rows.sort(numbers, nulls_last=True, maintain_order=True)
    return RawTable(rows.collect().lazy() if in_memory else rows, raw.name, raw.notes, in_memory=raw.in_memory)
