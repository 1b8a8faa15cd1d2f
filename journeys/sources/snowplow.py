"""Snowplow's atomic events: `read_snowplow`."""

from __future__ import annotations

from mmap import ACCESS_READ, mmap
from pathlib import Path

import polars as pl

from journeys.events import Events
from journeys.sources.fields import Fields, unless
from journeys.sources.iglu import self_described
from journeys.sources.lake import is_lake
from journeys.sources.looks import wrong_system
from journeys.sources.reading import RawTable, Source, SourceFile, find_files, load_source
from journeys.sources.reading.text import UnreadableError, read_first_lines
from journeys.sources.shape import Shape, to_events

__all__ = ["read_snowplow"]

# The enriched stream is tab-separated without a header line: its fields, in their fixed order.
FIELDS = """
app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp ip_organization
ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost page_urlport page_urlpath
page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport refr_urlpath refr_urlquery
refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term mkt_content mkt_campaign
contexts se_category se_action se_label se_property se_value unstruct_event tr_orderid tr_affiliation tr_total
tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name ti_category ti_price ti_quantity
pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent br_name br_family br_version br_type
br_renderengine br_lang br_features_pdf br_features_flash br_features_java br_features_director
br_features_quicktime br_features_realplayer br_features_windowsmedia br_features_gears br_features_silverlight
br_cookies br_colordepth br_viewwidth br_viewheight os_name os_family os_manufacturer os_timezone dvce_type
dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset doc_width doc_height tr_currency tr_total_base
tr_tax_base tr_shipping_base ti_currency ti_price_base base_currency geo_timezone mkt_clickid mkt_network
etl_tags dvce_sent_tstamp refr_domain_userid refr_device_tstamp derived_contexts domain_sessionid derived_tstamp
event_vendor event_name event_format event_version event_fingerprint true_tstamp
""".split()  # noqa: SIM905
# Every line of the stream has these, near its end.
LAST = ("event_vendor", "event_name", "event_format", "event_version", "event_fingerprint")
# Of a folder's files the first may be broken.
LOOKED_AT = 20
TEXT = ("user_id", "domain_userid", "network_userid", "event_id", "event_fingerprint")
CAMPAIGN = {
    "campaign": "mkt_campaign",
    "campaign_source": "mkt_source",
    "campaign_medium": "mkt_medium",
    "campaign_term": "mkt_term",
    "campaign_content": "mkt_content",
}


def read_snowplow(source: Source, *, name: str = "snowplow", network: bool = False) -> Events:
    """Read Snowplow's atomic events: the table (Parquet, CSV with a header) or the enriched stream (TSV without one).

    Parameters
    ----------
    source
        Files, a glob, a folder or a frame.
    name
        What to write into the column `source`.
    network
        Take `network_userid` (the collector's cookie, often blocked or shared) as an identifier too, else it is a
        property.

    Returns
    -------
    Events
        Names are `event_name` ("page_view", "link_click"), else `event`; structured events are called by what was done,
        `se_action`. Identifiers: `user_id`, `domain_userid`.
        Self-describing JSON is taken apart as in a warehouse (`unstruct_event_com_acme_signed_up_1_plan`).
        Campaign columns are the `mkt_*` fields. Duplicates have the same `event_id` and `event_fingerprint`.

    Raises
    ------
    SourceError
        The file of another system.

    Notes
    -----
    Time is `derived_tstamp` (the device's clock corrected by the collector's), else `collector_tstamp`. Source:
    Snowplow's documentation of the canonical event model and of the enriched TSV format.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_id": ["e1"], "collector_tstamp": ["2026-03-01 10:00:00.5"], "domain_userid": ["d1"],
    ...     "user_id": ["7"], "event_name": ["page_view"], "page_urlpath": ["/pricing"]})
    >>> read_snowplow(rows).table.select("event", "user_id", "domain_userid", "page_path").collect().rows()
    [('page_view', '7', 'd1', '/pricing')]
    """
    raw, stream, described = _load(source)
    raw = self_described(raw) if described else raw
    f = Fields(raw.schema)
    missing = [] if f.has("collector_tstamp", "derived_tstamp") else ["collector_tstamp"]
    missing += [] if f.has("domain_userid", "user_id") else ["domain_userid", "user_id"]
    if missing:
        raise wrong_system("Snowplow", raw, missing=missing)
    ids = {"user_id": f.id("user_id"), "domain_userid": f.id("domain_userid")}
    if network:
        ids["network_userid"] = f.id("network_userid")
    shape = Shape(
        rounded=f.rounded,
        timestamp=f.first_time("true_tstamp", "derived_tstamp", "collector_tstamp"),
        timed=f.text("derived_tstamp", "collector_tstamp").is_not_null(),
        event=_name(f),
        ids=ids,
        fields={
            "page_url": f.text("page_url"),
            "page_title": f.text("page_title"),
            "page_referrer": f.text("page_referrer"),
            "page_path": f.text("page_urlpath"),
            "page_search": f.text("page_urlquery"),
        },
    )
    if stream:
        # asked for beside the others: they stay properties
        shape.problem = pl.when(Fields(raw.schema).text(*LAST).is_null()).then(pl.lit("a line that is cut off"))
    for canonical, column in CAMPAIGN.items():
        # The tables of other tools write "(not set)" where nothing was set.
        shape.fields[canonical] = unless(f.text(column), text="(not set)")
    if f.has("event_id"):
        key = [f.id("event_id"), f.id("event_fingerprint").fill_null("")]
        shape.fields["message_id"] = pl.concat_str(key, separator="/")
    # an action is a name where it is one, and else a property
    action = pl.when(~_structured(f).fill_null(value=False)).then(f.text("se_action"))
    shape.properties = [*([("se_action", action)] if f.has("se_action") else []), *f.rest()]
    return to_events(raw, shape, name=name)


def _name(f: Fields) -> pl.Expr:
    """Call a structured event by its action: all of them are "struct", or "event" by name."""
    action = pl.when(_structured(f)).then(f.text("se_action"))
    return pl.coalesce(action, f.text("event_name", "event"))


def _structured(f: Fields) -> pl.Expr:
    kind, name = f.text("event"), f.text("event_name")
    return (kind == "struct") | ((name == "event") & kind.is_null())


def _load(source: Source) -> tuple[RawTable, bool, bool]:
    """Give the rows, whether they are lines of the stream, and whether there may be self-describing JSON in them."""
    if isinstance(source, str | Path | list | tuple) and not is_lake(source):
        files = [found for found in find_files(source) if found.format == "csv" and found.size]
        if any(map(_is_stream, files[:LOOKED_AT])):
            return (
                load_source(source, column_names=FIELDS, text_columns=TEXT, quoted=False),
                True,
                any(map(_may_describe, files)),
            )
    return load_source(source, text_columns=TEXT), False, True


def _may_describe(found: SourceFile) -> bool:
    """Look for the word that any such JSON begins with: a stream without it need not be read for it once more."""
    if found.compression is not None or found.archive is not None:
        return True
    with found.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        return text.find(b"iglu:") >= 0 or text.find(b"i\0g\0l\0u") >= 0


def _is_stream(found: SourceFile) -> bool:
    """Tell the enriched stream by any of a file's first lines: the very first may be blank, or cut off."""
    try:
        lines = [line for line in read_first_lines(found).split("\n") if line.strip()]
    except UnreadableError:
        return False
    whole = any(line.count("\t") == len(FIELDS) - 1 for line in lines)
    return whole and not lines[0].startswith(f"{FIELDS[0]}\t")
