"""What an explanation says: of long chains, of calls, of hidden addresses, of what is no identifier."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from journeys.errors import ArgumentError, UnknownNameError
from journeys.identity import IdentityRules
from journeys.identity.explain import _long_path, _short_path
from tests.twins.identity import Alias, Row, as_events

START = datetime(2026, 3, 1)


def chain_of(links: int) -> jn.Journeys:
    """Devices and cookies, each of which meets two of the others."""
    rows = [
        (START + timedelta(seconds=at), f"d{(at + 1) // 2:06}", f"a{at // 2:06}", "Loaded a Page")
        for at in range(links)
    ]
    table = pl.DataFrame(rows, schema=["at", "device_id", "anonymous_id", "what"], orient="row")
    return jn.stitch(jn.read_table(table, timestamp="at", event="what", ids=["device_id", "anonymous_id"], name="web"))


def test_a_long_chain_reads_its_source_once_and_is_shown_by_its_ends(monkeypatch) -> None:
    identity = chain_of(3_000).identity
    read = []
    collect = pl.LazyFrame.collect
    monkeypatch.setattr(pl.LazyFrame, "collect", lambda self, **more: read.append(1) or collect(self, **more))
    found = identity.explain("d000000", "d001500")
    monkeypatch.undo()
    assert found.table.height == 3_000
    assert found.table["event"].unique().to_list() == ["Loaded a Page"]
    assert len(read) < 100
    assert repr(found).count("\n") == 9
    assert "… 2,992 more links …" in repr(found)
    assert "Of its 3,000 links the ends are shown." in found._repr_html_()
    assert any(note.text == "2,992 more links" for note in found.plot().layout.annotations)
    assert len(found.plot().data[-1].x) == 10


def test_refused_links_are_shown_in_the_middle_of_a_long_chain() -> None:
    rows = [Row(at, {"email": f"m{(at + 1) // 2}@x.org", "anonymous_id": f"a{at // 2}"}) for at in range(40)]
    rows += [Row(50, {"user_id": "u1", "anonymous_id": "a0"}), Row(51, {"user_id": "u2", "email": "m20@x.org"})]
    found = jn.stitch(as_events(rows)).identity.explain("u1", "u2")
    assert not found.joined
    assert "refused: two values of user_id" in repr(found)
    assert found._ends["left_out"].sum() + found._ends.height == found.table.height == 41


def test_the_call_that_first_showed_two_identifiers_is_named() -> None:
    rows = [
        Row(0, {"user_id": "u", "anonymous_id": "a"}, kind="identify"),
        Row(1, {"user_id": "u", "anonymous_id": "a"}),
        Row(2, {"user_id": "u", "email": "ann@x.org"}),
    ]
    identity = jn.stitch(as_events(rows, aliases=[Alias(("user_id", "u"), ("anonymous_id", "b"), 3)])).identity
    found = identity.explain("u", "a")
    assert found.table.select("kind", "event", "call", "rows").rows() == [("row", None, "identify", 2)]
    assert "in 2 rows of web since 2026-03-01 00:00 (call: identify)" in repr(found)
    assert "first by a call of identify" in str(found.plot().layout.annotations)
    assert identity.explain("u", "ann@x.org").table.select("event", "call").rows() == [("e2", None)]
    assert identity.explain("u", "b").table.select("kind", "event", "call").rows() == [("alias", None, None)]


def test_hashed_addresses_have_their_event_and_are_found_by_address_and_by_hash() -> None:
    rows = [Row(0, {"email": "Ann@x.org", "anonymous_id": "a"}), Row(0, {"email": "ben@x.org", "anonymous_id": "b"})]
    identity = jn.stitch(as_events(rows), rules=IdentityRules(hash_emails=True, salt="pepper")).identity
    found = identity.explain("ann@x.org", "a")
    assert found.table["event"].to_list() == ["e0"]
    assert identity.explain(found.a[1], "a").joined


def test_a_store_without_the_salt_asks_for_it_and_takes_it(tmp_path) -> None:
    rows = [Row(0, {"email": "ann@x.org", "anonymous_id": "a"})]
    jn.stitch(as_events(rows), rules=IdentityRules(hash_emails=True, salt="pepper")).save(tmp_path / "store")
    identity = jn.open(tmp_path / "store").identity
    with pytest.raises(UnknownNameError, match=r"addresses are kept as hashes, and a store does not keep the salt"):
        identity.explain("ann@x.org", "a")
    assert identity.explain("Ann@x.org", "a", salt="pepper").joined
    with pytest.raises(UnknownNameError, match=r"no identifier 'ann@x.org'. Available: 'a'. Values of email are hash"):
        identity.explain("ann@x.org", "a", salt="salt")


def test_a_shared_mailbox_is_described_as_shared() -> None:
    rows = [Row(0, {"user_id": "u1", "email": "info@acme.com"}), Row(1, {"user_id": "u2", "email": "info@acme.com"})]
    found = jn.stitch(as_events(rows)).identity.explain("u1", "info@acme.com")
    assert found.joined
    assert (
        found.finding == "'info@acme.com' is used by several people: it is listed with 'u1', and links nothing further."
    )


def test_identifiers_as_numbers_and_invalid_identifiers() -> None:
    identity = jn.stitch(as_events([Row(0, {"user_id": "7", "anonymous_id": "a"})])).identity
    assert identity.explain(7, "a").joined
    assert identity.explain(("user_id", 7), "a").joined
    wrong = r"(?s)a: None is not an identifier; give its value, or a type .*b: \('user_id', True\) is not an identifier"
    with pytest.raises(ArgumentError, match=wrong):
        identity.explain(None, ("user_id", True))
    with pytest.raises(UnknownNameError, match=r"(?s)- a: no identifier '8'.*- b: no identifier type 'mail'"):
        identity.explain(8, ("mail", "x"))


def test_the_closest_of_many_identifiers_is_named() -> None:
    rows = [Row(at, {"anonymous_id": f"{at * 7919 % 9973:05}-{at:05}"}) for at in range(6_000)]
    rows += [Row(0, {"anonymous_id": "zz-Northern-Light"})]
    identity = jn.stitch(as_events(rows)).identity
    with pytest.raises(UnknownNameError, match="did you mean 'zz-Northern-Light'.*and 5,980 more"):
        identity.explain("zz-northern-lihgt", "zz-northern-light")


def test_a_chain_fits_on_a_phone() -> None:
    rows = [
        Row(at, {"anonymous_id": "a-long-name-of-a-browser", "user_id": user}) for at, user in enumerate(["u1", "u2"])
    ]
    found = jn.stitch(as_events(rows)).identity.explain("u2", "a-long-name-of-a-browser")
    narrow = found.plot(narrow=True)
    words = narrow.layout.annotations[0].text
    assert "refused: two values of user_id" in words.replace("<br>", " ")
    assert "…" not in words
    assert all(len(line) <= 44 for line in words.split("<br>"))
    assert narrow.layout.title.font.size < found.plot().layout.title.font.size


def test_a_link_of_a_reclassified_identifier_has_its_event() -> None:
    at = ["2026-03-01T10:00:00Z", "2026-03-01T11:00:00Z"]
    properties = [{"$device_id": "d", "$anon_distinct_id": None}, {"$device_id": None, "$anon_distinct_id": "v"}]
    rows = {"event": ["Visit", "$identify"], "timestamp": at, "distinct_id": ["v", "u"], "properties": properties}
    identity = jn.stitch(jn.read_posthog(pl.DataFrame(rows))).identity
    stated = identity.explain("d", "u").table.select("id_type_a", "id_a", "id_type_b", "id_b", "event", "call")
    assert stated.rows() == [
        ("anonymous_id", "d", "anonymous_id", "v", "Visit", None),
        ("anonymous_id", "v", "user_id", "u", None, "identify"),
    ]


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.booleans()), max_size=12),
    ends=st.tuples(st.integers(0, 5), st.integers(0, 5)),
)
def test_short_chains_equal_those_of_a_search_of_all_links(pairs, ends):
    found = [(min(a, b), max(a, b), "refused" if refused else None) for a, b, refused in pairs if a != b]
    links = pl.DataFrame(found, schema={"a": pl.Int32, "b": pl.Int32, "reason": pl.String}, orient="row")
    short, best = _short_path(links, *ends), _long_path(links, *ends)
    assert short in ([], best)
    held = all(found[at][2] is None for at, _ in best)
    assert bool(short) == (0 < len(best) <= 2 and held)
