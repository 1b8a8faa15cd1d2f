"""HubSpot's lists: nobody in them is lost, stages have the time that is stated, and the API's answers are read."""

import json
from datetime import UTC, datetime

import polars as pl
import pytest

import journeys as jn
from journeys.sources import read_any

AT = datetime(2026, 3, 1, 10, tzinfo=UTC)
MS = int(AT.timestamp()) * 1000
DEFAULT = (
    "Record ID,First Name,Last Name,Email,Lifecycle Stage,Create Date\n"
    "7,Ada,L,Ada@X.example,Lead,2026-03-01 10:00\n8,Bo,M,b@x.example,,\n"
)


def test_the_export_as_it_is_by_default(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(DEFAULT)
    events = jn.read_hubspot(path)
    found = events.issues
    assert (found.read, found.kept, found.facts, found.quarantined) == (2, 0, 1, 1)
    fact = events.facts.collect().row(0, named=True)
    assert (fact["timestamp"], fact["hubspot_id"], fact["email"]) == (AT, "7", "ada@x.example")
    assert (fact["kind"], fact["first_name"], fact["lifecycle_stage"]) == ("contact", "Ada", "Lead")
    assert found.quarantine["reason"].to_list() == [
        "a contact without any date: neither of its creation nor of a stage"
    ]
    assert any("when contacts reached their stage is not known" in said for said in found.table["reason"])
    assert read_any(path).issues.facts == 1


def test_a_contact_without_stages_is_a_fact_beside_those_with(tmp_path):
    rows = pl.DataFrame({
        "hs_object_id": [101, 102], "email": ["a@x.example", "b@x.example"], "city": ["Ulm", "Bonn"],
        "createdate": [MS, MS + 1000], "hs_lifecyclestage_lead_date": [MS + 2000, None],
        "hs_lifecyclestage_customer_date": [f"{MS + 3000}", ""],
    })  # fmt: skip
    events = jn.read_hubspot(rows)
    assert (events.issues.kept, events.issues.facts, events.issues.quarantined) == (2, 2, 0)
    assert events.facts.select("hubspot_id", "city").collect().rows() == [("101", "Ulm"), ("102", "Bonn")]
    became = events.table.select("event", pl.col("timestamp").dt.epoch("ms") - MS).collect().rows()
    assert became == [("Became Lead", 2000), ("Became Customer", 3000)]
    no_creation = jn.read_hubspot(rows.drop("createdate")).facts.collect()
    assert no_creation["timestamp"].dt.epoch("ms").to_list() == [MS + 2000]
    seconds = jn.read_hubspot(rows.with_columns(pl.lit(MS // 1000).alias("hs_lifecyclestage_lead_date")))
    assert seconds.issues.quarantined == 2
    assert "in milliseconds; it looks like seconds" in seconds.issues.quarantine["reason"][0]


CONTACT = {
    "id": "101",
    "properties": {
        "email": "a@x.example",
        "lifecyclestage": "customer",
        "hs_lifecyclestage_lead_date": "2026-03-01T11:00:00.000Z",
    },
    "createdAt": "2026-03-01T10:00:00.000Z",
}
STEPS = [
    {"value": "customer", "timestamp": "2026-03-03T10:00:00.000Z", "sourceType": "FORM"},
    {"value": "My Stage", "timestamp": "2026-03-02T10:00:00.000Z", "sourceType": "FORM"},
]


@pytest.mark.parametrize("paged", [True, False])
def test_the_apis_contacts_have_their_history(tmp_path, paged):
    rows = [CONTACT | {"propertiesWithHistory": {"lifecyclestage": STEPS}}, CONTACT | {"id": "102"}]
    path = tmp_path / "contacts.json"
    lines = [{"results": rows, "paging": {"next": {"after": "9"}}}] if paged else rows
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    events = jn.read_hubspot(path)
    assert (events.issues.kept, events.issues.facts, events.issues.quarantined) == (3, 2, 0)
    stated = events.table.select("hubspot_id", "event", pl.col("timestamp").dt.day()).collect().rows()
    assert stated == [("101", "Became Customer", 3), ("101", "Became My Stage", 2), ("102", "Became Lead", 1)]
    assert events.facts.collect()["timestamp"].to_list() == [AT, AT]
    assert events.facts.collect()["lifecyclestage"].to_list() == ["customer"] * 2
    assert read_any(path).issues.facts == 2


def test_pages_of_e_mail_events(tmp_path):
    mail = {"id": "a", "type": "OPEN", "recipient": "Ada@X.example", "created": MS}
    path = tmp_path / "mail.json"
    mails = [mail, mail | {"id": "b", "type": "CLICK"}, mail | {"id": "c", "created": 1}]
    path.write_text(json.dumps({"hasMore": False, "offset": "x", "events": mails}))
    events = jn.read_hubspot(path)
    assert events.table.select("event", "email", "timestamp").collect().rows() == [
        ("Opened Email", "ada@x.example", AT),
        ("Clicked Email", "ada@x.example", AT),
    ]
    assert "not between 2000 and 2100 in milliseconds" in events.issues.quarantine["reason"][0]
    assert read_any(path).issues.kept == 2


def test_a_company_without_creation_has_the_time_of_its_change(tmp_path):
    path = tmp_path / "companies.csv"
    path.write_text(
        "Record ID,Company name,Create Date,Last Modified Date\n1,A,2026-03-01 10:00,\n2,B,,2026-03-01 10:00\n3,C,,\n"
    )
    events = jn.read_hubspot(path)
    assert events.facts.select("group_id", "timestamp").collect().rows() == [("1", AT), ("2", AT)]
    assert events.issues.quarantine["reason"].to_list() == [
        "a company without a date: neither of its creation nor of a change"
    ]


def change(about, prop, value, **more):
    call = {"eventId": 1, "objectId": about, "subscriptionType": "contact.propertyChange", "occurredAt": MS}
    return call | {"propertyName": prop, "propertyValue": value} | more


def hooks(tmp_path, *calls):
    path = tmp_path / "hooks.ndjson"
    path.write_text("".join(json.dumps(call) + "\n" for call in calls))
    return jn.read_hubspot(path)


def test_a_repeated_event_id_is_one_call_only_if_the_rows_agree(tmp_path):
    lead = change(7, "lifecyclestage", "lead")
    others = [lead | {"objectId": 8}, lead | {"propertyValue": "customer"}, lead | {"occurredAt": MS + 1}]
    events = hooks(tmp_path, lead | {"attemptNumber": 0}, lead | {"attemptNumber": 1}, *others)
    assert (events.issues.read, events.issues.kept, events.issues.duplicates) == (5, 4, 1)


def test_a_change_of_an_identifying_property(tmp_path):
    calls = [change(7, "email", "Ada@X.example"), change(7, "associatedcompanyid", "9")]
    facts = hooks(tmp_path, *calls).facts.collect()
    assert facts.select("hubspot_id", "email", "group_id").rows() == [("7", "ada@x.example", None), ("7", None, "9")]
    mail = pl.DataFrame({"timestamp": ["2026-03-01"], "event": ["Opened Email"], "email": ["ada@x.example"]})
    opened = jn.read_table(mail, timestamp="timestamp", event="event", ids=["email"])
    assert jn.stitch(opened, hooks(tmp_path, *calls)).people["hubspot_id"].to_list() == ["7"]


def test_a_companys_stage_is_a_trait_of_the_account(tmp_path):
    company = {"subscriptionType": "company.propertyChange"}
    facts = hooks(
        tmp_path, change(9, "lifecyclestage", "customer", **company), change(7, "lifecyclestage", "lead")
    ).facts
    assert facts.select("group_id", "lifecyclestage").collect().rows() == [("9", "customer")]


LISTED = (
    "Record ID,Email,Lifecycle Stage,Create Date,Associated Company IDs,Became a Lead Date\n"
    "101,a@x.example,lead,2026-03-01 10:00,9;10,2026-03-29 02:30\n102,b@x.example,lead,2026-03-01 10:00,10,\n"
)


def test_of_several_companies_the_first_is_the_contacts_own(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(LISTED)
    facts = jn.read_hubspot(path).facts.collect()
    columns = ["group_id", "associated_company_ids"]
    assert facts.select(columns).rows() == [("9", "9;10"), ("10", "10")]
    path.write_text(LISTED.replace("Lifecycle Stage", "Primary Associated Company ID").replace(",lead,", ",10,"))
    assert jn.read_hubspot(path).facts.collect()["group_id"].to_list() == ["10", "10"]


def test_lists_note_the_assumed_time_zone_and_take_another(tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text(LISTED)
    noted = jn.read_hubspot(path).issues.table.filter(kind="note")["reason"].to_list()
    assert noted[-1] == "times without a zone were read as UTC"
    events = jn.read_hubspot(path, time_zone="Europe/Berlin")
    assert events.facts.collect()["timestamp"].dt.to_string().to_list() == ["2026-03-01 09:00:00.000000+00:00"] * 2
    assert events.issues.quarantine["reason"].to_list() == [
        "a time that cannot be read: the clocks of Europe/Berlin skip it"
    ]
    assert "of an hour that Europe/Berlin repeats when its clocks go back the first was taken" in (
        events.issues.table.filter(kind="note")["reason"].to_list()
    )
    counted = pl.DataFrame({"Record ID": [7], "email": ["a@x.example"], "createdate": [AT], "lifecyclestage": ["lead"]})
    events = jn.read_hubspot(counted, time_zone="Europe/Berlin")
    assert events.facts.collect()["timestamp"].to_list() == [AT]
    assert not any("without a zone" in said for said in events.issues.table["reason"])
    with pytest.raises(jn.ArgumentError, match="time_zone: 'Berlin' is not a time zone"):
        jn.read_hubspot(path, time_zone="Berlin")


def test_a_zone_holds_for_every_kind_of_hubspot_data(tmp_path):
    path = tmp_path / "companies.csv"
    path.write_text("Record ID,Company name,Create Date,Associated Contact IDs\n9,X,2026-03-01 10:00,1;2\n")
    company = jn.read_hubspot(path, time_zone="Europe/Berlin").facts.collect().row(0, named=True)
    assert (company["timestamp"].hour, company["associated_contact_ids"]) == (9, "1;2")
    stated = {"objectId": ["7"], "propertyName": ["lifecyclestage"], "propertyValue": ["lead"]}
    for at in ("2026-03-01 10:00", f"{MS - 3_600_000}", "2026-03-01T09:00:00Z"):
        events = jn.read_hubspot(pl.DataFrame(stated | {"occurredAt": [at]}), time_zone="Europe/Berlin")
        assert events.table.collect()["timestamp"].dt.hour().to_list() == [9]
        assert any("Europe/Berlin" in said for said in events.issues.table["reason"]) == (at == "2026-03-01 10:00")


def test_a_stage_in_two_exports_is_one_event(tmp_path):
    (tmp_path / "a.csv").write_text(LISTED)
    later = LISTED.replace(",10,\n", ",10,2026-04-01 10:00\n")
    (tmp_path / "b.csv").write_text(later)
    found = jn.read_hubspot(tmp_path).issues
    assert (found.kept, found.facts, found.duplicates) == (2, 4, 1)


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        (["objectId", "propertyName", "propertyValue"], "'occurredAt'"),
        (["objectId", "subscriptionType"], "'occurredAt'"),
        (["type", "recipient"], "'created'"),
        (["type", "created"], "'recipient'"),
        (["eventType"], "'occurredAt'"),
        (["name"], "'propertyName' or 'recipient' or 'eventType' or 'lifecyclestage'"),
    ],
)
def test_missing_columns_of_the_closest_kind_of_data_are_named(columns, missing):
    with pytest.raises(jn.SourceError, match=f"not HubSpot data: no column {missing};"):
        jn.read_hubspot(pl.DataFrame({column: ["x"] for column in columns}))
