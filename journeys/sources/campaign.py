"""The campaign of a visit: its fields, else the UTM parameters of its address, else its click id; and its channel."""

from __future__ import annotations

from urllib.parse import unquote_plus

import polars as pl

from journeys.events.placeholder_values import PlaceholderKind, is_placeholder, null_if_placeholder
from journeys.sources.channels import PAID, channel_group

UTM = {
    "campaign": "utm_campaign",
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}
# Which words stand for no value depends on the column: "(none)" is a medium, "(direct)" a source.
PLACEHOLDERS: dict[str, PlaceholderKind] = {
    "campaign": "campaign",
    "campaign_source": "text",
    "campaign_medium": "medium",
    "campaign_term": "campaign",
    "campaign_content": "campaign",
}
# Click ids identify the network, and most that the click was paid, even where no UTM parameter was set.
CLICKS = (
    ("gclid|gbraid|wbraid|dclid", "google", "cpc"),
    ("msclkid", "bing", "cpc"),
    ("fbclid", "facebook", "social"),
    ("li_fat_id", "linkedin", "paid-social"),
    ("ttclid", "tiktok", "paid-social"),
    ("twclid", "twitter", "paid-social"),
)
CLICK_ID = "_clicked"
"""A column that readers may add, with the click id of systems that have it beside the address: `gclid=1`."""
# A later question mark is part of a value, such as an address to go on to, whose parameters are not this visit's.
PARAMETER = r"(?:^\??|&)"
SITE = r"^([a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*)"
RESULT = (*UTM, "channel")
MAX_CACHED, IS_KNOWN = 20_000, "known"
ADDRESSES = ("page_url", "page_path", "page_referrer")


def add_campaign_columns(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Fill the campaign columns from the page's address where they are empty, and add `channel`.

    Words that stand for no value ("NULL", "(not set)", a template that was never filled in) are null, in campaigns,
    pages and referrers. Rows with neither a campaign, nor a page, nor a referrer get no further columns.
    """
    schema = rows.collect_schema()
    rows = rows.with_columns(
        pl.col(name).map_batches(_null_placeholders, return_dtype=pl.String, is_elementwise=True)
        for name in ADDRESSES
        if name in schema
    )
    if not {"campaign_source", "campaign_medium", "page_url", "page_referrer", "page_search", CLICK_ID} & set(schema):
        return rows.with_columns(
            null_if_placeholder(pl.col(name), kind=kind) for name, kind in PLACEHOLDERS.items() if name in schema
        )
    parts = _select_arrival_parts(list(schema))
    added = [*UTM, *([] if "channel" in schema else ["channel"])]
    cache = _ArrivalCache(list(parts))

    def look_up(batch: pl.Series) -> pl.Series:
        return cache.look_up(batch.struct.unnest()).select(pl.struct(added)).to_series()

    arrival = pl.struct(expr.alias(name) for name, expr in parts.items()).map_batches(
        look_up, return_dtype=pl.Struct(dict.fromkeys(added, pl.String())), is_elementwise=True
    )
    rows = rows.with_columns(arrival.alias("_arrival"))
    rows = rows.with_columns(pl.col("_arrival").struct.field(name) for name in added)
    return rows.drop("_arrival", *([CLICK_ID] if CLICK_ID in schema else []))


def _null_placeholders(texts: pl.Series) -> pl.Series:
    """Leave out addresses that stand for no value; text that begins like an address is left alone."""
    is_address = texts.str.starts_with("http") | texts.str.starts_with("/")
    suspects = texts.set(is_address, None)
    if suspects.null_count() == len(suspects):
        return texts
    flags = suspects.to_frame("text").select(is_placeholder(pl.col("text"), kind="text").fill_null(value=False))
    return texts.set(flags.to_series(), None)


def _select_arrival_parts(names: list[str]) -> dict[str, pl.Expr]:
    """Select what shows how a visit arrived; of addresses only site and query, which repeat (paths hardly do)."""
    parts = {name: pl.col(name) for name in UTM if name in names}
    search = pl.col("page_search") if "page_search" in names else pl.lit(None, dtype=pl.String)
    if "page_url" in names:
        url = pl.col("page_url")
        parts["page_url"] = pl.coalesce(url.str.extract(SITE, 1), pl.when(url.is_not_null()).then(pl.lit("")))
        search = pl.coalesce(url.str.extract(r"(\?[^#]*)", 1), search)
    if CLICK_ID in names:
        both = pl.concat_str(search, CLICK_ID, separator="&", ignore_nulls=True)
        search = pl.when(both != "").then(both)
    if {"page_url", "page_search", CLICK_ID} & set(names):
        parts["page_search"] = search
    if "page_referrer" in names:
        parts["page_referrer"] = pl.col("page_referrer").str.extract(SITE, 1)
    if "page_path" in names:
        parts["page_path"] = pl.when(pl.col("page_path").is_not_null()).then(pl.lit("/"))
    return parts


class _ArrivalCache:
    """Arrivals computed so far: addresses repeat, searching them is slow, and rows come in thousands of batches."""

    def __init__(self, keys: list[str]) -> None:
        self.keys = keys
        columns = [*keys, *map(_name_found, RESULT)]
        self.arrivals = pl.DataFrame(schema=dict.fromkeys(columns, pl.String()) | {IS_KNOWN: pl.Boolean()})

    def look_up(self, visits: pl.DataFrame) -> pl.DataFrame:
        """Return the campaign columns and the channel of each row."""
        rows = visits.select(self.keys)
        if all(column.null_count() == rows.height for column in rows):
            return pl.DataFrame({name: pl.repeat(None, rows.height, dtype=pl.String, eager=True) for name in RESULT})
        # Another thread may replace the cache meanwhile: this batch goes on with the one it took.
        known = self.arrivals
        found = self._join_known(known, rows)
        if found[IS_KNOWN].has_nulls():
            new = rows.filter(found[IS_KNOWN].is_null()).unique()
            computed = _compute_arrivals(new).rename(_name_found).with_columns(pl.lit(value=True).alias(IS_KNOWN))
            known = pl.concat([known, new.hstack(computed)], rechunk=True)
            if known.height <= MAX_CACHED:
                self.arrivals = known
            found = self._join_known(known, rows)
        return found.select(pl.col(_name_found(name)).alias(name) for name in RESULT)

    def _join_known(self, known: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.join(known, on=self.keys, how="left", nulls_equal=True, maintain_order="left")


def _name_found(name: str) -> str:
    return f"found {name}"


def _compute_arrivals(visits: pl.DataFrame) -> pl.DataFrame:
    """Compute the campaign columns and the channel of distinct visits.

    Fields and address of one visit are not mixed: what the system itself understood comes first.

        campaign_source  page_search                      campaign_source  campaign_medium
        news             ?utm_source=x&utm_medium=email   news             null
        null             ?utm_source=x&utm_medium=email   x                email
        null             ?gclid=1                         google           cpc
        google           ?gclid=1 (medium "organic")      google           cpc
    """
    names = visits.columns
    fields = {name: pl.col(name) if name in names else pl.lit(None, dtype=pl.String) for name in UTM}
    fields = {name: null_if_placeholder(value, kind=PLACEHOLDERS[name]) for name, value in fields.items()}
    if "page_search" not in names:
        visits = visits.with_columns(value.alias(name) for name, value in fields.items())
        return visits.select(*UTM, channel_group(tuple(names)).alias("channel"))
    query = pl.col("page_search")
    tagged = pl.when(query.str.contains("utm_", literal=True)).then(query)
    has_fields = pl.any_horizontal(
        fields[name].is_not_null() for name in ("campaign_source", "campaign_medium", "campaign")
    )
    parameters = {
        name: null_if_placeholder(_read_parameter(tagged, UTM[name]), kind=PLACEHOLDERS[name]) for name in UTM
    }
    visits = visits.with_columns(
        pl.when(has_fields | tagged.is_null()).then(fields[name]).otherwise(parameters[name]).alias(name)
        for name in UTM
    )
    network, click_medium = (pl.lit(None, dtype=pl.String) for _ in range(2))
    for parameter, site, medium in CLICKS:
        is_click = query.str.contains(rf"{PARAMETER}(?:{parameter})=[^&#]")
        network = pl.when(is_click).then(pl.lit(site)).otherwise(network)
        click_medium = pl.when(is_click).then(pl.lit(medium)).otherwise(click_medium)
    # Tags stay as they are: a click id fills in what they leave open, unless they contradict it.
    source, medium_tag = pl.col("campaign_source"), pl.col("campaign_medium")
    agrees = (medium_tag == click_medium) | medium_tag.str.to_lowercase().str.contains(PAID)
    fills_source = source.is_null() & (medium_tag.is_null() | agrees)
    fills_medium = medium_tag.is_null() & (source.is_null() | click_medium.str.contains(PAID))
    # Exports of GA4 label some paid clicks as organic search on the same network.
    is_mislabelled = (source == network) & (medium_tag == "organic") & click_medium.str.contains(PAID)
    visits = visits.with_columns(
        pl.when(fills_source).then(network).otherwise(source).alias("campaign_source"),
        pl.when(fills_medium | is_mislabelled).then(click_medium).otherwise(medium_tag).alias("campaign_medium"),
    )
    return visits.select(*UTM, channel_group(tuple(names)).alias("channel"))


def _read_parameter(query: pl.Expr, name: str) -> pl.Expr:
    value = query.str.extract(rf"{PARAMETER}{name}=([^&#]+)", 1)
    return value.map_batches(_unquote_values, return_dtype=pl.String, is_elementwise=True)


def _unquote_values(values: pl.Series) -> pl.Series:
    coded = values.filter(values.str.contains("[%+]")).unique()
    if coded.is_empty():
        return values
    return values.replace(coded, pl.Series([unquote_plus(value) for value in coded], dtype=pl.String))
