"""Each system's export as it writes it: names, times, identifiers, links, campaign, page, and every property kept."""
# ruff: noqa: E501 - a row of test data is read best in one line

import gzip
import json
import sqlite3
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

import journeys as jn
from journeys.sources import read_any
from journeys.sources.snowplow import FIELDS
from tests.shared import SHARED, needs_shared

MICROS = 1_772_530_000_000_000
AT = datetime.fromtimestamp(MICROS / 1e6, UTC)


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def one(events):
    return events.table.collect().row(0, named=True)


def ga4_row(**more):
    params = [
        {"key": "page_location", "value": {"string_value": "https://x.example/p?gclid=1"}},
        {"key": "ga_session_id", "value": {"int_value": "77"}},
        {"key": "score", "value": {"double_value": 1.5}},
        {"key": "score", "value": {"int_value": "9"}},
    ]
    row = {"event_date": "20260303", "event_timestamp": str(MICROS), "event_name": "page_view", "user_pseudo_id": "7.8"}
    row |= {"event_params": params, "user_properties": [{"key": "tier", "value": {"string_value": "gold"}}]}
    return row | {"traffic_source": {"source": "first", "medium": "email"}, "device": {"category": "mobile"}} | more


def test_ga4_as_json_and_as_parquet(tmp_path):
    rows = [
        ga4_row(),
        ga4_row(
            event_params=[], user_id="u1", collected_traffic_source={"manual_source": "news", "manual_medium": "email"}
        ),
    ]
    path = write(tmp_path / "ga4.json", rows)
    frame = pl.read_ndjson(path, infer_schema_length=None).with_columns(pl.col("event_timestamp").cast(pl.Int64))
    frame.write_parquet(tmp_path / "ga4.parquet")
    for source in (path, tmp_path / "ga4.parquet", frame, frame.to_arrow()):
        first, second = jn.read_ga4(source).table.collect().iter_rows(named=True)
        assert first["timestamp"] == AT
        assert (first["ga_session_id"], first["score"], first["user_tier"], first["device_category"]) == (
            77,
            1.5,
            "gold",
            "mobile",
        )
        assert (first["page_path"], first["campaign_source"], first["channel"]) == ("/p", "google", "Paid Search")
        assert (second["user_id"], second["campaign_source"], second["channel"]) == ("u1", "news", "Email")
        assert second["traffic_source_source"] == "first"
        assert second["ga_session_id"] is None


def test_ga4_distinguishes_repeats_of_a_batch_from_duplicates():
    rows = [ga4_row(batch_page_id=1, batch_ordering_id=1, batch_event_index=n) for n in (1, 2, 2)]
    found = jn.read_ga4(pl.DataFrame(rows)).issues
    assert (found.kept, found.duplicates) == (2, 1)


def test_mixpanel(tmp_path):
    rows = [
        {"event": "Signed Up", "properties": {"time": MICROS // 10**6, "$device_id": "d1", "distinct_id": "$device:d1", "$insert_id": "i", "plan": "pro", "$current_url": "https://x.example/?utm_source=n", "$referrer": "$direct"}},
        {"event": "Signed Up", "properties": {"time": MICROS // 10**6, "$device_id": "d1", "distinct_id": "$device:d1", "$insert_id": "i"}},
        {"event": "Left", "properties": {"time": MICROS // 10**6, "$device_id": "d1", "$user_id": "u1", "distinct_id": "u1", "$insert_id": "j"}},
        {"event": "Left", "properties": {"time": MICROS // 10**6, "distinct_id": "u2", "$insert_id": "k"}},
        {"event": "$identify", "properties": {"time": MICROS // 10**6, "$identified_id": "u1", "$anon_id": "d1", "distinct_id": "u1", "$insert_id": "l"}},
        {"event": "$create_alias", "properties": {"time": MICROS // 10**6, "distinct_id": "u1", "alias": "u9", "$insert_id": "m"}},
        {"event": "$merge", "properties": {"time": MICROS // 10**6, "$distinct_ids": ["u1", "u3"], "distinct_id": "u1", "$insert_id": "n"}},
    ]  # fmt: skip
    events = jn.read_mixpanel(write(tmp_path / "m.ndjson", rows))
    found = events.issues
    assert (found.kept, found.facts, found.duplicates) == (3, 3, 1)
    table = events.table.collect()
    assert table.select("user_id", "device_id").rows() == [(None, "d1"), ("u1", "d1"), ("u2", None)]
    first = table.row(0, named=True)
    assert (first["timestamp"], first["plan"], first["campaign_source"], first["page_referrer"]) == (
        AT,
        "pro",
        "n",
        None,
    )
    links = events.links.select("id_type_a", "id_a", "id_type_b", "id_b", "kind").collect().sort("kind", "id_a").rows()
    assert links == [
        ("user_id", "u9", "user_id", "u1", "alias"),
        ("device_id", "d1", "user_id", "u1", "identify"),
        ("device_id", "u1", "device_id", "u1", "identify"),
        ("user_id", "u1", "user_id", "u3", "merge"),
    ]
    old = jn.read_mixpanel(pl.DataFrame(rows[:1]), time_zone="America/New_York")
    assert one(old)["timestamp"].hour == (AT.hour + 5) % 24


def test_amplitude(tmp_path):
    row = {"event_type": "Signed Up", "event_time": "2026-03-03 09:26:40.500000", "device_id": "d1", "user_id": None, "amplitude_id": 42, "uuid": "x", "$insert_id": "i", "event_properties": {"plan": "pro", "[Amplitude] Page Path": "/p"}, "user_properties": {"tier": "gold"}, "session_id": -1}  # fmt: skip
    rows = [row, row, row | {"event_type": "$identify", "$insert_id": "j", "user_id": "u1"}]
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(r) + "\n" for r in rows).encode()))
    events = jn.read_amplitude(path)
    assert (events.issues.kept, events.issues.facts, events.issues.duplicates) == (1, 1, 1)
    first = one(events)
    assert (first["timestamp"].microsecond, first["plan"], first["page_path"], first["user_tier"]) == (
        500000,
        "pro",
        "/p",
        "gold",
    )
    assert events.facts.collect()["tier"].to_list() == ["gold"]
    assert jn.read_amplitude(path, by_amplitude_id=True).ids == ("user_id", "device_id", "amplitude_id")


@pytest.mark.parametrize("as_text", [True, False])
def test_posthog(as_text):
    def row(event, distinct, **properties):
        return {"uuid": f"{event}{distinct}", "event": event, "timestamp": "2026-03-03T09:26:40+00:00", "distinct_id": distinct,
                "person_id": "p", "properties": json.dumps(properties) if as_text else properties}  # fmt: skip

    rows = [
        row("$pageview", "d1", **{"$device_id": "d1", "$current_url": "https://x.example/a", "$pathname": "/a"}),
        row("$identify", "u1", **{"$device_id": "d1", "$anon_distinct_id": "d1", "$set": {"plan": "pro"}}),
        row("Signed Up", "u1", **{"$device_id": "d1", "n": 1}),
        row("$create_alias", "u1", alias="u0"),
        row("$merge_dangerously", "u1", alias="u2"),
    ]
    events = jn.read_posthog(pl.DataFrame(rows, infer_schema_length=None))
    assert (events.issues.kept, events.issues.facts) == (2, 3)
    assert events.table.select("event", "user_id", "anonymous_id").collect().rows() == [
        ("$pageview", None, "d1"),
        ("Signed Up", "u1", "d1"),
    ]
    assert events.facts.collect().filter(pl.col("kind") == "identify")["plan"].to_list() == ["pro"]
    assert events.links.select("id_a", "id_b", "kind").collect().rows() == [
        ("u0", "u1", "alias"),
        ("u2", "u1", "merge"),
        ("d1", "u1", "identify"),
        ("u0", "u0", "identify"),
    ]


def test_posthog_properties_that_are_no_json():
    texts = ['{"a": 1}', "{broken", None, "[1]", '{"a": {"b": 2}}', '{"a": NaN}']
    rows = {"event": ["A"] * 6, "timestamp": ["2026-03-03"] * 6, "distinct_id": ["u"] * 6, "properties": texts}
    events = jn.read_posthog(pl.DataFrame(rows))
    assert events.issues.kept == 6
    table = events.table.collect()
    assert table["a"].to_list() == ["1", None, None, None, None, None]
    assert table["a_b"].to_list() == [None, None, None, None, 2, None]
    assert table["properties"].to_list() == [None, "{broken", None, "[1]", None, None]


def test_posthog_persons_merge_what_posthog_has_merged(tmp_path):
    device, other = (f"0188c1c0-0000-7000-8000-00000000000{n}" for n in (1, 2))

    def person(distinct, who, properties, **more):
        row = {"team_id": 1, "distinct_id": distinct, "person_id": who, "properties": properties, "person_version": 3}
        return row | {"created_at": "2026-03-01T10:00:00Z", "is_deleted": False} | more

    rows = [
        person(device, "p1", '{"email": "a@x.example", "plan": "pro"}'),
        person("ada", "p1", '{"email": "a@x.example", "plan": "pro"}'),
        person("ada-2", "p1", None),
        person("bob", "p2", "{}", is_deleted=True),
        person("cy", "p3", "{}", created_at=None),
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "persons.parquet")
    persons = jn.read_posthog(tmp_path / "persons.parquet")
    assert (persons.issues.read, persons.issues.kept, persons.issues.facts, persons.issues.quarantined) == (5, 0, 3, 2)
    assert persons.issues.quarantine["reason"].to_list() == ["a deleted person", "no time"]
    log = pl.DataFrame([
        {"event": event, "timestamp": f"2026-03-0{day}T10:00:00Z", "distinct_id": who, "properties": json.dumps({"$device_id": on})}
        for event, day, who, on in [("$pageview", 2, device, device), ("Bought", 3, "ada-2", other), ("Bought", 4, "eve", other)]
    ])  # fmt: skip
    j = jn.stitch(jn.read_posthog(log), persons)
    assert j.events.select("person", "event").collect().rows() == [(1, "$pageview"), (1, "Bought"), (2, "Bought")]
    first = j.people.row(0, named=True)
    assert (first["posthog_id"], first["email"], first["plan"]) == ("p1", "a@x.example", "pro")
    assert read_any(tmp_path / "persons.parquet").issues.facts == 3


def test_hubspot_companies_are_accounts(tmp_path):
    def hook(number, kind, **more):
        return {"eventId": number, "subscriptionType": kind, "occurredAt": MICROS // 1000 + number} | more

    def joined(number, what, to, **more):
        return hook(number, "contact.associationChange", associationType=what, fromObjectId=7, toObjectId=to, **more)

    rows = [
        hook(1, "contact.propertyChange", objectId=7, propertyName="lifecyclestage", propertyValue="lead"),
        joined(2, "CONTACT_TO_COMPANY", 900, associationRemoved=False),
        hook(3, "company.propertyChange", objectId=900, propertyName="industry", propertyValue="SOFTWARE"),
        hook(4, "company.propertyChange", objectId=900, propertyName="industry", propertyValue="GAMES"),
        hook(5, "company.propertyChange", objectId=900, propertyName="lifecyclestage", propertyValue="customer"),
        hook(6, "company.deletion", objectId=901),
        joined(7, "CONTACT_TO_DEAL", 5),
        joined(8, "CONTACT_TO_COMPANY", 902, associationRemoved=True),
    ]
    hooks = jn.read_hubspot(write(tmp_path / "hooks.ndjson", rows))
    assert (hooks.issues.kept, hooks.issues.facts, hooks.issues.quarantined) == (1, 4, 3)
    assert sorted(hooks.issues.quarantine["reason"]) == [
        "an association that is not with a company, or was removed",
        "an association that is not with a company, or was removed",
        "not about a contact: company.deletion",
    ]
    (tmp_path / "companies.csv").write_text(
        "Record ID,Company name,Industry,Create Date\n900,Ada Ltd,Old,2026-03-01 10:00\n901,Bo,,2026-03-02 10:00\n"
    )
    companies = jn.read_hubspot(tmp_path / "companies.csv")
    assert (companies.issues.read, companies.issues.facts) == (2, 2)
    j = jn.stitch(hooks, companies)
    assert j.people.height == 1  # a company is nobody
    account = j.by_account().people.row(0, named=True)
    assert (account["person"], account["members"], account["company_name"], account["industry"]) == (
        "900",
        1,
        "Ada Ltd",
        "GAMES",
    )


def test_hubspot_merges_join_contacts(tmp_path):
    def hook(number, kind, **more):
        return {"eventId": number, "subscriptionType": kind, "occurredAt": MICROS // 1000 + number} | more

    stage = {"propertyName": "lifecyclestage", "propertyValue": "lead"}
    rows = [
        hook(1, "contact.propertyChange", objectId=7, **stage),
        hook(2, "contact.propertyChange", objectId=8, **stage),
        hook(3, "contact.propertyChange", objectId=9, **stage),
        hook(4, "contact.propertyChange", objectId=10, **stage),
        hook(5, "contact.merge", objectId=7, primaryObjectId=7, mergedObjectIds=[8, 9], newObjectId=11),
    ]
    events = jn.read_hubspot(write(tmp_path / "hooks.ndjson", rows))
    assert (events.issues.kept, events.issues.facts) == (4, 1)
    links = events.links.select("id_a", "id_b", "kind").sort("id_b").collect().rows()
    assert links == [("11", "7", "merge"), ("11", "8", "merge"), ("11", "9", "merge")]
    assert jn.stitch(events).people["event_count"].to_list() == [3, 1]
    alone = jn.read_hubspot(pl.DataFrame(rows[:1]))
    assert alone.links.collect().is_empty()


def test_snowplow_without_a_header(tmp_path):
    values = dict.fromkeys(FIELDS, "")
    values |= {"event_id": "e1", "derived_tstamp": "2026-03-03 09:26:40.123", "collector_tstamp": "2026-03-03 09:26:41", "event_name": "link_click",
               "domain_userid": "d1", "user_id": "7", "mkt_source": "news", "mkt_medium": "email", "page_urlpath": "/p", "contexts": '{"a": "b"}'}  # fmt: skip
    path = tmp_path / "run.tsv"
    path.write_text("\t".join(values.values()) + "\n" + "\t".join((values | {"event_id": "e2"}).values()) + "\n")
    events = jn.read_snowplow(path)
    assert events.issues.kept == 2
    first = one(events)
    assert (first["event"], first["user_id"], first["channel"], first["contexts"]) == (
        "link_click",
        "7",
        "Email",
        '{"a": "b"}',
    )
    assert first["timestamp"] == datetime(2026, 3, 3, 9, 26, 40, 123000, UTC)
    assert jn.read_snowplow(path, network=True).ids == ("user_id", "domain_userid", "network_userid")


@needs_shared
def test_snowplows_own_test_events():
    events = jn.read_snowplow(SHARED / "data" / "snowplow_web" / "events.csv")
    found = events.issues
    assert found.read == 160 == found.kept + found.duplicates + found.quarantined
    rows = jn.read_snowplow(SHARED / "data" / "snowplow_fractribution" / "snowplow_fractribution_events.csv")
    assert rows.issues.kept == rows.issues.read > 90


def test_hubspot_webhooks_mail_events_and_contacts(tmp_path):
    hooks = [[
        {"eventId": 1, "objectId": 7, "subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage", "propertyValue": "salesqualifiedlead", "occurredAt": MICROS // 1000},
        {"eventId": 1, "objectId": 7, "subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage", "propertyValue": "salesqualifiedlead", "occurredAt": MICROS // 1000},
        {"eventId": 2, "objectId": 7, "subscriptionType": "contact.propertyChange", "propertyName": "jobtitle", "propertyValue": "CTO", "occurredAt": MICROS // 1000},
        {"eventId": 3, "objectId": 9, "subscriptionType": "company.propertyChange", "propertyName": "name", "propertyValue": "Acme", "occurredAt": MICROS // 1000},
        {"eventId": 4, "objectId": 7, "subscriptionType": "contact.propertyChange", "propertyName": "lifecyclestage", "propertyValue": "My Stage", "occurredAt": MICROS // 1000},
    ]]  # fmt: skip
    path = tmp_path / "hooks.json"
    path.write_text(json.dumps(hooks[0]))
    events = jn.read_hubspot(path)
    found = events.issues
    assert (found.kept, found.facts, found.duplicates, found.quarantined) == (2, 2, 1, 0)
    assert events.table.collect()["event"].to_list() == ["Became SQL", "Became My Stage"]
    assert events.facts.collect()["jobtitle"].to_list() == ["CTO", None]  # the other is of an account
    assert found.quarantine.is_empty()
    write(tmp_path / "batches.json", hooks)
    assert jn.read_hubspot(tmp_path / "batches.json").issues.read == 5
    mail = pl.DataFrame(
        {
            "id": ["a", "b"],
            "type": ["OPEN", "CLICK"],
            "recipient": ["Ada@X.example"] * 2,
            "created": [MICROS // 1000] * 2,
            "url": [None, "https://x.example/"],
        }
    )
    assert jn.read_hubspot(mail).table.select("event", "email").collect().rows() == [
        ("Opened Email", "ada@x.example"),
        ("Clicked Email", "ada@x.example"),
    ]
    contacts = tmp_path / "contacts.csv"
    contacts.write_text(
        "Record ID,Email,Became a Lead Date,Became a Marketing Qualified Lead Date\n7,a@x.example,2026-03-01 10:00,2026-03-05 10:00\n8,b@x.example,,\n"
    )
    listed = jn.read_hubspot(contacts)
    assert listed.table.select("event", "hubspot_id").collect().rows() == [("Became Lead", "7"), ("Became MQL", "7")]
    assert listed.issues.quarantine["reason"].to_list() == [
        "a contact without any date: neither of its creation nor of a stage"
    ]
    calls = pl.DataFrame(
        {"id": ["x"], "eventType": ["pe123_signed_up"], "occurredAt": ["2026-03-01T10:00:00Z"], "objectId": [7]}
    )
    assert one(jn.read_hubspot(calls))["event"] == "Signed Up"


def test_customerio_webhooks_and_activity(tmp_path):
    data = {
        "customer_id": "7",
        "identifiers": {"id": "7", "email": "Ada@X.example", "cio_id": "c1"},
        "recipient": "o@x.example",
        "href": "https://x.example/",
    }
    rows = [
        {"event_id": m, "object_type": "email", "metric": m, "timestamp": MICROS // 10**6, "data": data}
        for m in ("delivered", "human_opened", "human_clicked", "brandnew")
    ]
    rows.append(
        {
            "event_id": "s",
            "object_type": "customer",
            "metric": "unsubscribed",
            "timestamp": MICROS // 10**6,
            "data": {"identifiers": {"email": "b@x.example"}},
        }
    )
    events = jn.read_customerio(write(tmp_path / "c.ndjson", rows))
    assert events.table.collect()["event"].to_list() == [
        "Received Email",
        "Read Email",
        "Followed Email",
        "Brandnew Email",
        "Unsubscribed from Messages",
    ]
    assert one(events)["customerio_id"] == "c1"
    activity = pl.DataFrame(
        {
            "delivery_id": ["d"],
            "metric": ["opened"],
            "created_at": [MICROS // 10**6],
            "customer_id": [7],
            "recipient": ["A@x.example"],
        }
    )
    assert jn.read_customerio(activity).table.select("event", "user_id", "email").collect().row(0) == (
        "Opened Email",
        "7",
        "a@x.example",
    )


def test_databases_through_sql():
    log = pl.DataFrame(
        {
            "at": ["2026-03-01 10:00:00"] * 2,
            "what": ["A", "B"],
            "person": [1, 2],
            "fullstory_url": ["https://fs.example/1", None],
        }
    )
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as database:
        database.register("log", log.to_arrow())
        query = 'select cast("at" as timestamp) as "at", what, person, fullstory_url from log order by what'
        events = jn.read_sql(query, connection=database, timestamp="at", event="what", ids={"user_id": "person"})
        assert events.table.select("event", "user_id", "replay_url").collect().rows() == [
            ("A", "1", "https://fs.example/1"),
            ("B", "2", None),
        ]
        with pytest.raises(jn.SourceError, match="query: the database refuses it: Catalog Error"):
            jn.read_sql("select * from nowhere", connection=database, timestamp="at", event="what", ids=["person"])
    sqlite = sqlite3.connect(":memory:")
    sqlite.execute("create table log as select 7 as person, '2026-03-01 10:00:00' as at, 'A' as what")
    read = jn.read_sql("select * from log", connection=sqlite, timestamp="at", event="what", ids={"user_id": "person"})
    assert one(read)["user_id"] == "7"
    sqlite.close()


@pytest.mark.parametrize("form", ["csv", "csv.gz", "csv.zst", "ndjson", "ndjson.zst", "parquet", "arrow"])
def test_a_table_in_every_format(tmp_path, form):
    frame = pl.DataFrame(
        {
            "t": ["2026-03-01T10:00:00Z"] * 2,
            "e": ["A", "B"],
            "u": [1, 2],
            "x": [1.5, None],
            "utm_source": ["news", None],
        }
    )
    path = tmp_path / f"log.{form}"
    if form.startswith("csv"):
        frame.write_csv(path, compression={"csv": "uncompressed", "csv.gz": "gzip", "csv.zst": "zstd"}[form])
    elif form.startswith("ndjson"):
        frame.write_ndjson(path, compression="zstd" if form.endswith("zst") else "uncompressed")
    else:
        frame.write_parquet(path) if form == "parquet" else frame.write_ipc(path)
    events = jn.read_table(path, timestamp="t", event="e", ids=["u"])
    assert events.table.select("event", "u", "x", "campaign_source", "source").collect().rows() == [
        ("A", "1", 1.5, "news", "log"),
        ("B", "2", None, None, "log"),
    ]


def test_replay_links_of_any_tool_reach_the_timeline():
    frame = pl.DataFrame({"t": ["2026-03-01"], "e": ["A"], "u": ["1"], "fs_session_url": ["https://fs.example/1"]})
    j = jn.stitch(jn.read_table(frame, timestamp="t", event="e", ids=["u"]))
    assert j.events.select("replay_url").collect().item() == "https://fs.example/1"


def test_systems_are_detected_from_their_columns_and_checked(tmp_path):
    rows = [{"event": "signup", "properties": {"time": MICROS // 10**6, "$device_id": "d1"}}]
    path = write(tmp_path / "m.ndjson", rows)
    assert read_any(path).name == "mixpanel"
    checked = jn.check(path)
    assert checked.table.filter(kind="kept")["rows"].to_list() == [1]
    assert (
        "'signup': not written as Words with Capitals; not in the past tense → 'Signed Up'"
        in checked.table["reason"].to_list()
    )
    assert "1 source, 1 row read" in repr(checked)
    assert "<table" in checked._repr_html_()
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(jn.SourceError, match=r"the system of '.*x.csv' is not recognised; read it with read_table"):
        jn.check(tmp_path / "x.csv")
    with pytest.raises(jn.ArgumentError, match="nothing to check"):
        jn.check()


@pytest.mark.parametrize(
    ("minutes", "said"),
    [(120, "2 hours ahead of"), (60, "1 hour ahead of"), (-60, "1 hour behind"), (330, "5 hours and 30 minutes ahead of"),
     (345, "5 hours and 45 minutes ahead of"), (-570, "9 hours and 30 minutes behind"), (-840, "14 hours behind")],
)  # fmt: skip
def test_a_clock_that_is_hours_off_is_noticed(minutes, said):
    times = [datetime(2026, 3, 1, n % 24, n, tzinfo=UTC) for n in range(40)]
    frame = pl.DataFrame({"t": times, "e": ["A"] * 40, "u": [str(n) for n in range(40)]})
    a = jn.read_table(frame, timestamp="t", event="e", ids=["u"], name="web")
    late = frame.with_columns(pl.col("t") + pl.duration(minutes=minutes, seconds=3))
    b = jn.read_table(late, timestamp="t", event="e", ids=["u"], name="crm")
    assert jn.check(a, b).table.filter(kind="clock").rows() == [
        ("web and crm", "clock", f"crm runs {said} web for people they share: is one of them not in UTC?", 40)
    ]
    assert jn.check(a, a).table.filter(kind="clock").is_empty()


@pytest.mark.parametrize("minutes", [15, 30, 45, 90, 15 * 60])
def test_what_is_done_a_while_later_is_no_wrong_clock(minutes):
    times = [datetime(2026, 3, 1, n % 24, n, tzinfo=UTC) for n in range(40)]
    frame = pl.DataFrame({"t": times, "u": [str(n) for n in range(40)]})
    later = frame.with_columns(pl.col("t") + pl.duration(minutes=minutes))  # no zone is so far from UTC
    web, mail = (
        jn.read_table(rows, timestamp="t", event=pl.lit("Opened"), ids=["u"], name=name)
        for name, rows in (("web", frame), ("mail", later))
    )
    assert jn.check(web, mail).table.filter(kind="clock").is_empty()


def test_moments_spread_evenly_are_no_wrong_clock():
    people = [f"u{who}" for who in range(40)]
    start = datetime(2026, 3, 1, tzinfo=UTC)
    visits = pl.DataFrame({"at": [start] * 40, "who": people})
    # Somebody works from half an hour after the visit on: of the distances that occur, some are whole hours.
    work = [{"at": start + timedelta(minutes=minute), "who": who} for who in people for minute in range(30, 300)]
    web, app = (
        jn.read_table(pl.DataFrame(rows), timestamp="at", event=pl.lit("Opened"), ids=["who"], name=name)
        for name, rows in (("web", visits), ("app", work))
    )
    assert jn.check(web, app).table.filter(kind="clock").is_empty()


def test_became_is_a_verb():
    log = pl.DataFrame({"at": ["2026-03-01"], "what": ["Became Lead"], "who": ["u1"]})
    found = jn.check(jn.read_table(log, timestamp="at", event="what", ids=["who"])).table
    assert found.filter(kind="named").height == 0
