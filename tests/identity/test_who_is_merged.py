"""Who is merged and who is not, in inputs that public reports describe: each merged or split the wrong people once."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import journeys as jn


def mixpanel(event: str, second: int, **properties: Any) -> dict[str, Any]:
    plain = {"time": 1719835200 + second, "distinct_id": None, "$identified_id": None, "$anon_id": None}
    return {"event": event, "properties": plain | {"$insert_id": str(second)} | properties}


@pytest.mark.parametrize("rules", [jn.IdentityRules(), jn.IdentityRules.mixpanel_original()])
def test_mixpanels_identify_names_the_visitor_that_server_side_events_have_without_a_device(rules) -> None:
    rows = [
        mixpanel("View", 0, distinct_id="190b6d25-anon"),
        mixpanel("$identify", 1, distinct_id="u1", **{"$identified_id": "u1", "$anon_id": "190b6d25-anon"}),
        mixpanel("Buy", 2, distinct_id="u1"),
    ]
    j = jn.stitch(jn.read_mixpanel(pl.DataFrame(rows, infer_schema_length=None)), rules=rules)
    assert j.people.select("event_count", "user_id", "device_id").rows() == [(2, "u1", "190b6d25-anon")]


@pytest.mark.parametrize("rules", [jn.IdentityRules(), jn.IdentityRules.mixpanel_original()])
def test_mixpanels_identify_of_two_users_on_one_device_keeps_them_apart(rules) -> None:
    device, users = "190b6d25-anon", ("u1", "u2")
    rows = [
        mixpanel("View", 0, distinct_id=device),
        *(mixpanel("$identify", 1 + i, distinct_id=u, **{"$anon_id": device}) for i, u in enumerate(users)),
        *(mixpanel("Buy", 3 + i, distinct_id=u) for i, u in enumerate(users)),
    ]
    j = jn.stitch(jn.read_mixpanel(pl.DataFrame(rows, infer_schema_length=None)), rules=rules)
    assert j.people.select("event_count", "user_id").rows() == [(2, "u1"), (1, "u2")]


def test_contacts_that_hubspot_merged_are_one_person() -> None:
    before = pl.DataFrame(
        {
            "objectId": ["2"],
            "propertyName": ["lifecyclestage"],
            "propertyValue": ["lead"],
            "occurredAt": [1772530000000],
        }
    )
    now = pl.DataFrame(
        {
            "hs_object_id": ["1"],
            "email": ["a@x.example"],
            "createdate": ["2026-03-01T10:00:00Z"],
            "lifecyclestage": ["customer"],
            "hs_lifecyclestage_customer_date": ["2026-03-05T10:00:00Z"],
            "hs_merged_object_ids": ["2;3"],
        }
    )
    j = jn.stitch(jn.read_hubspot(before, name="calls"), jn.read_hubspot(now, name="list"))
    assert j.people.select("event_count", "email").rows() == [(2, "a@x.example")]
    ids = j.identity.table.filter(pl.col("id_type") == "hubspot_id")["id"].sort().to_list()
    assert ids == ["1", "2", "3"]


def posthog(minute: int, event: str, distinct_id: str, **properties: Any) -> dict[str, Any]:
    empty = {"$device_id": None, "$anon_distinct_id": None, "alias": None}
    time = f"2026-03-01T10:{minute:02}:00Z"
    properties = empty | properties
    return {
        "uuid": str(minute), "event": event, "timestamp": time, "distinct_id": distinct_id, "properties": properties,
    }  # fmt: skip


def posthog_people(rows: list[dict[str, Any]], *, rules: jn.IdentityRules) -> list[list[str]]:
    """Return the values of each person's identifiers; one value that is of two types stands once."""
    identity = jn.stitch(jn.read_posthog(pl.DataFrame(rows, infer_schema_length=None)), rules=rules).identity
    found = identity.table.group_by("person").agg(pl.col("id").unique().sort()).sort("person")
    return found["id"].to_list()


@pytest.mark.parametrize("rules", [jn.IdentityRules(), jn.IdentityRules.posthog()])
@pytest.mark.parametrize("anonymous", [None, "x"])
def test_posthogs_identify_does_not_merge_an_id_that_was_identified_itself(rules, anonymous) -> None:
    rows = [
        posthog(1, "$pageview", "ann"),
        posthog(2, "$identify", "ann", **{"$anon_distinct_id": anonymous}),
        posthog(3, "$identify", "bob", **{"$anon_distinct_id": "ann"}),
        posthog(4, "$pageview", "bob"),
    ]
    together = posthog_people(rows, rules=rules)
    assert sum("ann" in ids and "bob" not in ids for ids in together) == 1
    j = jn.stitch(jn.read_posthog(pl.DataFrame(rows, infer_schema_length=None)), rules=rules)
    assert j.people.height == 2
    assert j.people["event_count"].to_list() == [1, 1]


@pytest.mark.parametrize("rules", [jn.IdentityRules(), jn.IdentityRules.posthog()])
def test_posthogs_identify_merges_an_id_that_was_never_identified(rules) -> None:
    rows = [
        posthog(1, "$pageview", "x"),
        posthog(2, "$identify", "bob", **{"$anon_distinct_id": "x"}),
        posthog(3, "$pageview", "bob"),
    ]
    assert posthog_people(rows, rules=rules) == [["bob", "x"]]


CALLS = st.lists(
    st.tuples(
        st.sampled_from(["$pageview", "$identify", "$create_alias"]), *[st.sampled_from("abcd")] * 2, st.booleans()
    ),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(calls=CALLS)
def test_events_of_an_identified_id_are_that_users_whatever_else_is_called(calls) -> None:
    rows = [
        posthog(
            minute, event, own,
            **{"$anon_distinct_id": other if event == "$identify" and has_other else None},
            alias=other if event == "$create_alias" else None,
        )
        for minute, (event, own, other, has_other) in enumerate(calls)
    ]  # fmt: skip
    rows += [posthog(20 + at, "$pageview", one) for at, one in enumerate("abcd")]
    identified = {own for event, own, *_ in calls if event == "$identify"}
    j = jn.stitch(jn.read_posthog(pl.DataFrame(rows, infer_schema_length=None)), rules=jn.IdentityRules.posthog())
    person_of = dict(j.identity.table.filter(pl.col("id_type") == "user_id").select("id", "person").iter_rows())
    assert len({person_of[one] for one in identified}) == len(identified)
    last = (
        j.events.filter(pl.col("timestamp").dt.minute() >= 20).select("timestamp", "person").collect().sort("timestamp")
    )
    for one, person in zip("abcd", last["person"], strict=True):
        assert one not in identified or person == person_of[one]


def visits(*, customers: int, visitors: int, ids: list[str]) -> jn.Events:
    rows = [
        {
            "ts": (datetime(2026, 1, 1) + timedelta(minutes=at)).isoformat(),
            "action": "login",
            "visitor_id": f"v{at % visitors}",
            "customer_no": f"c{at % customers}",
        }
        for at in range(15)
    ]
    return jn.read_table(pl.DataFrame(rows), timestamp="ts", event="action", ids=ids, name="app")


def test_the_first_identifier_of_a_table_keeps_people_apart() -> None:
    j = jn.stitch(visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"]))
    assert j.people["customer_no"].sort().to_list() == [f"c{at}" for at in range(5)]
    assert j.identity.rules.exclusive == ("customer_no",)
    assert "known by customer_no" in j.identity.finding
    assert not j.identity.warnings
    turned = jn.stitch(visits(customers=5, visitors=3, ids=["visitor_id", "customer_no"]))
    assert turned.people["visitor_id"].sort().to_list() == ["v0", "v1", "v2"]


ROWS = st.lists(st.tuples(*[st.one_of(st.none(), st.sampled_from("abcde"))] * 3), min_size=1, max_size=20)


@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_nobody_has_two_values_of_the_first_identifier_of_a_table(rows) -> None:
    table = pl.DataFrame(rows, schema=dict.fromkeys(("customer_no", "card", "browser"), pl.String), orient="row")
    table = table.with_columns(at=pl.lit("2026-03-01"))
    ids = ["customer_no", "card", "browser"]
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("x"), ids=ids, name="app"))
    customers = j.identity.table.filter(pl.col("id_type") == "customer_no")
    assert customers["person"].n_unique() == customers.height


def test_rules_decide_which_identifier_keeps_people_apart() -> None:
    events = visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"])
    graph = jn.stitch(events, rules=jn.IdentityRules(exclusive=()))
    assert graph.people.height == 1
    named = jn.stitch(events, rules=jn.IdentityRules(exclusive=("visitor_id",)))
    assert named.people.height == 3
    limited = jn.stitch(events, rules=jn.IdentityRules(limits={"customer_no": 2}))
    assert limited.identity.rules.limit("customer_no") == 2
    with_user = visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"])
    users = pl.DataFrame({"ts": ["2026-01-02"], "action": ["login"], "user_id": ["u"], "visitor_id": ["v9"]})
    other = jn.read_table(users, timestamp="ts", event="action", ids=["user_id", "visitor_id"], name="web")
    assert jn.stitch(with_user, other).identity.rules.exclusive == ("user_id",)


def test_added_data_follows_the_rules_that_were_given_and_not_those_of_the_first_table() -> None:
    first = jn.stitch(visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"]))
    users = pl.DataFrame({"ts": ["2026-01-02"], "action": ["login"], "user_id": ["u"], "visitor_id": ["v9"]})
    other = jn.read_table(users, timestamp="ts", event="action", ids=["user_id", "visitor_id"], name="web")
    assert first.add(other).identity.rules.exclusive == ("user_id",)


def test_a_warning_is_given_when_nothing_keeps_people_apart(tmp_path) -> None:
    events = visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"])
    j = jn.stitch(events, rules=jn.IdentityRules.rudderstack())
    said = "No identifier type is exclusive"
    assert said in repr(j)
    assert said in j._repr_html_()
    assert said in repr(j.identity)
    j.save(tmp_path / "store")
    assert said in repr(jn.open(tmp_path / "store"))


def test_a_person_with_suspiciously_many_identifiers_is_reported() -> None:
    rows = {"at": ["2026-03-01"] * 43, "user_id": ["shop"] * 40 + ["ann", "bob", "cid"], "device": range(1, 44)}
    events = jn.read_table(pl.DataFrame(rows), timestamp="at", event=pl.lit("x"), ids=["user_id", "device"], name="web")
    j = jn.stitch(events)
    said = "1 person has suspiciously many identifiers (41)"
    assert said in repr(j)
    assert said in j._repr_html_()
    few = jn.stitch(visits(customers=5, visitors=3, ids=["customer_no", "visitor_id"]))
    assert "suspiciously" not in repr(few)


def test_many_quarantined_rows_of_a_source_are_reported() -> None:
    rows = pl.DataFrame({"at": ["2026-03-01"] * 10, "user_id": ["ann"] * 7 + ["null"] * 3})
    web = jn.read_table(rows, timestamp="at", event=pl.lit("x"), ids=["user_id"], name="web")
    fine = jn.read_table(rows.head(7), timestamp="at", event=pl.lit("y"), ids=["user_id"], name="crm")
    j = jn.stitch(web, fine)
    said = "30% of the 10 rows of web were quarantined"
    assert said in repr(j)
    assert said in j._repr_html_()
    assert "of crm" not in repr(j)
    assert "quarantined" not in repr(jn.stitch(fine))


def test_a_first_identifier_that_another_table_lists_below_its_own_is_not_exclusive() -> None:
    at, what = {"at": ["2026-03-01"] * 2}, pl.lit("x")
    visits_only = pl.DataFrame({**at, "visitor": ["v1", "v2"]})
    logins = pl.DataFrame({**at, "customer": ["c1", "c1"], "visitor": ["v1", "v2"]})
    web = jn.read_table(visits_only, timestamp="at", event=what, ids=["visitor"], name="web")
    app = jn.read_table(logins, timestamp="at", event=what, ids=["customer", "visitor"], name="app")
    for events in ((web, app), (app, web)):
        j = jn.stitch(*events)
        assert j.identity.rules.exclusive == ("customer",)
        assert j.people["event_count"].to_list() == [4]
