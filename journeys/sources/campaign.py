"""Where a visit came from: UTM fields, the page's own address, click ids; the channel groups out of them."""

from __future__ import annotations

from urllib.parse import unquote_plus

import polars as pl

from journeys.sources.channels import PAID, channel_of

__all__ = ["CLICKED", "with_campaign"]

UTM = {
    "campaign": "utm_campaign",
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}
# Click ids tell the network, and most that the click was paid, even where no UTM parameter was set.
CLICKS = (
    ("gclid|gbraid|wbraid|dclid", "google", "cpc"),
    ("msclkid", "bing", "cpc"),
    ("fbclid", "facebook", "social"),
    ("li_fat_id", "linkedin", "paid-social"),
    ("ttclid", "tiktok", "paid-social"),
    ("twclid", "twitter", "paid-social"),
)
CLICKED = "_clicked"
"""A column that readers may add: a parameter like `gclid=1`, of a click that a system tells of beside the address."""
# A later question mark is part of a value, such as an address to go on to, whose parameters are not this visit's.
PARAMETER = r"(?:^\??|&)"
SITE = r"^([a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*)"
RESULT = (*UTM, "channel")
REMEMBERED, KNOWN = 20_000, "known"


def with_campaign(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Fill the campaign columns from the page's address where they are empty, and add `channel`.

    Rows that carry neither a campaign, nor a page, nor a referrer are left as they are.
    """
    schema = rows.collect_schema()
    if not {"campaign_source", "campaign_medium", "page_url", "page_referrer", "page_search", CLICKED} & set(schema):
        return rows
    parts = _telling_parts(list(schema))
    told = list(parts)
    added = [*UTM, *([] if "channel" in schema else ["channel"])]
    shape = pl.Struct(dict.fromkeys(added, pl.String()))
    known = _Known(told)

    def read(batch: pl.Series) -> pl.Series:
        return known.read(batch.struct.unnest()).select(pl.struct(added)).to_series()

    arrival = pl.struct(expr.alias(name) for name, expr in parts.items()).map_batches(
        read, return_dtype=shape, is_elementwise=True
    )
    with_all = rows.with_columns(arrival.alias("_arrival"))
    return with_all.with_columns(pl.col("_arrival").struct.field(name) for name in added).drop(
        "_arrival", *([CLICKED] if CLICKED in schema else [])
    )


def _telling_parts(names: list[str]) -> dict[str, pl.Expr]:
    """Take of addresses only what tells of an arrival, site and query: few differ in those, many in the path."""
    parts = {name: pl.col(name) for name in UTM if name in names}
    search = pl.col("page_search") if "page_search" in names else pl.lit(None, dtype=pl.String)
    if "page_url" in names:
        url = pl.col("page_url")
        parts["page_url"] = pl.coalesce(url.str.extract(SITE, 1), pl.when(url.is_not_null()).then(pl.lit("")))
        search = pl.coalesce(url.str.extract(r"(\?[^#]*)", 1), search)
    if CLICKED in names:
        both = pl.concat_str(search, CLICKED, separator="&", ignore_nulls=True)
        search = pl.when(both != "").then(both)
    if {"page_url", "page_search", CLICKED} & set(names):
        parts["page_search"] = search
    if "page_referrer" in names:
        parts["page_referrer"] = pl.col("page_referrer").str.extract(SITE, 1)
    if "page_path" in names:
        parts["page_path"] = pl.when(pl.col("page_path").is_not_null()).then(pl.lit("/"))
    return parts


class _Known:
    """Arrivals worked out so far: addresses repeat, searching them is slow, and rows come in thousands of batches."""

    def __init__(self, told: list[str]) -> None:
        self.told = told
        columns = [*told, *map(_found, RESULT)]
        self.state = pl.DataFrame(schema=dict.fromkeys(columns, pl.String()) | {KNOWN: pl.Boolean()})

    def read(self, visits: pl.DataFrame) -> pl.DataFrame:
        """Give the arrival of each row."""
        rows = visits.select(self.told)
        if all(column.null_count() == rows.height for column in rows):
            return _nothing(rows.height)
        # Another thread may put a newer state in its place meanwhile: this batch goes on with the one it took.
        known = self.state
        told = self._told_by(known, rows)
        if told[KNOWN].has_nulls():
            new = rows.filter(told[KNOWN].is_null()).unique()
            worked_out = _arrivals(new).rename(_found).with_columns(pl.lit(value=True).alias(KNOWN))
            known = pl.concat([known, new.hstack(worked_out)], rechunk=True)
            if known.height <= REMEMBERED:
                self.state = known
            told = self._told_by(known, rows)
        return told.select(pl.col(_found(name)).alias(name) for name in RESULT)

    def _told_by(self, known: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(known, on=self.told, how="left", nulls_equal=True, maintain_order="left")


def _found(name: str) -> str:
    return f"found {name}"


def _nothing(height: int) -> pl.DataFrame:
    return pl.DataFrame({name: pl.repeat(None, height, dtype=pl.String, eager=True) for name in RESULT})


def _arrivals(visits: pl.DataFrame) -> pl.DataFrame:
    names = visits.columns
    known = {name: pl.col(name) if name in names else pl.lit(None, dtype=pl.String) for name in UTM}
    if "page_search" not in names:
        visits = visits.with_columns(known[name].alias(name) for name in UTM)
        return visits.select(*UTM, channel_of(tuple(names)).alias("channel"))
    query = pl.col("page_search")
    tagged = pl.when(query.str.contains("utm_", literal=True)).then(query)
    # A field and the address of one visit are not mixed: what the system itself understood comes first.
    own = pl.any_horizontal(known[name].is_not_null() for name in ("campaign_source", "campaign_medium", "campaign"))
    visits = visits.with_columns(
        pl.when(own | tagged.is_null()).then(known[name]).otherwise(_parameter(tagged, utm)).alias(name)
        for name, utm in UTM.items()
    )
    network, how = (pl.lit(None, dtype=pl.String) for _ in range(2))
    for ids, site, kind in CLICKS:
        hit = query.str.contains(rf"{PARAMETER}(?:{ids})=[^&#]")
        network = pl.when(hit).then(pl.lit(site)).otherwise(network)
        how = pl.when(hit).then(pl.lit(kind)).otherwise(how)
    # Tags stay as they are: a click fills in what they leave open, unless what they say speaks against it.
    source, medium = pl.col("campaign_source"), pl.col("campaign_medium")
    alone = source.is_null() & (medium.is_null() | (medium == how) | medium.str.to_lowercase().str.contains(PAID))
    paid = medium.is_null() & (source.is_null() | how.str.contains(PAID))
    visits = visits.with_columns(
        pl.when(alone).then(network).otherwise(source).alias("campaign_source"),
        pl.when(paid).then(how).otherwise(medium).alias("campaign_medium"),
    )
    return visits.select(*UTM, channel_of(tuple(names)).alias("channel"))


def _parameter(query: pl.Expr, name: str) -> pl.Expr:
    value = query.str.extract(rf"{PARAMETER}{name}=([^&#]+)", 1)
    return value.map_batches(_unquote, return_dtype=pl.String, is_elementwise=True)


def _unquote(values: pl.Series) -> pl.Series:
    coded = values.filter(values.str.contains("[%+]")).unique()
    if coded.is_empty():
        return values
    return values.replace(coded, pl.Series([unquote_plus(value) for value in coded], dtype=pl.String))
