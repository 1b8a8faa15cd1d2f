"""Odd identifiers, refused links, shared devices: each has a defined outcome, and no event is lost."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import polars as pl
import pytest

import journeys as jn
from journeys.errors import ArgumentError, StoreError, UnknownNameError
from journeys.identity import Identity, IdentityRules, stitch_events
from tests.twins.identity import Alias, Row, as_events


def who(rows: list[Row], *, aliases: list[Alias] | None = None, rules: IdentityRules | None = None) -> list[int]:
    return stitch_events([as_events(rows, aliases=aliases)], rules=rules).table["person"].to_list()


DEVICE = [(0, None), (1, "u1"), (2, None), (3, "u2"), (4, None)]


@pytest.mark.parametrize(
    ("shared", "expected"),
    [
        ("next", [1, 1, 2, 2, 2]),
        ("previous", [1, 1, 1, 2, 2]),
        ("first", [1, 1, 1, 2, 1]),
        ("last", [1, 2, 1, 1, 1]),
        ("drop", [1, 2]),
    ],
)
def test_shared_device_splits_by_time(shared, expected) -> None:
    rows = [Row(time, {"anonymous_id": "d", "user_id": user}) for time, user in DEVICE]
    stitched = stitch_events([as_events(rows)], rules=IdentityRules(shared=shared))
    assert stitched.table["person"].to_list() == expected
    total = stitched.identity.rows.row(0, named=True)
    assert total["read"] == 5 == total["events"] + total["quarantined"]
    apart = "u1" if shared == "last" else "u2"
    assert stitched.identity.refused.select("id_a", "id_b", "reason").rows() == [(apart, "d", "two values of user_id")]
    assert stitched.identity.shared.select("id", "people").rows() == [("d", 2)]


COOKIES = [
    (1, "u1", "d", "c1"),
    (2, "u2", "d", "c2"),
    (3, None, "d", "c3"),
    (4, None, "d", None),
    (5, None, None, "c3"),
]


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (IdentityRules(), [1, 2, 2, 2, 2]),
        (IdentityRules(shared="drop"), [1, 2, 3, 3]),  # the cookie by itself stays a person of its own
        (IdentityRules(shared="first"), [1, 2, 1, 1, 1]),
        (IdentityRules.amplitude(), [1, 2, 2, 2, 2]),
        (IdentityRules.mixpanel(), [1, 2, 1, 1, 1]),
        (IdentityRules.snowplow(), [1, 1, 1, 1, 1]),
    ],
)
def test_a_cookie_seen_only_on_a_shared_device_belongs_to_the_user_known_then(rules, expected) -> None:
    columns = ("user_id", "device", "anonymous_id")
    rows = [Row(time, dict(zip(columns, found, strict=True))) for time, *found in COOKIES]
    stitched = stitch_events([as_events(rows, types=columns)], rules=rules)
    assert stitched.table["person"].to_list() == expected
    # whatever names nobody says nothing of who is known: only the device is shared
    assert stitched.identity._graph.ids.filter("shared")["id"].to_list() == (["d"] if rules.shared != "keep" else [])
    stated = stitched.identity.explain("c3", ("user_id", "u2"))
    if stated.joined:
        by_time = " by time: they met only on an identifier that several people use" if rules.shared != "last" else ""
        assert stated.finding == f"'c3' and 'u2' are one person{by_time}."
        assert set(stated.table["id_a"]) | set(stated.table["id_b"]) == {"c3", "d", "u2"}
    back = stitch_events([as_events(rows[::-1], types=columns)], rules=rules)
    assert back.table["person"].to_list() == expected[::-1]


def test_a_shared_device_does_not_separate_other_identifiers_of_its_users() -> None:
    columns = ("user_id", "device", "anonymous_id")
    stated = [(0, "u1", "d", None), (1, None, "d", "c3"), (2, "u2", "d", None), (3, "u3", None, "c3")]
    rows = [Row(time, dict(zip(columns, found, strict=True))) for time, *found in stated]
    for rules in (IdentityRules(), IdentityRules(order="time")):
        stitched = stitch_events([as_events(rows, types=columns)], rules=rules)
        assert stitched.table["person"].to_list() == [1, 2, 3, 2]
        assert stitched.identity._graph.ids.filter("shared")["id"].to_list() == (
            ["d"] if rules.shared != "keep" else []
        )


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        (IdentityRules(), ["u2", "u1", "u2", "u1"]),
        (IdentityRules(shared="previous"), ["u2", "u2", "u2", "u1"]),
        (IdentityRules.mixpanel(), ["u2", "u2", "u2", "u1"]),
        (IdentityRules.posthog(), ["u2", "u2", "u2", "u1"]),
        (IdentityRules.segment(), ["u2", "u2", "u2", "u1"]),
        (IdentityRules.amplitude(), ["u2", "u2", "u2", "u1"]),
        (IdentityRules.snowplow(), ["u1", "u1", "u2", "u1"]),
    ],
)
def test_an_alias_shows_which_user_was_on_a_device_when(rules: IdentityRules, expected: list[str]) -> None:
    device = {"anonymous_id": "a1"}
    rows = [Row(1, device), Row(3, device), Row(4, {"user_id": "u2"}), Row(9, {"user_id": "u1", **device})]
    aliases = [Alias(("user_id", "u2"), ("anonymous_id", "a1"), 2)]
    stitched = stitch_events([as_events(rows, aliases=aliases)], rules=rules)
    named = stitched.identity.table.filter(id_type="user_id")
    user = dict(zip(named["person"], named["id"], strict=True))
    assert [user[person] for person in stitched.table["person"]] == expected


def test_under_snowplow_a_device_is_listed_with_the_owner_of_its_events() -> None:
    rows = [Row(0, {"user_id": "u1", "anonymous_id": "a"}), Row(1, {"user_id": "u2", "anonymous_id": "a"})]
    stitched = stitch_events([as_events(rows)], rules=IdentityRules.snowplow())
    person = dict(stitched.identity.table.select("id", "person").iter_rows())
    assert stitched.table["person"].to_list() == [person["u2"]] * 2 == [person["a"]] * 2 != [person["u1"]] * 2


def test_a_shared_device_is_not_attached_to_a_person_at_the_limit() -> None:
    types = ("user_id", "device")
    rows = [Row(0, {"user_id": "u1", "device": "d1"}), Row(1, {"user_id": "u1", "device": "d2"})]
    rows.append(Row(2, {"user_id": "u2", "device": "d2"}))
    for order in (rows, rows[::-1]):
        found = stitch_events([as_events(order, types=types)], rules=IdentityRules(limits={"device": 1})).identity.table
        person = dict(found.select("id", "person").iter_rows())
        assert person["u1"] == person["d1"] != person["u2"] == person["d2"]


def test_an_identifier_refused_by_a_limit_is_a_person_of_its_own() -> None:
    visits = [Row(at, {"user_id": "u1", "anonymous_id": f"a{at}"}) for at in range(1, 8)]
    stitched = stitch_events([as_events([*visits, Row(9, {"anonymous_id": "a6"})])], rules=IdentityRules.segment())
    assert stitched.table["person"].to_list() == [1] * 7 + [2]
    assert stitched.identity.figure("shared identifiers") == 0
    mails = [Row(at, {"user_id": "u1" if at < 2 else None, "email": f"{at % 2}@x.org"}) for at in (0, 1, 3)]
    assert who(mails, rules=IdentityRules(limits={"email": 1})) == [1, 1, 2]
    assert who(mails, rules=IdentityRules(exclusive=("user_id", "email"))) == [1, 1, 2]


def test_alias_joins_two_known_people_and_a_row_never_does() -> None:
    rows = [Row(0, {"user_id": "u1"}), Row(1, {"user_id": "u2"})]
    both = [Row(2, {"email": "a@x.org", "user_id": user}) for user in ("u1", "u2")]
    assert who(rows + both) == [1, 2, 1, 2]
    assert who(rows, aliases=[Alias(("user_id", "u1"), ("user_id", "u2"), 5)]) == [1, 1]
    known = IdentityRules(joins_known=("merge",))
    assert who(rows, aliases=[Alias(("user_id", "u1"), ("user_id", "u2"), 5)], rules=known) == [1, 2]


def test_alias_cycle_and_alias_to_itself() -> None:
    rows = [Row(at, {"user_id": f"u{at}"}) for at in range(3)]
    cycle = [Alias(("user_id", f"u{at}"), ("user_id", f"u{(at + 1) % 3}"), at) for at in range(3)]
    assert who(rows, aliases=cycle) == [1, 1, 1]
    itself = stitch_events([as_events(rows, aliases=[Alias(("user_id", "u0"), ("user_id", "u0"), 0)])])
    assert itself.table["person"].to_list() == [1, 2, 3]
    assert itself.identity.figure("links from an identifier to itself") == 1


@pytest.mark.parametrize(
    "junk",
    ["null", "NULL", "undefined", "None", "NaN", "anonymous", "0", "-1", "[object Object]", "  ", "a\x00b", "\ufffd",
     "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff", "test@test.com", "noreply@x.org"],
)  # fmt: skip
def test_placeholder_values_link_nothing_and_are_counted(junk) -> None:
    rows = [
        Row(0, {"user_id": junk, "anonymous_id": "a"}),
        Row(1, {"user_id": junk, "anonymous_id": "b"}),
        Row(2, {"user_id": junk}),
    ]
    stitched = stitch_events([as_events(rows)])
    assert stitched.table["person"].to_list() == [1, 2]
    total = stitched.identity.rows.row(0, named=True)
    assert (total["read"], total["events"], total["quarantined"]) == (3, 2, 1)
    if junk.strip():
        assert stitched.identity.junk.select("id_type", "id", "rows").rows() == [("user_id", junk, 3)]
    assert "user_id" not in stitched.identity.table["id_type"].to_list()
    assert stitched.quarantine.select("reason", "event").rows() == [("no usable identifier", "e2")]


def test_same_identifier_written_differently() -> None:
    uuid = "7C9F5A0A-3882-4A09-ADAB-DC51289D0064"
    rows = [
        Row(0, {"user_id": "123.0"}), Row(1, {"user_id": " 123 "}),
        Row(2, {"email": "Ann@X.org "}), Row(3, {"email": "mailto:ann@x.org"}),
        Row(4, {"anonymous_id": uuid}), Row(5, {"anonymous_id": uuid.lower()}),
        Row(6, {"user_id": "Ann"}), Row(7, {"user_id": "ann"}), Row(8, {"email": "ann+news@x.org"}),
    ]  # fmt: skip
    assert who(rows) == [1, 1, 2, 2, 3, 3, 4, 5, 6]
    assert who(rows, rules=IdentityRules(plus_tags="drop", fold_case=("user_id",))) == [1, 1, 2, 2, 3, 3, 4, 4, 2]


def test_numbers_as_ids() -> None:
    frames = [
        pl.DataFrame({"at": ["2026-03-01"], "user_id": [7]}),
        pl.DataFrame({"at": ["2026-03-02"], "user_id": [7.0]}),
        pl.DataFrame({"at": ["2026-03-03"], "user_id": ["7"]}),
    ]
    events = [jn.read_table(one, timestamp="at", event=pl.lit("x"), ids=["user_id"], name="app") for one in frames]
    assert jn.stitch(*events).people.select("person", "user_id", "event_count").rows() == [(1, "7", 3)]


def test_hashed_addresses_link_and_do_not_show() -> None:
    rows = [Row(0, {"email": "Ann@x.org", "anonymous_id": "a"}), Row(1, {"email": "ann@x.org"})]
    rules = IdentityRules(hash_emails=True, salt="pepper")
    stitched = stitch_events([as_events(rows)], rules=rules)
    assert stitched.table["person"].to_list() == [1, 1]
    frames = [stitched.people, *stitched.identity._to_frames().values(), stitched.identity.links]
    assert not any("ann@" in str(frame.rows()).lower() for frame in frames)
    assert "pepper" not in str(stitched.identity._to_frames()["settings"].rows())
    assert "pepper" not in repr(rules)
    assert stitched.identity.explain("ANN@x.org", "a").joined


def test_ten_thousand_users_on_one_device() -> None:
    rows = [Row(2 * at, {"user_id": f"u{at:05}", "anonymous_id": "kiosk"}) for at in range(10_000)]
    rows += [Row(2 * at + 1, {"anonymous_id": "kiosk"}) for at in range(10_000)]
    stitched = stitch_events([as_events(rows)])
    assert stitched.identity.figure("people") == 10_000
    assert stitched.identity.shared.row(0) == ("anonymous_id", "kiosk", 10_000, 10_000)
    assert stitched.table["person"].to_list()[10_000:] == [min(at + 2, 10_000) for at in range(10_000)]


def test_a_shared_mailbox_links_nobody() -> None:
    rows = [Row(at, {"email": "info@x.org", "anonymous_id": f"a{at}"}) for at in range(3)]
    assert who(rows) == [1, 2, 3]
    assert who(rows, rules=IdentityRules(mailboxes=())) == [1, 1, 1]


def test_no_explicit_link_joins_users_over_the_identifier_of_a_crowd() -> None:
    rows = [Row(0, {"user_id": "ann"}), Row(1, {"user_id": "bob"}), Row(9, {"email": "info@x.org"})]
    stated = [Alias(("user_id", user), ("email", "info@x.org"), at + 2) for at, user in enumerate(("ann", "bob"))]
    assert who(rows, aliases=stated) == [1, 2, 2]
    assert who(rows, aliases=stated, rules=IdentityRules(mailboxes=())) == [1, 1, 1]
    users = [f"u{at:02}" for at in range(11)]
    kiosk = [Row(at, {"user_id": user, "anonymous_id": "kiosk"}) for at, user in enumerate(users)]
    stated = [Alias(("user_id", user), ("anonymous_id", "kiosk"), 20 + at) for at, user in enumerate(users[:2])]
    assert who(kiosk, aliases=stated) == list(range(1, 12))
    stitched = stitch_events([as_events(kiosk, aliases=stated)])
    refused = stitched.identity.refused.filter(pl.col("kind") == "alias")
    assert refused["reason"].to_list() == ["shared by a crowd"]


def test_shared_devices_count_their_anonymous_events() -> None:
    rows = [Row(at, {"user_id": user, "anonymous_id": "d1"}) for at, user in enumerate(("ann", "bob", None))]
    for rules in (IdentityRules(), IdentityRules.snowplow(), IdentityRules(overflow_policy="trim")):
        identity = stitch_events([as_events(rows)], rules=rules).identity
        assert identity.shared.rows() == [("anonymous_id", "d1", 2, 1)]


def test_a_shared_mailbox_links_nobody_when_addresses_are_hashed() -> None:
    rows = [Row(at, {"email": "info@x.org", "anonymous_id": f"a{at}"}) for at in range(3)]
    assert who(rows, rules=IdentityRules(hash_emails=True, salt="pepper")) == [1, 2, 3]


def test_order_of_columns_decides_nothing_for_segment() -> None:
    stated = [("u1", "1", "a"), ("u2", "2", "b"), (None, "1", "b")]
    rows = [Row(at, dict(zip(("user_id", "phone", "anonymous_id"), one, strict=True))) for at, one in enumerate(stated)]
    found = [
        stitch_events([as_events(rows, types=types)], rules=IdentityRules.segment()).table["person"].to_list()
        for types in (("user_id", "phone", "anonymous_id"), ("user_id", "anonymous_id", "phone"))
    ]
    assert found == [[1, 2, 2], [1, 2, 2]]  # by name, anonymous_id comes before phone


def test_placeholder_values_in_a_link_are_counted() -> None:
    aliases = [Alias(("anonymous_id", "undefined"), ("user_id", "u"), at) for at in range(2)]
    identity = stitch_events([as_events([Row(0, {"user_id": "u"})], aliases=aliases)]).identity
    assert identity.junk.select("id_type", "id", "rows").rows() == [("anonymous_id", "undefined", 2)]
    assert identity.figure("placeholder values") == 1
    # rows that have the value themselves are what is counted
    rows = [Row(0, {"user_id": "u"}), Row(1, {"user_id": "u", "anonymous_id": "undefined"})]
    again = stitch_events([as_events(rows, aliases=aliases)]).identity
    assert again.junk.select("id_type", "id", "rows").rows() == [("anonymous_id", "undefined", 1)]


@pytest.mark.parametrize("shape", ["chain", "star"])
def test_long_chain_and_large_star(shape) -> None:
    count = 50_000
    a = [f"a{at}" for at in range(count)] if shape == "chain" else ["hub"] * count
    b = [f"a{at + 1}" for at in range(count)] if shape == "chain" else [f"a{at}" for at in range(count)]
    frame = pl.DataFrame({"at": ["2026-03-01"], "id": ["a0"]})
    events = jn.read_table(frame, timestamp="at", event=pl.lit("x"), ids=["id"], name="app")
    links = pl.DataFrame({"id_a": a, "id_b": b}).with_columns(
        pl.lit("id").alias("id_type_a"), pl.lit("id").alias("id_type_b"), pl.lit("app").alias("source"),
        pl.lit("alias").alias("kind"), pl.lit(0).cast(pl.Datetime("us", "UTC")).alias("timestamp"),
    )  # fmt: skip
    object.__setattr__(events, "links", links.lazy().select(events.links.collect_schema().names()))
    assert stitch_events([events]).identity.figure("people") == 1


def test_messages_of_two_sources_count_once() -> None:
    frame = pl.DataFrame({"at": ["2026-03-01", "2026-03-02"], "user_id": ["u", "u"], "mid": ["m1", "m2"]})
    one, two = (
        jn.read_table(part, timestamp="at", event=pl.lit("x"), ids=["user_id"], message_id="mid", name=name)
        for part, name in ((frame, "archive"), (frame[1:], "warehouse"))
    )
    j = jn.stitch(one, two)
    assert j.size.events == 2
    assert j.identity.rows.select("source", "read", "events", "duplicates").rows() == [
        ("archive", 2, 2, 0),
        ("warehouse", 1, 0, 1),
    ]
    other = jn.read_table(
        frame.with_columns(at=pl.lit("2026-04-01")),
        timestamp="at",
        event=pl.lit("y"),
        ids=["user_id"],
        message_id="mid",
    )
    assert jn.stitch(one, other).size.events == 4


def test_colliding_hashes_are_found(monkeypatch) -> None:
    rows = [Row(at, {"user_id": f"u{at % 3}", "anonymous_id": f"a{at}"}) for at in range(6)]
    rows += [Row(7, {"user_id": "u1"}, kind="identify")]
    plain = stitch_events([as_events(rows)])

    def same_hash(ids):
        words = [pl.lit(1, pl.UInt64).alias(f"_hash{at}") for at in range(len(ids))]
        return words + [
            (pl.col(one).hash(2) & 0xFFFF).cast(pl.UInt32).alias(f"_check{at}") for at, one in enumerate(ids)
        ]

    monkeypatch.setattr("journeys.identity.read_rows.hash_columns", same_hash)
    again = stitch_events([as_events(rows)])
    assert again.identity.table.equals(plain.identity.table)
    assert again.table.equals(plain.table)


def test_traits_latest_and_as_of() -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [0, 1, 2, 3, 4],
            "event": [None, "x", None, "y", "z"],
            "_kind": ["identify", None, "identify", None, None],
            "user_id": ["u", "u", "u", "u", "v"],
            "trait:plan": ["free", None, "paid", None, None],
        },
    ).with_columns((pl.col("timestamp") * 1_000_000).cast(pl.Datetime("us", "UTC")))
    from journeys.events import build_events

    events = build_events(frame.lazy(), ids=["user_id"], name="app")
    j = jn.stitch(events)
    assert j.people.select("user_id", "plan").rows() == [("u", "paid"), ("v", None)]
    as_of = jn.stitch(events, traits="as_of")
    assert as_of.events.select("event", "plan").collect().rows() == [("x", "free"), ("y", "paid"), ("z", None)]
    # what was asked of the first is asked of what is added, and of what the bridge is worth
    assert "plan" in as_of.add(as_events([], types=("user_id",))).events.collect_schema()
    worth = as_of.identity.compare_unstitched(lambda one: one.where(pl.col("plan") == "paid").size.events)
    assert worth.table.rows() == [("with", 1), ("without", 1)]
    with pytest.raises(ArgumentError, match="traits: 'now' is neither"):
        jn.stitch(events, traits="now")


def test_accounts() -> None:
    frame = pl.DataFrame(
        {
            "timestamp": [0, 1, 2, 3, 4, 5],
            "event": ["x", None, "y", None, "z", "w"],
            "_kind": [None, "group", None, "group", None, None],
            "user_id": ["u", "u", "u", "u", "u", "v"],
            "group_id": [None, "acme", None, "brick", None, None],
            "trait:size": [None, "9", None, None, None, None],
        },
    ).with_columns((pl.col("timestamp") * 1_000_000).cast(pl.Datetime("us", "UTC")))
    from journeys.events import build_events

    j = jn.stitch(build_events(frame.lazy(), ids=["user_id"], name="app"))
    accounts = j.by_account()
    assert accounts.events.select("person", "event", "member").collect().rows() == [
        ("acme", "x", 1), ("acme", "y", 1), ("brick", "z", 1),
    ]  # fmt: skip
    assert accounts.people.select("person", "members", "size").rows() == [("acme", 1, "9"), ("brick", 1, None)]
    assert accounts.unusual_rows["of people without an account, left out"] == 1
    with pytest.raises(ArgumentError, match="nothing names an account"):
        jn.stitch(as_events([Row(0, {"user_id": "u"})])).by_account()
    empty = pl.DataFrame(
        {"at": ["2026-03-01"], "user_id": ["u"], "group_id": [None]}, schema_overrides={"group_id": str}
    )
    with pytest.raises(ArgumentError, match="nothing names an account"):
        jn.stitch(jn.read_table(empty, timestamp="at", event=pl.lit("x"), ids=["user_id"])).by_account()


@pytest.mark.parametrize("name", ["person", "timestamp", "event", "source"])
def test_identifiers_cannot_be_named_like_columns_of_the_log(name) -> None:
    frame = pl.DataFrame({"at": ["2026-03-01"], name: ["u"]})
    with pytest.raises(ArgumentError, match=rf"ids: '{name}' is a column of the log itself; .*'{name}_id': '{name}'"):
        jn.read_table(frame, timestamp="at", event=pl.lit("x"), ids=[name])


def test_lists_cannot_be_identifiers() -> None:
    frame = pl.DataFrame({"at": ["2026-03-01"], "devices": [["d1", "d2"]]})
    with pytest.raises(ArgumentError, match=r"ids: the column 'devices' holds List\(String\), not single values"):
        jn.read_table(frame, timestamp="at", event=pl.lit("x"), ids=["devices"])


def test_without_exclusive_types_the_most_trusted_identifies_people() -> None:
    rows = [Row(0, {"user_id": "u", "anonymous_id": "a"}), Row(1, {"anonymous_id": "a"}), Row(2, {"anonymous_id": "b"})]
    identity = stitch_events([as_events(rows)], rules=IdentityRules.rudderstack()).identity
    assert identity.figure("anonymous events") == 2
    assert identity.figure("of these linked to a known person") == 1
    assert identity.figure("known people") == 1
    assert "1 of them known by user_id" in identity.finding


def chain() -> jn.Journeys:
    rows = [
        Row(0, {"anonymous_id": "a1"}), Row(1, {"anonymous_id": "a1", "email": "ann@x.org"}),
        Row(2, {"email": "ann@x.org", "user_id": "u1"}), Row(3, {"anonymous_id": "a1", "user_id": "u2"}),
    ]  # fmt: skip
    return jn.stitch(as_events(rows))


def test_explanation_of_joined_and_of_separate_identifiers() -> None:
    identity = chain().identity
    joined = identity.explain("a1", "u2")
    assert joined.joined
    assert joined.table.select("id_a", "id_b", "source", "event", "rows").rows() == [("a1", "u2", "web", "e3", 1)]
    apart = identity.explain("u1", ("user_id", "u2"))
    assert not apart.joined
    assert "since a link was refused: two values of user_id" in apart.finding
    assert apart.table["reason"].null_count() == apart.table.height - 1
    assert "refused" in repr(apart)
    assert "ann@x.org" in apart._repr_html_()
    assert identity.explain("u1", "u1").finding == "'u1' is one identifier."
    assert joined.plot().data


def test_explanation_of_unknown_and_ambiguous_identifiers() -> None:
    identity = chain().identity
    with pytest.raises(UnknownNameError, match=r"a: no identifier 'ann@x.com'; did you mean 'ann@x.org'"):
        identity.explain("ann@x.com", "u1")
    with pytest.raises(UnknownNameError, match="b: no identifier type 'mail'; did you mean 'email'"):
        identity.explain("a1", ("mail", "x"))
    twice = jn.stitch(as_events([Row(0, {"user_id": "x1", "anonymous_id": "x1"})])).identity
    with pytest.raises(
        ArgumentError, match=r"a: 'x1' is a value of user_id and of anonymous_id; say which: \('user_id'"
    ):
        twice.explain("x1", "x1")
    junk = jn.stitch(as_events([Row(0, {"user_id": "null", "anonymous_id": "a"})])).identity
    with pytest.raises(UnknownNameError, match="'null' identifies nobody"):
        junk.explain("null", "a")


def test_compare_unstitched_asks_twice() -> None:
    j = chain()
    worth = j.identity.compare_unstitched(lambda one: one.people.height)
    assert worth.table.rows() == [("with", 2), ("without", 4)]
    table = j.identity.compare_unstitched(
        lambda one: one.events.group_by("event").agg(pl.len().alias("n")).sort("event")
    )
    assert table.table.columns == ["event", "n", "n_without"]
    assert "stitching" in table._repr_html_()
    with pytest.raises(ArgumentError, match="compare_unstitched: these journeys are a selection"):
        j.only([1]).identity.compare_unstitched(lambda one: one.people.height)
    with pytest.raises(ArgumentError, match="expected a result, a table or a number"):
        j.identity.compare_unstitched(lambda _: "?")


def test_a_store_keeps_identity_and_refuses_what_needs_raw_events(tmp_path) -> None:
    j = chain()
    j.save(tmp_path / "store")
    opened = jn.open(tmp_path / "store")
    assert opened.identity.table.equals(j.identity.table)
    assert opened.identity.refused.equals(j.identity.refused)
    assert opened.identity.rules == j.identity.rules
    assert repr(opened.identity) == repr(j.identity)
    assert opened.identity.explain("u1", "u2").finding == j.identity.explain("u1", "u2").finding
    with pytest.raises(StoreError, match="compare_unstitched: these journeys came from a store"):
        opened.identity.compare_unstitched(lambda one: one.size.people)
    with pytest.raises(StoreError, match="add: these journeys came from a store"):
        opened.add(as_events([]))
    assert Identity._from_frames(j.identity._to_frames()).figures.equals(j.identity.figures)


def test_adding_keeps_numbers_and_lists_changes() -> None:
    early = as_events([Row(0, {"anonymous_id": "a"}), Row(1, {"user_id": "u"})])
    late = as_events([Row(2, {"anonymous_id": "a", "user_id": "u"}), Row(3, {"user_id": "w"})], name="late")
    j = jn.stitch(early).add(late)
    assert j.identity.table.select("id", "person").rows() == [("u", 1), ("a", 1), ("w", 3)]
    assert j.identity.changes.rows() == [(1, 2, "merged")]
    with pytest.raises(ArgumentError, match="add: these journeys are a selection"):
        j.only([1]).add(late)
    with pytest.raises(ArgumentError, match="expected what jn.read_segment"):
        j.add()


def test_rules_refuse_invalid_values() -> None:
    with pytest.raises(ArgumentError, match=r"order: 'random' is none of 'trust', 'time'"):
        IdentityRules(order="random")
    with pytest.raises(ArgumentError, match=r"(?s)exclusive: expected a sequence.*max_ids: 0 is not"):
        IdentityRules(exclusive="user_id", max_ids=0)
    with pytest.raises(UnknownNameError, match=r"rules.exclusive: no identifier type 'user'; did you mean 'user_id'"):
        stitch_events([as_events([])], rules=IdentityRules(exclusive=("user",)))


def test_rules_report_all_problems_together() -> None:
    with pytest.raises(ArgumentError) as found:
        IdentityRules(
            limits=[1], exclusive=None, junk=("(unclosed",), joins_known=("aliass",), hash_emails="yes", priority=(3,)
        )
    for said in (
        "hash_emails: 'yes' is none of True, False",
        "exclusive: expected a sequence of names, got None",
        "priority: expected a sequence of names, got (3,)",
        "junk: '(unclosed' is not a regular expression (unclosed group)",
        "joins_known: no kind of explicit link 'aliass'; did you mean 'alias'?",
        "limits: expected a mapping from identifier type to number, got [1]",
    ):
        assert said in str(found.value)
    with pytest.raises(ArgumentError, match=r"limits\['user_id'\]: 5 is not valid, since user_id is exclusive"):
        IdentityRules(limits={"user_id": 5})


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ("posthog", r"got 'posthog'; write rules=jn.IdentityRules.posthog\(\)"),
        (IdentityRules.posthog, r"got method posthog; write rules=jn.IdentityRules.posthog\(\)"),
        (3, "got int; presets are segment, mixpanel"),
    ],
)
def test_arguments_that_are_not_rules(rules, said) -> None:
    with pytest.raises(ArgumentError, match=f"rules: expected IdentityRules, {said}"):
        jn.stitch(as_events([]), rules=rules)


def test_rules_are_a_value() -> None:
    one, other = IdentityRules(limits={"email": 3}), IdentityRules(limits={"email": 3})
    assert one == other
    assert len({one, other, IdentityRules()}) == 2
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301
    assert replace(one, limits={"email": 4}).limit("email") == 4
    with pytest.raises(TypeError, match="rules are a fixed value"):
        one.limits.update(email=4)


def test_report_shows_everything_escaped() -> None:
    rows = [Row(0, {"user_id": "<b>u</b>", "anonymous_id": "a"}), Row(1, {"user_id": "<b>v</b>", "anonymous_id": "a"})]
    identity = jn.stitch(as_events(rows)).identity
    html = identity._repr_html_()
    assert "&lt;b&gt;v" in html
    assert "<b>v" not in html
    assert "Refused links (1)" in html
    assert "3 identifiers belong to 2 people, 2 of them known by user_id" in repr(identity)
    assert identity.plot().data
    assert identity.sizes.rows() == [(1, 1), (2, 1)]
    assert identity.giants.height == 0


def test_no_rows_at_all() -> None:
    empty = jn.stitch(as_events([]))
    assert empty.people.height == 0
    assert empty.identity.table.height == 0
    assert empty.identity.linked_share is None
    assert "0 identifiers belong to 0 people" in repr(empty.identity)
    assert empty.identity._repr_html_()


def test_a_property_called_reason_stays_beside_the_reason() -> None:
    table = pl.DataFrame(
        {"at": ["2026-03-01", "2026-03-02"], "user_id": ["ann", "undefined"], "reason": ["too dear", "bored"]}
    )
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("Cancelled Plan"), ids=["user_id"]))
    assert j.events.collect()["reason"].to_list() == ["too dear"]
    assert j.quarantine.select("reason", "reason (as read)").rows() == [("no usable identifier", "bored")]
    good = jn.stitch(jn.read_table(table[:1], timestamp="at", event=pl.lit("x"), ids=["user_id"]))
    assert good.quarantine.columns[0] == "reason"


def test_how_calls_are_split_over_files_does_not_decide_what_an_alias_joins(tmp_path) -> None:
    def read(name, *rows):
        file = tmp_path / f"{name}.json"
        file.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        return jn.read_segment(file)

    visit = {"type": "track", "event": "E", "timestamp": "2026-01-01T00:00:00Z", "messageId": "1", "anonymousId": "d3"}
    alias = {"type": "alias", "timestamp": "2026-01-02T00:00:00Z", "messageId": "3", "previousId": "d3", "userId": "u2"}
    known = {"type": "track", "event": "E", "timestamp": "2026-01-03T00:00:00Z", "messageId": "2", "userId": "u2"}
    once = jn.stitch(read("all", visit, alias, known))
    apart = jn.stitch(read("events", visit, known), read("aliases", alias))
    later = jn.stitch(read("events", visit, known)).add(read("aliases", alias))
    ids = [("user_id", "u2", 1), ("anonymous_id", "d3", 1)]
    for j in (once, apart, later):
        assert j.identity.table.select("id_type", "id", "person").rows() == ids
        assert j.people["event_count"].to_list() == [2]
    # where rows know it as a user's, it is a user's
    other = known | {"messageId": "4", "userId": "d3"}
    stated = jn.stitch(read("events", visit, known, other), read("aliases", alias)).identity.table
    assert set(stated.select("id_type", "id", "person").rows()) == {
        ("user_id", "d3", 2),
        ("user_id", "u2", 2),
        ("anonymous_id", "d3", 1),
    }
