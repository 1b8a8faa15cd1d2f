"""Snowplow's atomic events: `read_snowplow`."""

from __future__ import annotations

import re
from collections import Counter
from mmap import ACCESS_READ, mmap
from pathlib import Path

import polars as pl

from journeys.events import Events
from journeys.sources.campaign import UTM
from journeys.sources.column_mapping import ColumnMapping, Fields, map_events
from journeys.sources.iglu import parse_self_describing_json
from journeys.sources.reading import RawTable, Source, SourceFile, concat_rows, find_files, load_files, load_source
from journeys.sources.reading.decompress import UnreadableError
from journeys.sources.reading.files import is_lake, read_first_lines
from journeys.sources.registry import SNOWPLOW_EVENTS, SNOWPLOW_WIDTHS, wrong_system_error

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
# Every line of the present stream has one of these, near its end.
LAST = ("event_vendor", "event_name", "event_format", "event_version", "event_fingerprint")
# How many files of a folder are inspected: the first ones may be broken.
MAX_INSPECTED = 20
TEXT = ("user_id", "domain_userid", "network_userid", "event_id", "event_fingerprint")
# Mobile trackers name the device here; a warehouse adds the schema's whole version to the name.
CLIENT_SESSION = r"^(derived_)?contexts_com_snowplowanalytics_snowplow_client_session_\d+(_\d+)*$"


def read_snowplow(source: Source, *, name: str = "snowplow", network: bool = False) -> Events:
    """Read Snowplow's atomic events: the table (Parquet, CSV with a header) or the enriched stream (TSV without one).

    Parameters
    ----------
    source
        Files, a glob, a folder or a frame.
    name
        What to write into the column `source`.
    network
        Whether `network_userid` (the collector's cookie, often blocked or shared) is an identifier; by default it is a
        property.

    Returns
    -------
    Events
        Names are `event_name` ("page_view", "link_click"), else `event`; structured events are named after their
        action, `se_action`. Identifiers: `user_id`, `domain_userid`, and `device_id` where mobile events have a client
        session. Self-describing JSON becomes columns as in a warehouse (`unstruct_event_com_acme_signed_up_1_plan`).
        Campaign columns are the `mkt_*` fields. Duplicates have the same `event_id` and `event_fingerprint`.

    Raises
    ------
    SourceError
        The file of another system.

    Notes
    -----
    Time is `true_tstamp`, else `derived_tstamp` (the device's clock corrected by the collector's), else
    `collector_tstamp`. Streams of older versions, which have fewer fields, are read, too. Source:
    Snowplow's documentation of the canonical event model and of the enriched TSV format.

    Examples
    --------
    >>> import polars as pl
    >>> rows = pl.DataFrame({"event_id": ["e1"], "collector_tstamp": ["2026-03-01 10:00:00.5"], "domain_userid": ["d1"],
    ...     "user_id": ["7"], "event_name": ["page_view"], "page_urlpath": ["/pricing"]})
    >>> read_snowplow(rows).table.select("event", "user_id", "domain_userid", "page_path").collect().rows()
    [('page_view', '7', 'd1', '/pricing')]
    """
    raw, is_stream, may_have_json = _load_rows(source)
    raw = parse_self_describing_json(raw) if may_have_json else raw
    f = Fields(raw.schema)
    device = _client_session_user(raw)
    missing = [] if f.has("collector_tstamp", "derived_tstamp") else ["collector_tstamp"]
    missing += [] if f.has("domain_userid", "user_id") or device is not None else ["domain_userid", "user_id"]
    if missing:
        raise wrong_system_error("Snowplow", raw, missing=missing)
    ids = {"user_id": f.id("user_id"), "domain_userid": f.id("domain_userid")}
    if device is not None:
        ids["device_id"] = device
    if network:
        ids["network_userid"] = f.id("network_userid")
    mapping = ColumnMapping(
        inexact=f.inexact,
        timestamp=f.first_time("true_tstamp", "derived_tstamp", "collector_tstamp"),
        time_text=f.time_text("derived_tstamp", "collector_tstamp"),
        event=_event_name(f),
        ids=ids,
        fields={
            "page_url": f.text("page_url"),
            "page_title": f.text("page_title"),
            "page_referrer": f.text("page_referrer"),
            "page_path": f.text("page_urlpath"),
            "page_search": f.text("page_urlquery"),
            **{canonical: f.text(utm.replace("utm", "mkt")) for canonical, utm in UTM.items()},
        },
    )
    if is_stream:
        # Asked for beside the others: they stay properties.
        is_cut_off = Fields(raw.schema).text(*LAST).is_null() & ~pl.col("_is_older")
        mapping.problem = pl.when(is_cut_off).then(pl.lit("a line that is cut off"))
    if f.has("event_id"):
        parts = [f.key("event_id"), f.key("event_fingerprint").fill_null("")]
        mapping.fields["message_id"] = pl.concat_str(parts, separator="/")
    # An action is the name of a structured event, and a property of any other.
    action = pl.when(~_is_structured(f).fill_null(value=False)).then(f.text("se_action"))
    mapping.properties = [*([("se_action", action)] if f.has("se_action") else []), *f.rest()]
    return map_events(raw, mapping, name=name)


def _event_name(f: Fields) -> pl.Expr:
    """Name a structured event after its action: all of them are called "struct", or "event"."""
    action = pl.when(_is_structured(f)).then(f.text("se_action"))
    return pl.coalesce(action, f.text("event_name", "event"))


def _is_structured(f: Fields) -> pl.Expr:
    kind, name = f.text("event"), f.text("event_name")
    return (kind == "struct") | ((name == "event") & kind.is_null())


def _client_session_user(raw: RawTable) -> pl.Expr | None:
    """Return the device of mobile events, `userId` in the client session's JSON; None without such a column."""
    found = [
        expr.cast(pl.String).str.extract(r'"(?:userId|user_id)"\s*:\s*"([^"]+)"', 1)
        for path, (expr, _) in Fields(raw.schema).leaves.items()
        if re.match(CLIENT_SESSION, "_".join(path).replace(".", "_"))
    ]
    return pl.coalesce(found) if found else None


def _load_rows(source: Source) -> tuple[RawTable, bool, bool]:
    """Return the rows, whether they are lines of the stream, and whether there may be self-describing JSON in them."""
    if isinstance(source, str | Path | list | tuple) and not is_lake(source):
        files = [found for found in find_files(source) if found.format == "csv" and found.size]
        widths = [width for width in map(_stream_width, files[:MAX_INSPECTED]) if width is not None]
        if widths:
            return _load_stream(source, files, default=max(widths)), True, any(map(_may_have_json, files))
    return load_source(source, text_columns=TEXT), False, True


def _load_stream(source: Source, files: list[SourceFile], *, default: int) -> RawTable:
    """Read the files of a stream, those of an older version with fewer fields apart."""
    width_of = [_stream_width(found) or default for found in files]
    tables = []
    for width in sorted(set(width_of)):
        own = [found for found, its_width in zip(files, width_of, strict=True) if its_width == width]
        if own == files:
            table = load_source(source, column_names=FIELDS[:width], text_columns=TEXT, quoted=False)
        else:
            table = load_files(own, name="snowplow", column_names=FIELDS[:width], text_columns=TEXT, quoted=False)
        is_older = pl.lit(not set(LAST) & set(FIELDS[:width])).alias("_is_older")
        tables.append(table.with_rows(table.rows.with_columns(is_older)))
    if len(tables) == 1:
        return tables[0]
    return RawTable(
        concat_rows([table.rows for table in tables]),
        "snowplow",
        tuple(note for table in tables for note in table.notes),
        in_memory=all(table.in_memory for table in tables),
    )


def _may_have_json(found: SourceFile) -> bool:
    """Return whether a file may hold self-describing JSON: it is not compressed, and has its first word somewhere."""
    if found.compression is not None or found.archive is not None:
        return True
    with found.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as text:
        return text.find(b"iglu:") >= 0 or text.find(b"i\0g\0l\0u") >= 0


def _stream_width(found: SourceFile) -> int | None:
    """Count the fields of the enriched stream in a file's first lines; None where it is something else.

    The very first line may be blank, or cut off. Older streams have fewer fields, and some tools strip an empty last
    one; their sixth field must be a kind of event, since any table may have that many columns.
    """
    try:
        lines = [line for line in read_first_lines(found).split("\n") if line.strip()]
    except UnreadableError:
        return None
    if not lines or lines[0].startswith(f"{FIELDS[0]}\t"):
        return None
    rows = [line.split("\t") for line in lines]
    if any(len(row) == len(FIELDS) for row in rows):
        return len(FIELDS)
    older = Counter(len(row) for row in rows if len(row) in SNOWPLOW_WIDTHS and row[5] in SNOWPLOW_EVENTS)
    return older.most_common(1)[0][0] if older else None
