"""What comes twice, and what is read again: messages of several sources, changed files, identifiers meant otherwise."""

import json

import polars as pl
import pytest

import journeys as jn
from journeys.errors import StoreError, UnknownNameError

DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


def read(users, *, name="app", event="Upgraded Plan", days=DAYS, **more):
    table = pl.DataFrame({"id": [1, 2, 3], "day": days, "user_id": users, **more})
    return jn.read_table(
        table, timestamp="day", event=pl.lit(event), ids=["user_id", *more], message_id="id", name=name
    )


def test_two_systems_that_number_their_messages_from_one_lose_none() -> None:
    j = jn.stitch(read(["u1", "u2", "u3"], name="stripe"), read(["u7", "u8", "u9"], name="paypal"))
    assert j.people["user_id"].to_list() == ["u1", "u7", "u2", "u8", "u3", "u9"]
    assert j.identity.rows["duplicates"].to_list() == [0, 0]


def test_one_name_for_two_tables_loses_nothing() -> None:
    first, second = read(["u1", "u2", "u3"]), read(["u1", "u2", "u3"], event="Signed Up", days=DAYS[::-1])
    assert jn.stitch(first, second).size.events == 6
    assert jn.stitch(first, read(["v1", "v2", "v3"], days=DAYS[::-1])).size.events == 6


def test_a_message_is_one_however_its_identifiers_are_written_and_where_one_copy_lacks_some() -> None:
    client = read([None, " U2 ", "null"], name="client", email=["ann@x.org", None, "Cy@x.org"])
    server = read(["u1", " U2", "u3"], name="server", email=["ANN@x.org", "bob@x.org", "cy@x.org"])
    j = jn.stitch(client, server)
    assert j.identity.rows["duplicates"].to_list() == [0, 3]
    later = read(["u1", "U2", "u3"], name="client", days=["2026-03-04"] * 3)
    assert jn.stitch(client, later).identity.rows["duplicates"].to_list() == [0, 3]


def test_an_anonymous_copy_does_not_replace_one_with_identifiers() -> None:
    client, server = read(["null", "u2", None], name="client"), read(["u1", "u2", "u3"], name="server")
    for sources in ((client, server), (server, client)):
        j = jn.stitch(*sources)
        assert j.people["user_id"].to_list() == ["u1", "u2", "u3"]
        assert j.size.events == 3


def test_changed_files_are_refused(tmp_path) -> None:
    file = tmp_path / "export.csv"
    table = pl.DataFrame({"at": DAYS, "user_id": ["ann", "bob", "ann"], "device": ["d", "e", "d"]})
    table.write_csv(file)
    lazy = pl.scan_csv(file)
    j = jn.stitch(jn.read_table(lazy, timestamp="at", event=pl.lit("x"), ids=["user_id", "device"], name="export"))
    late = jn.read_table(table[:1], timestamp="at", event=pl.lit("x"), ids=["user_id"], name="late")
    assert j.add(late).size.events == 4
    later = table.with_columns(pl.Series("at", ["2026-03-01", "2026-03-02", "2026-04-03"]))
    later.write_csv(file)
    span = "from 2026-03-01 00:00:00 to 2026-0{}-03 00:00:00"
    had = f"add: 'export' had events {span.format(3)} when it was stitched and has them {span.format(4)} now"
    with pytest.raises(StoreError, match=had):
        j.add(late)
    table[:1].write_csv(file)
    for ask, name in (
        (lambda: j.add(late), "add"),
        (lambda: j.identity.compare_unstitched(lambda one: one.size.people), "compare_unstitched"),
    ):
        with pytest.raises(StoreError, match=rf"{name}: 'export' had 3 rows when it was stitched and has 1 now"):
            ask()
    file.write_bytes(b"at,user_id,device\n2026-03-01,\xff\xff,d\n")
    with pytest.raises(StoreError, match="'export' cannot be read: .* read them again"):
        j.add(late)
    file.unlink()
    with pytest.raises(StoreError, match="a file of 'export' no longer exists"):
        j.add(late)
    stated = j.identity.explain(("user_id", "ann"), ("device", "d"))
    assert stated.joined
    assert stated.table["event"].to_list() == [None]


def posthog(*rows):
    names = ["event", "timestamp", "distinct_id", "properties", "uuid"]
    return jn.read_posthog(pl.DataFrame(rows, schema=names, orient="row"))


@pytest.mark.parametrize(("second", "changes"), [("y", []), ("ann", [(1, 2, "merged")])])
def test_an_identifier_reclassified_later_keeps_its_number(second, changes) -> None:
    visits = [("$pageview", f"{DAYS[0]}T0{at}:00:00Z", one, "{}", str(at)) for at, one in enumerate(("x1", second))]
    j = jn.stitch(posthog(*visits))
    assert j.identity.table.select("id_type", "id", "person").rows() == [("user_id", "x1", 1), ("user_id", second, 2)]
    call = ("$identify", f"{DAYS[1]}T00:00:00Z", "ann", json.dumps({"$anon_distinct_id": "x1"}), "9")
    later = j.add(posthog(call))
    person = dict(later.identity.table.select("id", "person").rows())
    assert person == ({"ann": 1, "x1": 1} | ({"y": 2} if second == "y" else {}))
    assert later.identity.changes.rows() == changes


def test_stitching_impact_where_a_type_comes_from_links_only() -> None:
    table = pl.DataFrame({"day": DAYS, "user_id": ["u1", "u1", "u2"], "old": [None, "a", "b"]})
    events = jn.read_table(
        table, timestamp="day", event=pl.lit("x"), ids=["user_id"], links={"old": "old_id"}, name="app"
    )
    j = jn.stitch(events, rules=jn.IdentityRules(limits={"old_id": 5}))
    worth = j.identity.compare_unstitched(lambda one: one.people["old_id"].drop_nulls().len())
    assert worth.table.rows() == [("with", 2), ("without", 0)]


def test_the_reason_of_a_refusal_is_one_of_the_rules() -> None:
    rows = [("u1", None, "e1@x.org"), ("u2", "d1", None), (None, "d1", "e1@x.org"), ("u1", "d1", "e2@x.org")]
    table = pl.DataFrame(rows, schema=["user_id", "device", "email"], orient="row").with_columns(
        day=pl.Series([*DAYS, "2026-03-04"])
    )
    events = jn.read_table(table, timestamp="day", event=pl.lit("x"), ids=["user_id", "device", "email"], name="app")
    stated = {}
    for name, rules in {
        "two": jn.IdentityRules(exclusive=("user_id", "email")),
        "few": jn.IdentityRules(max_ids=3),
        "trim": jn.IdentityRules(overflow_policy="trim", exclusive=("user_id", "email")),
    }.items():
        stated[name] = set(jn.stitch(events, rules=rules).identity.refused["reason"].cast(pl.String))
    people = {"two values of user_id", "two values of email", "over an identifier of several people"}
    assert stated["two"] <= people
    assert stated["few"] <= people | {"more than 3 identifiers"}
    assert stated["trim"] <= people | {"left out with a less trusted identifier"}


def test_a_warning_says_that_no_identifier_is_exclusive() -> None:
    table = pl.DataFrame({"day": DAYS[:2], "customer": ["ann", "bob"], "device": ["d", "d"]})
    events = jn.read_table(table, timestamp="day", event=pl.lit("x"), ids=["customer", "device"], name="app")
    warning = "No identifier type is exclusive, so nothing kept two known people apart"
    (said,) = jn.stitch(events, rules=jn.IdentityRules(exclusive=())).identity.warnings
    assert said.startswith(warning)
    assert jn.stitch(events).identity.warnings == ()
    ours = jn.IdentityRules(exclusive=("customer",))
    assert jn.stitch(events, rules=ours).identity.finding == (
        "3 identifiers belong to 2 people, 2 of them known by customer; 1 link was refused."
    )
    with pytest.raises(UnknownNameError, match=r"rules.exclusive: no identifier type '\*'"):
        jn.stitch(events, rules=jn.IdentityRules(exclusive=("*",)))


def test_each_source_has_its_first_and_last_time() -> None:
    j = jn.stitch(read(["ann", "bob", "ann"]), read(["zoe"] * 3, name="void", days=["?", "?", "?"]))
    first, last = (
        pl.Series([f"2026-03-0{day}", None]).str.to_datetime(time_zone="UTC", time_unit="us") for day in "13"
    )
    assert j.identity.rows["first"].to_list() == first.to_list()
    assert j.identity.rows["last"].to_list() == last.to_list()
    assert "6 rows read" in j.identity.row_summary
