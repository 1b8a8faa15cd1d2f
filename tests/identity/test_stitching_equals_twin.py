"""Stitching equals plain loops, whatever the rules and however nasty the rows."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from journeys.identity import IdentityRules, stitch_events
from tests.twins.identity import Alias, Row, as_events, twin
from tests.twins.ordered_merges import merge_in_turn
from tests.twins.segment_unify import unify

VALUES = {
    "user_id": [None, "u1", "u2", "u3", "null"],
    "email": [None, None, "ann@x.org", "bob@x.org", "info@x.org"],
    "device": [None, None, "d1", "d2"],
    "anonymous_id": [None, "a1", "a2", "a3", "a4", "0000"],
}
TYPES = tuple(VALUES)
ids = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}).filter(
    lambda found: any(value is not None for value in found.values())
)
rows = st.lists(
    st.builds(Row, time=st.integers(0, 5), ids=ids, kind=st.sampled_from([None, None, None, "identify"])), max_size=12
)
identifier = st.sampled_from([(name, value) for name, values in VALUES.items() for value in values if value])
aliases = st.lists(
    st.builds(Alias, a=identifier, b=identifier, time=st.integers(0, 5), kind=st.sampled_from(["alias", "merge"])),
    max_size=2,
)
RULES = {
    "ours": IdentityRules(),
    "crowds": IdentityRules(max_users=1),
    "previous": IdentityRules(shared="previous"),
    "drop": IdentityRules(shared="drop", max_users=None),
    "by time": IdentityRules(order="time"),
    "first by time": IdentityRules(order="time", shared="first", joins_known=("merge",), max_users=None),
    "limits": IdentityRules(limits={"*": 2, "anonymous_id": 1}),
    "few": IdentityRules(max_ids=3, mailboxes=()),
    "two exclusive": IdentityRules(exclusive=("user_id", "email"), priority=("user_id", "email")),
    "nothing exclusive": IdentityRules(exclusive=()),
    "segment": IdentityRules.segment(),
    "keep": IdentityRules(shared="keep", max_users=2),
    "trim": IdentityRules(overflow_policy="trim", shared="first", limits={"*": 3}),
    "trim and crowds": IdentityRules(overflow_policy="trim", max_users=1, order="time", limits={"*": 2}),
    "mixpanel": IdentityRules.mixpanel(),
    "mixpanel original": IdentityRules.mixpanel_original(),
    "amplitude": IdentityRules.amplitude(),
    "posthog": IdentityRules.posthog(),
    "snowplow": IdentityRules.snowplow(),
    "rudderstack": IdentityRules.rudderstack(),
}


@pytest.mark.parametrize("name", RULES)
@settings(max_examples=12)
@given(rows=rows, aliases=aliases)
def test_stitching_equals_loops(name: str, rows: list[Row], aliases: list[Alias]) -> None:
    rules = RULES[name]
    found = stitch_events([as_events(rows, aliases=aliases, types=TYPES)], rules=rules)
    expected = twin(rows, rules=rules, aliases=aliases, types=TYPES)
    kept = [person for person in expected.people if person is not None]
    assert found.table["person"].to_list() == kept
    table = {
        (kind, value): person
        for kind, value, person in found.identity.table.select("id_type", "id", "person").iter_rows()
    }
    assert table == expected.table
    refused = found.identity.refused.select("id_type_a", "id_a", "id_type_b", "id_b").rows()
    assert {((a, b), (c, d)) for a, b, c, d in refused} == expected.refused
    total = found.identity.rows.row(0, named=True)
    assert total["read"] == len(rows) == total["events"] + total["facts"] + total["duplicates"] + total["quarantined"]
    assert total["events"] == len(kept)


clean = st.fixed_dictionaries(
    {
        "user_id": st.sampled_from([None, None, "u1", "u2"]),
        "email": st.sampled_from([None, None, "ann@x.org", "bob@x.org"]),
        "cookie": st.sampled_from([None, "c1", "c2"]),
        "device": st.sampled_from([None, "d1", "d2"]),
    }
).filter(lambda found: any(found.values()))


@settings(max_examples=200)
@given(stated=st.lists(clean, min_size=1, max_size=9))
def test_segment_is_followed_event_by_event(stated: list[dict[str, str | None]]) -> None:
    types = ("user_id", "email", "cookie", "device")
    rows = [Row(at, ids) for at, ids in enumerate(stated)]
    stitched = stitch_events([as_events(rows, types=types)], rules=IdentityRules.segment())
    person = {
        (kind, value): who for kind, value, who in stitched.identity.table.select("id_type", "id", "person").rows()
    }
    found, profile = unify(stated)
    assert {frozenset(one) for one in profile.values()} == {
        frozenset(one for one, who in person.items() if who == number) for number in person.values()
    }
    assert stitched.table["person"].to_list() == [person[one] for one in found if one is not None]


user, device = st.sampled_from(["u1", "u2", "u3"]), st.sampled_from(["a1", "a2", "a3"])
moves = st.one_of(
    st.tuples(st.just("row"), st.none() | user, st.none() | device).filter(any),
    st.tuples(st.sampled_from(["alias", "merge"]), user.map(lambda one: ("user_id", one)), device),
    st.tuples(st.sampled_from(["alias", "merge"]), device.map(lambda one: ("anonymous_id", one)), device),
)


@pytest.mark.parametrize("rules", [IdentityRules.posthog(), IdentityRules.mixpanel_original()])
@settings(max_examples=60)
@given(stated=st.lists(moves, min_size=1, max_size=10))
def test_posthog_is_followed_call_by_call(rules: IdentityRules, stated: list[tuple]) -> None:
    rows, aliases, calls = [], [], []
    for time, (kind, one, other) in enumerate(stated):
        if kind == "row":
            rows.append(Row(time, {"user_id": one, "anonymous_id": other}))
            ends = [(name, value) for name, value in rows[-1].ids.items() if value is not None]
            calls += [(ends[0], ends[-1], False)] if ends else []
        elif one != ("anonymous_id", other):
            aliases.append(Alias(one, ("anonymous_id", other), time, kind=kind))
            calls.append((one, ("anonymous_id", other), kind == "merge"))
    types = ("user_id", "anonymous_id")
    stitched = stitch_events([as_events(rows, aliases=aliases, types=types)], rules=rules)
    columns = stitched.identity.table.select(pl.col("id_type").cast(pl.String), "id", "person").rows()
    number = {(kind, value): who for kind, value, who in columns}
    person = merge_in_turn(calls)
    assert {frozenset(one) for one in person.values()} == {
        frozenset(one for one, who in number.items() if who == found) for found in number.values()
    }
    owners = [next((one for one in row.ids.items() if one[1] is not None), None) for row in rows]
    assert stitched.table["person"].to_list() == [number[one] for one in owners if one is not None]


@settings(max_examples=20)
@given(
    name=st.sampled_from(sorted({*RULES} - {"drop"})),
    rows=rows,
    aliases=aliases,
    seed=st.randoms(use_true_random=False),
    cut=st.integers(0, 12),
)
def test_order_and_files_change_nothing(name: str, rows: list[Row], aliases: list[Alias], seed, cut: int) -> None:
    rules = RULES[name]
    whole = stitch_events([as_events(rows, aliases=aliases, types=TYPES)], rules=rules)
    tagged = list(enumerate(rows))
    seed.shuffle(tagged)
    shuffled = [row for _, row in tagged]
    parts = [
        as_events(shuffled[:cut], aliases=aliases, types=TYPES),
        as_events(shuffled[cut:], aliases=aliases[::-1], types=TYPES),
    ]
    again = stitch_events(parts, rules=rules)
    assert again.identity.table.equals(whole.identity.table)
    person = dict(zip(_usable(tagged, rules=rules), again.table["person"], strict=True))
    assert person == dict(zip(_usable(list(enumerate(rows)), rules=rules), whole.table["person"], strict=True))


def _usable(numbered: list[tuple[int, Row]], *, rules: IdentityRules) -> list[int]:
    """Numbers of the events that someone usable did."""
    nobody = {None, "null", "0000"}
    return [at for at, row in numbered if row.kind is None and not set(row.ids.values()) <= nobody]


@settings(max_examples=20)
@given(rows=rows, more=rows, aliases=aliases)
def test_adding_equals_all_at_once(rows: list[Row], more: list[Row], aliases: list[Alias]) -> None:
    early, late = as_events(rows, types=TYPES), as_events(more, aliases=aliases, types=TYPES, name="later")
    first = stitch_events([early])
    added = stitch_events([early, late], before=first.identity)
    once = stitch_events([early, late])
    pairs = set(zip(added.table["person"], once.table["person"], strict=True))
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    joined = added.identity.table.join(once.identity.table, on=["id_type", "id"], suffix="_once")
    assert joined.height == once.identity.table.height == added.identity.table.height
    assert joined.select(pl.struct("person", "person_once").n_unique()).item() == joined["person"].n_unique()
    before = {row[:2]: row[2] for row in first.identity.table.select("id_type", "id", "person").iter_rows()}
    after = {row[:2]: row[2] for row in added.identity.table.select("id_type", "id", "person").iter_rows()}
    stated = {(row["before"], row["person"]) for row in added.identity.changes.iter_rows(named=True)}
    for one, number in before.items():
        assert after[one] == number or (number, after[one]) in stated
    assert not added.identity.changes.is_duplicated().any()
