"""Google Analytics 4 as exported to BigQuery: `read_ga4`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from journeys.events import Events
from journeys.events.placeholder_values import null_if_placeholder
from journeys.sources.campaign import CLICK_ID, UTM
from journeys.sources.column_mapping import ColumnMapping, Fields, map_events
from journeys.sources.reading import RawTable, Source, load_nested
from journeys.sources.registry import wrong_system_error

NEEDED = ("event_timestamp", "event_name", "user_pseudo_id")
# Together they tell one event from another; all events of a batch have the same time.
KEY = ("event_name", "event_timestamp", "user_pseudo_id", "event_bundle_sequence_id")
BATCH = ("batch_page_id", "batch_ordering_id", "batch_event_index")
LISTS = ("event_params", "user_properties")
TEXTS, WHOLES, FLOATS = ("string_value",), ("int_value",), ("float_value", "double_value")
# Up to this number of rows are sorted in memory.
MAX_SORTED = 2_000_000


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
        The file of another system, or times that are not microseconds.

    Notes
    -----
    Time is `event_timestamp` in microseconds, UTC; `event_date` is a day in the property's own zone and is kept as it
    is. All events of a batch have the same time: the batch's page, its number and the place in it give their order
    (tables of more than two million rows have to be in this order already; if they are not, the issues say so).
    Duplicates are rows with the same name, time, cookie and place in their batch; rows without a place are never
    duplicates. Source: Google's documentation of the BigQuery export schema.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_timestamp": [1772530000000000], "event_name": ["page_view"],
    ...     "user_pseudo_id": ["7.8"], "event_params": [[
    ...         {"key": "page_location", "value": {"string_value": "https://x.example/?utm_source=news"}}]]})
    >>> read_ga4(rows).table.select("event", "user_pseudo_id", "campaign_source").collect().rows()
    [('page_view', '7.8', 'news')]
    """
    raw = load_nested(source, text=("user_pseudo_id", "user_id"))
    schema = raw.schema
    missing = [column for column in NEEDED if column not in schema]
    if missing:
        raise wrong_system_error("Google Analytics 4", raw, missing=missing)
    raw = _parse_key_value_lists(
        _sort_batches(raw, in_memory=raw.in_memory or isinstance(source, pl.DataFrame)),
        {column: f"_{column}" for column in LISTS if column in schema},
    )
    f = Fields(raw.schema)
    params = Fields(pl.Schema({k: v for k, v in raw.schema.items() if k == "_event_params"}), hidden=True)
    page_url = params.text("_event_params.page_location")
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.epoch(raw, "event_timestamp", unit="us"),
        time_text=f.time_text("event_timestamp"),
        event=f.text("event_name"),
        ids={"user_id": f.id("user_id"), "user_pseudo_id": f.id("user_pseudo_id")},
        problem=f.problem,
        fields={
            **_campaign_columns(f, params),
            "page_url": page_url,
            "page_title": params.text("_event_params.page_title"),
            "page_referrer": params.text("_event_params.page_referrer"),
            "page_path": page_url.str.extract(r"^[a-z]+://[^/?#]+([^?#]*)", 1),
        },
    )
    # Asked for beside the others: the ids of clicks stay properties.
    click = Fields(raw.schema).text("collected_traffic_source.gclid", "collected_traffic_source.dclid")
    mapping.fields[CLICK_ID] = pl.when(click.is_not_null()).then(pl.lit("gclid=1"))
    place = [column for column in BATCH if column in schema]
    if BATCH[-1] in place:
        parts = [f.key(column).fill_null("") for column in KEY if column in schema] + [f.key(one) for one in place]
        has_place = pl.all_horizontal(f.text(one).is_not_null() for one in place)
        mapping.fields["message_id"] = pl.when(has_place).then(pl.concat_str(parts, separator="/"))
    mapping.properties = params.rest("_event_params")
    if "_user_properties" in raw.schema:
        users = Fields(pl.Schema({"_user_properties": raw.schema["_user_properties"]}), hidden=True)
        mapping.properties += users.rest("_user_properties", prefix="user_")
    mapping.properties += f.rest(skip=LISTS)
    return map_events(raw, mapping, name=name)


def _campaign_columns(f: Fields, params: Fields) -> dict[str, pl.Expr]:
    """Take the whole campaign from one place: from the event's traffic source if it says anything, else its parameters.

    The fields are called `manual_campaign_name`, `manual_source`, …, the parameters `campaign`, `source`, ….
    """
    words = {canonical: canonical.removeprefix("campaign_") for canonical in UTM}
    fields = words | {"campaign": "campaign_name"}
    collected = {canonical: f.text(f"collected_traffic_source.manual_{word}") for canonical, word in fields.items()}
    is_collected = pl.any_horizontal(
        null_if_placeholder(value, kind="text").is_not_null() for value in collected.values()
    )
    stated = {canonical: params.text(f"_event_params.{word}") for canonical, word in words.items()}
    return {
        canonical: pl.when(is_collected).then(value).otherwise(stated[canonical])
        for canonical, value in collected.items()
    }


def _sort_batches(raw: RawTable, *, in_memory: bool) -> RawTable:
    """Sort rows of one time by their place in their batch, unless they are sorted: a table has them in any order."""
    f = Fields(raw.schema)
    keys = [column for column in ("event_timestamp", *BATCH) if f.has(column)]
    if not f.has(*BATCH):
        return raw
    numbers = [(f.raw(key) if f.dtype(key).is_integer() else f.text(key)).cast(pl.Int64, strict=False) for key in keys]
    falls, is_equal = pl.lit(value=False), pl.lit(value=True)
    for number in numbers:
        falls |= is_equal & (number < number.shift())
        is_equal &= number == number.shift()
    is_unsorted, count = raw.rows.select(falls.any(), pl.len()).collect().row(0)
    if not is_unsorted:
        return raw
    if count > MAX_SORTED and not in_memory:
        note = f"{count:,} rows are too many to put equal times in the order of their batches: order the export by "
        return raw.with_rows(raw.rows, notes=[note + ", ".join(keys)])
    rows = raw.rows.sort(numbers, nulls_last=True, maintain_order=True)
    return raw.with_rows(rows.collect().lazy() if in_memory else rows)


def _parse_key_value_lists(raw: RawTable, columns: Mapping[str, str]) -> RawTable:
    """Turn each column of key-value lists, as BigQuery has them, into a struct with a field per key.

    `columns` gives each column the name of its struct; those that are not lists of (key, value) are left alone.
    """
    rows = raw.rows
    for column, target in columns.items():
        dtype = raw.schema[column]
        if not isinstance(dtype, pl.List) or not isinstance(dtype.inner, pl.Struct):
            continue
        inner = {field.name: field.dtype for field in dtype.inner.fields}
        value = inner.get("value")
        if "key" not in inner or not isinstance(value, pl.Struct):
            continue
        present = {field.name for field in value.fields}
        types = _find_key_types(raw.rows, column, present)
        if not types:
            continue

        def convert_batch(
            batch: pl.Series, types: dict[str, pl.DataType] = types, present: set[str] = present
        ) -> pl.Series:
            return _spread_pairs(batch, types, present)

        struct = pl.Struct(types)
        rows = rows.with_columns(
            pl.col(column).map_batches(convert_batch, return_dtype=struct, is_elementwise=True).alias(target)
        )
    return raw.with_rows(rows)


def _find_key_types(rows: pl.LazyFrame, column: str, present: set[str]) -> dict[str, pl.DataType]:
    """Find the keys of all rows, each with the type that holds all its values."""
    pairs = rows.select(pl.col(column)).filter(pl.col(column).list.len() > 0).explode(column, empty_as_null=False)
    value = pl.col(column).struct.field("value")
    used = [value.struct.field(name).is_not_null().any().alias(name) for name in sorted(present)]
    by_key = pairs.group_by(pl.col(column).struct.field("key").alias("_key")).agg(used).sort("_key").collect()
    types: dict[str, pl.DataType] = {}
    for row in by_key.iter_rows(named=True):
        if row["_key"] is None:
            continue
        held = {name for name, is_used in row.items() if is_used is True}
        numbers = held <= {*WHOLES, *FLOATS} and bool(held)
        types[row["_key"]] = pl.String() if not numbers else pl.Int64() if held <= set(WHOLES) else pl.Float64()
    return types


def _spread_pairs(batch: pl.Series, types: dict[str, pl.DataType], present: set[str]) -> pl.Series:
    """Scatter the values of a batch of lists into a column per key; of a key given twice the first value stays."""
    height = len(batch)
    frame = pl.DataFrame({"_row": pl.int_range(height, eager=True), "_pair": batch})
    frame = frame.filter(pl.col("_pair").list.len() > 0).explode("_pair", empty_as_null=False)
    value = pl.col("_pair").struct.field("value")
    frame = frame.select(
        "_row",
        pl.col("_pair").struct.field("key").alias("_key"),
        *(value.struct.field(name).alias(name) for name in sorted(present)),
    ).unique(["_row", "_key"], keep="first", maintain_order=True)
    parts = {key[0]: part for key, part in frame.partition_by("_key", as_dict=True).items()}
    columns = []
    for key, dtype in types.items():
        part = parts.get(key)
        column = pl.Series(key, [None], dtype=dtype).new_from_index(0, height)
        if part is not None:
            column = column.scatter(part["_row"], part.select(_cast_value(dtype, present)).to_series())
        columns.append(column.alias(key))
    return pl.DataFrame(columns).to_struct(batch.name)


def _cast_value(dtype: pl.DataType, present: set[str]) -> pl.Expr:
    names = [name for name in (*TEXTS, *WHOLES, *FLOATS) if name in present]
    return pl.coalesce(pl.col(name).cast(dtype, strict=False) for name in names)
