"""Where a visit came from: UTM fields, the page's own address, click ids; and GA4's channel groups out of them."""

from __future__ import annotations

from functools import cache
from urllib.parse import unquote_plus

import polars as pl

__all__ = ["channel_of", "with_campaign"]

UTM = {
    "campaign": "utm_campaign",
    "campaign_source": "utm_source",
    "campaign_medium": "utm_medium",
    "campaign_term": "utm_term",
    "campaign_content": "utm_content",
}
# Click ids tell the network and that the click was paid, even where no UTM parameter was set.
CLICKS = (
    (r"[?&](?:gclid|gbraid|wbraid|dclid)=[^&#]", "google", "cpc"),
    (r"[?&]msclkid=[^&#]", "bing", "cpc"),
    (r"[?&]fbclid=[^&#]", "facebook", "social"),
    (r"[?&]li_fat_id=[^&#]", "linkedin", "paid-social"),
    (r"[?&]ttclid=[^&#]", "tiktok", "paid-social"),
    (r"[?&]twclid=[^&#]", "twitter", "paid-social"),
)
SEARCH = r"(?i)(^|[./])(google|bing|yahoo|duckduckgo|baidu|ecosia|yandex|qwant|startpage|naver|ask)(\.|$|/)"
SOCIAL = (
    r"(?i)(^|[./])(facebook|fb|instagram|ig|linkedin|lnkd|twitter|x|t|reddit|tiktok|pinterest|mastodon|threads|bluesky"
    r"|whatsapp|telegram)(\.(com|net|co|in|social|app|me)|$|/)"
)
VIDEO = r"(?i)(^|[./])(youtube|vimeo|twitch|dailymotion|netflix|hulu|youtu)(\.(com|tv|be)|$|/)"
SHOPPING = r"(?i)(^|[./])(amazon|ebay|etsy|alibaba|shopify|walmart|shopping)(\.|$|/)"
SITE = r"^([a-zA-Z][a-zA-Z0-9+.-]*://[^/?#]*)"
RESULT = (*UTM, "channel")
REMEMBERED, KNOWN = 20_000, "known"
PAID = r"^(.*cp.*|ppc|retargeting|paid.*)$"
EMAIL = r"^e[-_ ]?mail$"


def with_campaign(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Fill the campaign columns from the page's address where they are empty, and add `channel`.

    Rows that carry neither a campaign, nor a page, nor a referrer are left as they are.
    """
    schema = rows.collect_schema()
    if not {"campaign_source", "campaign_medium", "page_url", "page_referrer", "page_search"} & set(schema):
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
    return with_all.with_columns(pl.col("_arrival").struct.field(name) for name in added).drop("_arrival")


def _telling_parts(names: list[str]) -> dict[str, pl.Expr]:
    """Take of addresses only what tells of an arrival, site and query: few differ in those, many in the path."""
    parts = {name: pl.col(name) for name in UTM if name in names}
    search = pl.col("page_search") if "page_search" in names else pl.lit(None, dtype=pl.String)
    if "page_url" in names:
        url = pl.col("page_url")
        parts["page_url"] = pl.coalesce(url.str.extract(SITE, 1), pl.when(url.is_not_null()).then(pl.lit("")))
        search = pl.coalesce(url.str.extract(r"(\?[^#]*)", 1), search)
    if "page_url" in names or "page_search" in names:
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
    own = pl.any_horizontal(known["campaign_source"].is_not_null(), known["campaign"].is_not_null())
    visits = visits.with_columns(
        pl.when(own).then(known[name]).otherwise(_parameter(tagged, utm)).alias(name) for name, utm in UTM.items()
    )
    bare = pl.col("campaign_source").is_null()
    network, how = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.String)
    for pattern, source, medium in CLICKS:
        hit = query.str.contains(pattern)
        network, how = (
            pl.when(hit).then(pl.lit(source)).otherwise(network),
            pl.when(hit).then(pl.lit(medium)).otherwise(how),
        )
    visits = visits.with_columns(
        pl.when(bare).then(network).otherwise("campaign_source").alias("campaign_source"),
        pl.when(bare).then(how).otherwise("campaign_medium").alias("campaign_medium"),
    )
    return visits.select(*UTM, channel_of(tuple(names)).alias("channel"))


@cache
def channel_of(names: tuple[str, ...]) -> pl.Expr:
    """Group visits into channels by the rules of GA4's default channel grouping.

    Source, medium and campaign decide; without them a referrer on another site does, and a page without either is
    "Direct". A page reached from the same site is no arrival and has none. Source: "Default channel group" in the
    documentation of Google Analytics; its list of sites per category is shortened here to the common ones.
    """
    source = pl.col("campaign_source").fill_null("").str.to_lowercase()
    medium = pl.col("campaign_medium").fill_null("").str.to_lowercase()
    campaign = pl.col("campaign").fill_null("").str.to_lowercase()
    tagged = (source != "") | (medium != "") | (campaign != "")
    paid = medium.str.contains(PAID)
    shop = source.str.contains(SHOPPING) | campaign.str.contains(r"^(.*(([^a-df-z]|^)shop|shopping).*)$")
    social = source.str.contains(SOCIAL)
    video = source.str.contains(VIDEO)
    search = source.str.contains(SEARCH)
    display = medium.is_in(["display", "banner", "expandable", "interstitial", "cpm"])
    by_tag = (
        pl.when((source == "direct") | ((source == "(direct)") & medium.is_in(["(not set)", "(none)", ""])))
        .then(pl.lit("Direct"))
        .when(campaign.str.contains("cross-network", literal=True))
        .then(pl.lit("Cross-network"))
        .when(paid & shop)
        .then(pl.lit("Paid Shopping"))
        .when(paid & search)
        .then(pl.lit("Paid Search"))
        .when(paid & social)
        .then(pl.lit("Paid Social"))
        .when(paid & video)
        .then(pl.lit("Paid Video"))
        .when(display)
        .then(pl.lit("Display"))
        .when(paid)
        .then(pl.lit("Paid Other"))
        .when(shop)
        .then(pl.lit("Organic Shopping"))
        .when(
            social | medium.is_in(["social", "social-network", "social-media", "sm", "social network", "social media"])
        )
        .then(pl.lit("Organic Social"))
        .when(video | medium.str.contains("video", literal=True))
        .then(pl.lit("Organic Video"))
        .when(search | (medium == "organic"))
        .then(pl.lit("Organic Search"))
        .when(source.str.contains(EMAIL) | medium.str.contains(EMAIL))
        .then(pl.lit("Email"))
        .when(medium == "affiliate")
        .then(pl.lit("Affiliates"))
        .when(medium.is_in(["referral", "app", "link"]))
        .then(pl.lit("Referral"))
        .when(medium == "audio")
        .then(pl.lit("Audio"))
        .when((source == "sms") | (medium == "sms"))
        .then(pl.lit("SMS"))
        .when(medium.str.ends_with("push") | medium.str.contains("mobile|notification") | (source == "firebase"))
        .then(pl.lit("Mobile Push Notifications"))
        .otherwise(pl.lit("Unassigned"))
    )
    if "page_referrer" not in names:
        return pl.when(tagged).then(by_tag)
    referrer = _host(pl.col("page_referrer"))
    here = _host(pl.col("page_url")) if "page_url" in names else pl.lit(None, dtype=pl.String)
    on_page = (
        pl.any_horizontal(pl.col(c).is_not_null() for c in ("page_url", "page_path") if c in names)
        if {
            "page_url",
            "page_path",
        }
        & set(names)
        else pl.lit(value=True)
    )
    by_referrer = (
        pl.when(~on_page)
        .then(None)
        .when(referrer.is_null())
        .then(pl.lit("Direct"))
        .when(referrer == here)
        .then(None)
        .when(referrer.str.contains(SEARCH))
        .then(pl.lit("Organic Search"))
        .when(referrer.str.contains(SOCIAL))
        .then(pl.lit("Organic Social"))
        .when(referrer.str.contains(VIDEO))
        .then(pl.lit("Organic Video"))
        .otherwise(pl.lit("Referral"))
    )
    return pl.when(tagged).then(by_tag).otherwise(by_referrer)


def _parameter(query: pl.Expr, name: str) -> pl.Expr:
    value = query.str.extract(rf"(?:^|[?&]){name}=([^&#]+)", 1)
    return value.map_batches(_unquote, return_dtype=pl.String, is_elementwise=True)


def _unquote(values: pl.Series) -> pl.Series:
    coded = values.filter(values.str.contains("[%+]")).unique()
    if coded.is_empty():
        return values
    return values.replace(coded, pl.Series([unquote_plus(value) for value in coded], dtype=pl.String))


def _host(url: pl.Expr) -> pl.Expr:
    return url.str.extract(r"^[a-zA-Z][a-zA-Z0-9+.-]*://(?:[^/@]*@)?(?:www\.)?([^/:?#]+)", 1).str.to_lowercase()
