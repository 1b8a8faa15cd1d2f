"""Hashed addresses show nowhere: not in properties, traits, accounts, quarantine or what is nobody."""

import hashlib
import json

import polars as pl
import pytest

import journeys as jn

RULES = jn.IdentityRules(hash_emails=True, salt="pepper")


def hashed(address: str) -> str:
    return hashlib.sha256(f"pepper{address}".encode()).hexdigest()


def call(number: int, kind: str, **more):
    return {"type": kind, "messageId": f"{number}", "timestamp": f"2026-03-0{number}T00:00:00Z"} | more


CALLS = [
    call(1, "identify", userId="u1", traits={"email": "Ann@x.org", "work_email": "Ann@work.org"}),
    call(
        2,
        "track",
        event="Paid",
        userId="u1",
        properties={"email": " ann@x.org ", "contact": "z@x.org", "note": "ask @ann"},
    ),
    call(3, "track", event="Paid", userId="test@x.org", anonymousId="null", properties={"email": "gone@x.org"}),
    call(4, "group", userId="u1", groupId="42", traits={"billing_email": "pay@x.org"}),
]


def read(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in CALLS))
    return jn.read_segment(path)


def test_addresses_in_properties_and_traits_are_hashed(tmp_path):
    j = jn.stitch(read(tmp_path), rules=RULES)
    row = j.events.collect().row(0, named=True)
    assert (row["property_email"], row["contact"], row["note"]) == (hashed("ann@x.org"), hashed("z@x.org"), "ask @ann")
    person = j.people.row(0, named=True)
    assert (person["email"], person["work_email"]) == (hashed("ann@x.org"), hashed("ann@work.org"))
    junk = j.identity.junk.select("id_type", "id").sort("id_type").rows()
    assert junk == [("anonymous_id", "null"), ("user_id", hashed("test@x.org"))]
    assert j.quarantine["property_email"].to_list() == [hashed("gone@x.org")]
    assert j.by_account().people["group_billing_email"].to_list() == [hashed("pay@x.org")]
    frames = [j.events.collect(), j.people, j.quarantine, *j.identity._to_frames().values(), j.identity.table]
    assert not any("@x.org" in str(frame.rows()) or "@work.org" in str(frame.rows()) for frame in frames)


def test_data_added_later_is_hashed_too(tmp_path):
    late = pl.DataFrame({"at": ["2026-04-01"], "user_id": ["u1"], "contact": ["new@x.org"]})
    j = jn.stitch(read(tmp_path), rules=RULES)
    j = j.add(jn.read_table(late, timestamp="at", event=pl.lit("Left"), ids=["user_id"], name="late"))
    assert j.events.collect()["contact"].to_list() == [hashed("z@x.org"), hashed("new@x.org")]
    assert j.identity.explain("ann@x.org", "u1").joined


def test_addresses_are_hashed_only_where_the_rules_ask_for_it(tmp_path):
    j = jn.stitch(read(tmp_path))
    assert j.events.collect()["contact"].to_list() == ["z@x.org"]
    assert j.people["work_email"].to_list() == ["Ann@work.org"]


@pytest.mark.parametrize("kind", [pl.Categorical, pl.Enum(["ann@x.org", "Ask@Bob", "plain"])])
def test_addresses_in_categories_are_hashed(kind):
    sent = pl.Series(["ann@x.org", "Ask@Bob", None, "ann@x.org"]).cast(kind)
    kept = pl.Series(["plain", None, "plain", "Ask@Bob"]).cast(kind)
    days = [f"2026-03-0{day}" for day in range(1, 5)]
    table = pl.DataFrame({"at": days, "user_id": ["u", "u", "u", "null"], "sent_to": sent, "kept": kept})
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("Sent"), ids=["user_id"], name="app"), rules=RULES)
    events = j.events.collect()
    assert events["sent_to"].to_list() == [hashed("ann@x.org"), "Ask@Bob", None]
    assert events["kept"].to_list() == ["plain", None, "plain"]
    assert (events.schema["sent_to"], events.schema["kept"]) == (pl.String, kept.dtype)
    assert j.quarantine["sent_to"].to_list() == [hashed("ann@x.org")]
