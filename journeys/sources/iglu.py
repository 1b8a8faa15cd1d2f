"""Self-describing JSON of Snowplow's stream, parsed into the columns that its loaders make in a warehouse."""

from __future__ import annotations

import re
from collections.abc import Iterable

import polars as pl

from journeys.sources.reading import RawTable, parse_json_columns
from journeys.sources.reading.json_schema import MAX_FIELDS, NON_OBJECT

EVENT, ENTITIES = "unstruct_event", ("contexts", "derived_contexts")
NAMED = r'"schema"\s*:\s*"iglu:([^/"]+)/([^/"]+)/jsonschema/(\d+)[^"]*"\s*,\s*"data"\s*:\s*'
AROUND = r'(?s)^\s*\{\s*"schema"\s*:\s*"iglu:[^"]*"\s*,\s*"data"\s*:\s*'
ONE = AROUND + r"\{\s*" + NAMED + r"(.*)\}\s*\}\s*$"
LIST = AROUND + r"\["
# The next entity of a list begins where the one before it ends.
NEXT, BEGIN, DATA = r"(?:^|\}\s*,)\s*\{\s*" + NAMED, "\x01", "\x02"
SCHEMA = r'iglu:[^/"]+/[^/"]+/jsonschema/\d+'


def parse_self_describing_json(raw: RawTable) -> RawTable:
    """Turn the event's own fields, and each kind of entity, into columns.

    The names are those of a warehouse, such as `unstruct_event_com_acme_signed_up_1` for the schema
    com.acme/signed_up of version 1-x-x. The event becomes a struct; entities, of which there may be several, a list as
    JSON text. Other text stays as it is.
    """
    schema, rows = raw.schema, raw.rows
    columns = [one for one in (EVENT, *ENTITIES) if schema.get(one) == pl.String]
    if not columns:
        return raw
    # One pass for all columns: few schemas are repeated again and again.
    schemas = [
        pl.col(one).str.extract_all(SCHEMA).list.explode(empty_as_null=False).unique().implode() for one in columns
    ]
    found = dict(zip(columns, rows.select(schemas).collect().row(0), strict=True))
    for column in columns:
        names = _entity_names(found[column])
        if names and column != EVENT:
            rows = rows.with_columns(_spread_entities(column, names))
    if not found.get(EVENT):
        return raw.with_rows(rows)
    rows = rows.with_columns(pl.col(EVENT).str.replace(ONE, r'{"${1}_${2}_${3}":${4}}'))
    return parse_json_columns(raw.with_rows(rows), EVENT)


def _entity_names(schemas: Iterable[str | None]) -> list[str]:
    """Name the columns of entities, in order; none where there are too many to be columns."""
    parts = [re.split("[:/]", schema) for schema in schemas if schema]
    names = sorted({f"{part[1]}_{part[2]}_{part[4]}" for part in parts if part[2] != "contexts"})
    return names if len(names) <= MAX_FIELDS else []


def _spread_entities(column: str, names: list[str]) -> pl.Expr:
    """Turn a list of entities into a struct with a field per kind of entity."""
    dtype = pl.Struct(dict.fromkeys([*names, NON_OBJECT], pl.String()))

    def convert_batch(batch: pl.Series) -> pl.Series:
        return _split_entities(batch, names)

    return pl.col(column).map_batches(convert_batch, return_dtype=dtype, is_elementwise=True)


def _split_entities(batch: pl.Series, names: list[str]) -> pl.Series:
    """Split a batch of lists where one entity ends and the next begins; a list that does not fit stays text.

    [{"schema": "iglu:a/x/…", "data": {1}}, {"schema": "iglu:a/y/…", "data": {2}}]    x = [{1}], y = [{2}]
    [{"schema": "iglu:a/x/…", "data": {1}}, {"schema": "iglu:a/x/…", "data": {2}}]    x = [{1},{2}]
    """
    listed = batch.str.contains(LIST) & batch.str.tail(32).str.contains(r"[\[}]\s*\]\s*\}\s*$")
    inside = batch.set(~listed, None).str.replace(LIST, "")
    for bracket in ("}", "]", "}"):  # the ends of the whole, of the list and of its last entity
        inside = inside.str.strip_chars_end().str.strip_suffix(bracket)
    marked = inside.str.replace_all(NEXT, f"{BEGIN}${{1}}_${{2}}_${{3}}{DATA}").str.strip_prefix(BEGIN)
    pieces = pl.DataFrame({"row": pl.int_range(len(batch), eager=True), "piece": marked.str.split(BEGIN)})
    halves = pl.col("piece").str.split_exact(DATA, 1).struct.rename_fields(["name", "data"]).struct.unnest()
    found = pieces.filter(marked != "").explode("piece").select("row", halves)
    # A list inside an entity, whose elements are self-describing, was split, too: such a list stays text.
    data = pl.col("data")
    first, last = ([data.str.count_matches(one, literal=True) for one in pair] for pair in ("[{", "]}"))
    cut = pl.any_horizontal(data.is_null(), *(one != other for one, other in zip(first, last, strict=True)))
    left = found.filter(cut)["row"].unique()
    found = found.filter(~pl.col("row").is_in(left.implode())) if len(left) else found
    again = found.select("row", "name").is_duplicated()
    lists = found.filter(~again)
    if again.any():
        several = found.filter(again).group_by("row", "name").agg(data.str.join(","))
        lists = pl.concat([lists, several])
    by_name = {str(key[0]): part for key, part in lists.partition_by("name", as_dict=True).items()}
    empty = pl.Series([None], dtype=pl.String).new_from_index(0, len(batch))
    columns = []
    for name in names:
        part = by_name.get(name)
        column = empty if part is None else empty.scatter(part["row"], part.select(pl.format("[{}]", data)).to_series())
        columns.append(column.alias(name))
    text = batch.set(inside.is_not_null(), None).scatter(left, batch.gather(left))
    return pl.DataFrame([*columns, text.alias(NON_OBJECT)]).to_struct(batch.name)
