"""What newer and older versions of exports write: the same identifiers, stages, pages and campaigns."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.sources import read_any
from journeys.sources.column_mapping import as_key
from journeys.sources.registry import READERS
from journeys.sources.snowplow import FIELDS

CLIENT_SESSION = "contexts_com_snowplowanalytics_snowplow_client_session_1_0_2"


def snowplow(**more):
    rows = {
        "event_id": ["1", "2"], "collector_tstamp": ["2026-01-01 10:00:00", "2026-01-01 10:05:00"],
        "domain_userid": [None, None], "user_id": [None, "u1"], "event_name": ["screen_view"] * 2,
    }  # fmt: skip
    return pl.DataFrame(rows | more, schema_overrides={"domain_userid": pl.String})


@pytest.mark.parametrize("key", ["userId", "user_id"])
def test_snowplows_client_session_names_the_device(key):
    session = json.dumps([{key: "device-1", "sessionId": "s1"}])
    events = jn.read_snowplow(snowplow(**{CLIENT_SESSION: [session] * 2}))
    assert events.ids == ("user_id", "domain_userid", "device_id")
    assert jn.stitch(events).people.select("event_count", "user_id", "device_id").rows() == [(2, "u1", "device-1")]
    structs = snowplow().with_columns(pl.Series(CLIENT_SESSION, [[{key: "device-1"}]] * 2))
    assert jn.stitch(jn.read_snowplow(structs)).size.people == 1
    assert jn.read_snowplow(snowplow()).ids == ("user_id", "domain_userid")


def line(width, **values):
    known = {"event": "page_view", "collector_tstamp": "2026-01-01 10:00:00.000", "domain_userid": "d1"}
    return "\t".join((known | values).get(name, "") for name in FIELDS[:width])


def test_snowplows_streams_of_other_widths_are_read(tmp_path):
    session = {"schema": "iglu:com.snowplowanalytics.snowplow/client_session/jsonschema/1-0-2", "data": {"userId": "p"}}
    schema = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-0"
    contexts = json.dumps({"schema": schema, "data": [session]})
    (tmp_path / "old.tsv").write_text(line(108, event_id="1") + "\n" + line(108, event_id="2") + "\n")
    (tmp_path / "cut.tsv").write_text("".join(line(130, event_id=n, event_name="page_view") + "\n" for n in "35"))
    (tmp_path / "new.tsv").write_text(line(131, event_id="4", event_name="page_view", contexts=contexts) + "\n")
    for path, kept in ((tmp_path / "old.tsv", 2), (tmp_path / "cut.tsv", 2), (tmp_path, 5)):
        for read in (jn.read_snowplow, read_any):
            events = read(path)
            assert (events.name, events.issues.kept, events.issues.quarantined) == ("snowplow", kept, 0)
    assert "p" in jn.read_snowplow(tmp_path).table.collect()["device_id"].to_list()


def test_mixpanels_identify_says_which_distinct_id_was_anonymous():
    fields = ("time", "distinct_id", "$insert_id", "$identified_id", "$anon_id")
    calls = [
        ("View", 1719835200, "190b6d25-anon", "1", None, None),
        ("$identify", 1719835201, "u1", "2", "u1", "190b6d25-anon"),
        ("Buy", 1719835202, "u1", "3", None, None),
    ]
    rows = [{"event": name, "properties": dict(zip(fields, values, strict=True))} for name, *values in calls]
    for rules in (None, jn.IdentityRules.mixpanel_original()):
        people = jn.stitch(jn.read_mixpanel(pl.DataFrame(rows)), rules=rules).people
        assert people.select("event_count", "user_id", "device_id").rows() == [(2, "u1", "190b6d25-anon")]


def test_hubspots_stage_dates_under_all_their_names():
    columns = {
        "hs_v2_date_entered_lead": "2026-01-02", "hs_date_entered_opportunity": "2026-01-03",
        "hs_lifecyclestage_customer_date": "2026-01-04", "Became a Subscriber Date": "2026-01-05",
        'Date entered "Marketing Qualified Lead (Lifecycle Stage Pipeline)"': "2026-01-06",
        "Date entered 'Product Qualified (Lifecycle Stage Pipeline)'": "2026-01-07",
        "hs_v2_date_entered_current_stage": "2026-01-08", "hs_v2_date_exited_lead": "2026-01-09",
    }  # fmt: skip
    contact = {"hs_object_id": "1", "email": "a@x.example", "createdate": "2026-01-01T10:00:00Z"}
    events = jn.read_hubspot(pl.DataFrame([contact | columns]))
    assert events.table.collect()["event"].to_list() == [
        "Became Lead", "Became Opportunity", "Became Customer", "Became Subscriber", "Became MQL",
        "Became Product Qualified",
    ]  # fmt: skip
    both = {"hs_lifecyclestage_lead_date": "2026-01-02", "hs_v2_date_entered_lead": "2026-01-02"}
    assert jn.read_hubspot(pl.DataFrame([contact | both])).issues.kept == 1


@pytest.mark.parametrize("merged", ["2;3", "2:1772530000000;3:1772530000001", 2])
def test_hubspots_merged_contacts_are_one_person(merged):
    changes = {"objectId": ["2"], "propertyName": ["lifecyclestage"], "propertyValue": ["lead"]}
    before = jn.read_hubspot(pl.DataFrame(changes | {"occurredAt": [1772530000000]}), name="calls")
    contact = {"hs_object_id": "1", "email": "a@x.example", "createdate": "2026-03-01T10:00:00Z",
               "hs_lifecyclestage_customer_date": "2026-03-05T10:00:00Z", "hs_merged_object_ids": merged}  # fmt: skip
    j = jn.stitch(before, jn.read_hubspot(pl.DataFrame([contact]), name="list"))
    assert j.people.select("event_count", "email").rows() == [(2, "a@x.example")]


def test_customerios_subscriptions_have_the_address_alone():
    call = {"event_id": "1", "object_type": "customer", "metric": "unsubscribed", "timestamp": 1772530000,
            "data": {"email_address": "Ada@x.example"}}  # fmt: skip
    events = jn.read_customerio(pl.DataFrame([call]))
    assert events.table.select("event", "email").collect().rows() == [("Unsubscribed from Messages", "ada@x.example")]


def test_amplitudes_page_location_has_the_query():
    properties = {
        "[Amplitude] Page URL": "https://x.example/p",
        "[Amplitude] Page Location": "https://x.example/p?utm_source=n",
    }
    row = {"event_type": "A", "event_time": "2026-03-01 10:00:00", "user_id": "1", "device_id": "d"}
    table = jn.read_amplitude(pl.DataFrame([row | {"event_properties": properties}])).table.collect()
    assert table.select("page_url", "campaign_source").rows() == [("https://x.example/p?utm_source=n", "n")]


@pytest.mark.parametrize("column", ["url", "page_url"])
def test_read_table_takes_the_page_from_its_url(column):
    rows = pl.DataFrame(
        {"at": ["2026-03-01"], "what": ["A"], "u": ["1"], column: ["https://x.example/?utm_campaign=c"]}
    )
    table = jn.read_table(rows, timestamp="at", event="what", ids=["u"]).table.collect()
    assert table.select("page_url", "campaign").rows() == [("https://x.example/?utm_campaign=c", "c")]


@pytest.mark.parametrize("word", ["NULL", "undefined", "(not set)", "{{campaign.name}}", "None", "${utm}", " "])
def test_words_for_nothing_are_neither_campaigns_nor_referrers(word):
    row = {"event_id": "1", "collector_tstamp": "2026-01-01 10:00:00", "domain_userid": "d1", "event_name": "page_view",
           "page_url": "https://x.example/", "page_referrer": word, "mkt_campaign": word, "mkt_source": word,
           "mkt_medium": word}  # fmt: skip
    table = jn.read_snowplow(pl.DataFrame([row])).table.collect()
    wanted = ("campaign", "campaign_source", "campaign_medium", "page_referrer", "channel")
    assert table.select(wanted).row(0)[:3] == (None, None, None)
    assert table["channel"].item() == "Direct"
    tags = {"utm_campaign": [word], "utm_source": ["news"]}
    log = pl.DataFrame({"at": ["2026-03-01"], "what": ["A"], "u": ["1"]} | tags)
    read = jn.read_table(log, timestamp="at", event="what", ids=["u"]).table.collect()
    assert read.select("campaign", "campaign_source").rows() == [(None, "news")]


def test_the_medium_of_direct_traffic_is_a_value():
    tags = {"utm_source": ["(direct)"], "utm_medium": ["(none)"]}
    log = pl.DataFrame({"at": ["2026-03-01"], "what": ["A"], "u": ["1"]} | tags)
    table = jn.read_table(log, timestamp="at", event="what", ids=["u"]).table.collect()
    assert table.select("campaign_source", "campaign_medium", "channel").rows() == [("(direct)", "(none)", "Direct")]


def test_a_table_of_another_system_is_not_segments(tmp_path):
    rows = {"event_id": ["1"], "collector_tstamp": ["2026-01-01 10:00:00"], "domain_userid": ["d1"], "user_id": ["u"],
            "event": ["page_view"]}  # fmt: skip
    pl.DataFrame(rows).write_csv(tmp_path / "events.csv")
    for read in (jn.read_segment, jn.read_posthog, jn.read_ga4):
        with pytest.raises(jn.SourceError, match="it looks like Snowplow"):
            read(tmp_path / "events.csv")
    pl.DataFrame({"user_id": ["1"], "event": ["A"]}).write_csv(tmp_path / "own.csv")
    with pytest.raises(jn.SourceError, match="'own' has neither anonymous_id nor user_id beside a time"):
        jn.read_segment(tmp_path / "own.csv")


def test_a_message_is_one_whatever_the_type_of_its_numbers(tmp_path):
    same = {"event": "Buy", "properties": {"time": 1719835200, "distinct_id": "u1", "$insert_id": "i1"}}
    other = {"event": "View", "properties": {"time": 1719835100.25, "distinct_id": "u1", "$insert_id": "i0"}}
    (tmp_path / "day1.json").write_text(json.dumps(other) + "\n" + json.dumps(same) + "\n")
    (tmp_path / "day2.json").write_text(json.dumps(same) + "\n")
    days = [jn.read_mixpanel(tmp_path / f"{day}.json", name=day) for day in ("day1", "day2")]
    assert jn.stitch(*days).size.events == 2
    assert jn.read_mixpanel(tmp_path).issues.duplicates == 1


@given(st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_key_depends_on_the_value_and_not_on_its_type(number):
    table = pl.DataFrame({"whole": [number], "float": [float(number)], "text": [f" {number}"]})
    table = table.with_columns(digits=pl.lit(f"{number}.0"), exact=pl.col("whole").cast(pl.Decimal(20, 2)))
    keys = table.select(as_key(pl.col(name), dtype) for name, dtype in table.schema.items()).row(0)
    assert set(keys[:3]) == {str(number)}
    assert keys[4] == str(number)
    assert number < 0 or keys[3] == str(number)


def test_the_registry_lists_the_public_readers():
    functions = {reader.function for reader in READERS}
    readers = {name for name in jn.__all__ if name.startswith("read_")}
    assert functions == readers - {"read_table", "read_sql", "read_rudderstack"}
    for reader in READERS:
        assert reader.load_function() is getattr(jn, reader.function)
        for sign in reader.signs:
            assert all("." not in column for column in sign)


@pytest.mark.parametrize(
    ("source", "medium", "channel"), [("google", "organic", "Paid Search"), ("news", "email", "Email")]
)
def test_a_paid_click_that_is_labelled_organic_is_paid(source, medium, channel):
    log = pl.DataFrame({
        "at": ["2026-03-01"], "what": ["A"], "u": ["1"], "utm_source": [source], "utm_medium": [medium],
        "page_url": ["https://x.example/?gclid=abc"],
    })  # fmt: skip
    table = jn.read_table(log, timestamp="at", event="what", ids=["u"]).table.collect()
    assert table.select("campaign_source", "channel").rows() == [(source, channel)]


def test_messages_and_stages_say_who_did_them():
    calls = {"event_id": ["1", "2"], "object_type": ["email"] * 2, "metric": ["delivered", "clicked"],
             "timestamp": [1772530000] * 2, "customer_id": ["7"] * 2}  # fmt: skip
    by = jn.read_customerio(pl.DataFrame(calls)).table.select("event", "by").collect().rows()
    assert by == [("Received Email", "system"), ("Clicked Email", "person")]
    history = {"objectId": [7], "propertyName": ["lifecyclestage"], "propertyValue": ["lead"]}
    stages = jn.read_hubspot(pl.DataFrame(history | {"occurredAt": [1772530000000]}))
    assert stages.table.select("event", "by").collect().rows() == [("Became Lead", "system")]
