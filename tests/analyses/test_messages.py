"""Messages against plain loops, published figures, and the rules of credit."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests.logs import frame, in_order
from tests.twins import messages as twin

STAGES = {"delivered": "A", "read": "B", "clicked": "C"}
EVERY = [("y", 0, name, "ads") for name in "ABCX"]
ROW = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from([0, 1, 2, 3, 5, 1440, 1441, 2882]),
    st.sampled_from("ABCX"),
    st.sampled_from(["ads", "mail", None]),
)


@pytest.mark.parametrize("conversions", ["first", "every"])
@given(found=st.lists(ROW, max_size=14), within=st.integers(1, 4), credit=st.sampled_from(["clicked or read", "read"]))
def test_messages_equal_their_twin(conversions, found, within, credit):
    found = [*EVERY, *found]
    result = jn.Journeys.from_table(frame(found)).messages(
        "X", by="campaign", within=f"{within}m", credit=credit, conversions=conversions, stages=STAGES
    )
    expected = twin.follow(
        in_order(found),
        stages={event: stage for stage, event in STAGES.items()},
        goal="X",
        within=within,
        touch=credit.split(" or "),
        every=conversions == "every",
        until=max(row[1] for row in found),
    )
    assert set(result.table["campaign"]) == {"(none)" if group is None else group for group in expected}
    for row in result.table.to_dicts():
        own = expected[None if row["campaign"] == "(none)" else row["campaign"]]
        for name in ("people", "read", "clicked", "already", "pending", "eligible", "converted"):
            assert row[name] == len(own[name]), name
        for name in ("conversions", "messages", "read_rate", "click_rate"):
            assert row[name] == own[name], name
        for stage in ("read", "clicked"):
            assert set(result.people(row["campaign"], stage=stage).people["person"]) == own[stage]
        assert set(result.people(row["campaign"], converted=True).people["person"]) == own["converted"]


def log_of(rows: list[tuple[str, int, str]], **columns: list[object]) -> jn.Journeys:
    days = [(person, 1440 * day, event, None) for person, day, event in rows]
    return jn.Journeys.from_table(frame(days).with_columns(**{name: pl.Series(own) for name, own in columns.items()}))


def test_rows_of_one_id_are_one_message_with_one_group():
    rows = [("a", 0, "Received Email"), ("a", 0, "Clicked Email"), ("a", 0, "Received Email"), ("a", 9, "Paid")]
    j = log_of(rows, delivery_id=["m1", "m1", "m2", None], campaign_id=["3", None, "3", None])
    table = j.messages().table
    assert table.select("campaign_id", "messages", "people", "clicked").rows() == [("3", 2, 1, 1)]
    assert "rate" not in table.columns


def test_machine_opens_are_apart_and_earn_no_credit():
    rows = [("a", 0, "Received Email"), ("a", 0, "Opened Email"), ("a", 1, "Paid")]
    rows += [("b", 0, "Received Email"), ("b", 0, "Read Email"), ("b", 1, "Paid"), ("z", 20, "Paid")]
    j = log_of(rows)
    table = j.messages("Paid", by=None).table
    assert table.select("delivered", "opened", "read", "eligible", "converted").rows() == [(2, 1, 1, 2, 1)]
    seen = j.messages("Paid", by=None, credit="delivered").table
    assert seen.select("converted", "rate").rows() == [(2, 1.0)]


def test_a_click_rate_says_of_what():
    """knadh/listmonk #391: 3,251 clicks are 9.94% of 32,706 views; of the deliveries they are far fewer."""
    rows = [(f"p{n}", 0, "Received Email") for n in range(100)]
    rows += [(f"p{n}", 0, "Read Email") for n in range(20)] + [(f"p{n}", 0, "Clicked Email") for n in range(2)]
    m = log_of(rows).messages(by=None)
    assert m.table.select("click_rate", "click_to_read").row(0) == (0.02, 0.1)
    html = m._repr_html_()
    assert "click rate (of delivered)" in html
    assert "click to read (of read)" in html


def test_value_is_summed_in_one_currency():
    rows = [("a", 0, "Clicked Email"), ("a", 1, "Paid"), ("a", 2, "Paid"), ("z", 20, "Paid")]
    j = log_of(rows, amount=[None, 100.0, -30.0, 9.0], currency=[None, "EUR", "EUR", "EUR"])
    every = j.messages("Paid", by=None, conversions="every", value="amount")
    assert every.table.select("conversions", "value", "value_per_delivery").rows() == [(2, 70.0, 70.0)]
    assert j.messages("Paid", by=None, value="amount").table["value"].item() == 100.0
    assert every.settings["currency"] == "EUR"
    mixed = log_of(rows, amount=[None, 100.0, -30.0, 9.0], currency=[None, "EUR", "USD", "EUR"])
    with pytest.raises(jn.ArgumentError, match="amounts in EUR, USD cannot be added up"):
        mixed.messages("Paid", by=None, conversions="every", value="amount")


def test_recipients_against_those_eligible_who_got_none():
    rows = []
    for n in range(40):
        rows += [(f"w{n}", 0, "Visit"), (f"w{n}", 5, "Received Email"), *([(f"w{n}", 6, "Paid")] * (n < 20))]
        rows += [(f"o{n}", 0, "Visit"), *([(f"o{n}", 6, "Paid")] * (n < 4)), *([(f"o{n}", 1, "Paid")] * (n >= 38))]
    rows += [("late", 7, "Visit"), ("z", 20, "Visit")]
    m = log_of(rows).messages("Paid", by=None, within="5d")
    table = m.against("not sent").table
    assert table.select("people", "converted", "rate").row(0) == (40, 20, 0.5)
    # two had paid before the median delivery, one came later, and one was seen only at the end
    assert table.select("people_without", "converted_without").row(0) == (38, 4)
    assert table["ci_low"].item() > 0
    against = m.against("not sent")
    assert against.finding.startswith("Of 40 people with a message, 50% converted, against 11% of those without")
    assert against.plot().layout.yaxis.ticktext == ("all messages ",)


def test_what_messages_cannot_be_asked():
    j = log_of([("a", 0, "Received Email"), ("a", 1, "Paid")])
    with pytest.raises(jn.UnknownNameError, match="by: no column 'campaign_id'; did you mean 'campaign'"):
        j.messages()
    with pytest.raises(jn.ArgumentError) as raised:
        j.messages(by=None, credit="opened", conversions="all")
    for part in ("credit: 'opened' is not valid", "conversions: 'all' is not valid"):
        assert part in str(raised.value)
    with pytest.raises(jn.ArgumentError, match="say which with goal="):
        log_of([("a", 0, "Received Email")], amount=[1.0]).messages(by=None, value="amount")
    with pytest.raises(jn.ArgumentError, match="the log has no events such as 'Received Email'"):
        log_of([("a", 0, "Paid")]).messages(by=None)
    with pytest.raises(jn.UnknownNameError, match="stages: no stage 'openend'; did you mean 'opened'"):
        j.messages(by=None, stages={"openend": "Paid"})
    with pytest.raises(jn.ArgumentError, match="stages: 'Paid' must be a mapping"):
        j.messages(by=None, stages="Paid")
    m = j.messages(by=None)
    with pytest.raises(jn.ArgumentError, match="requires groups"):
        m.people("3")
    with pytest.raises(jn.ArgumentError, match="requires a goal"):
        m.people(converted=True)
    with pytest.raises(jn.UnknownNameError, match="stage: no stage 'seen'"):
        m.people(stage="seen")
    with pytest.raises(jn.ArgumentError, match="there is no goal to compare"):
        m.against()
    with pytest.raises(jn.ArgumentError, match="must be 'not sent'"):
        j.messages("Paid", by=None).against("sent")


def test_a_session_is_no_window_of_messages():
    with pytest.raises(jn.ArgumentError, match="within: 'session' is not a valid .* messages arrive between sessions"):
        jn.Journeys.from_table(frame(EVERY)).messages("X", by=None, within="session", stages=STAGES)


def test_a_stage_that_the_log_lacks_is_unknown():
    sent = [(f"p{n}", 0, name) for n in range(60) for name in ("Received Email", "Signed Up")]
    m = log_of([*sent, ("z", 20, "Visit")]).messages("Signed Up", by=None)
    assert m.finding == "60 people got a message."
    unknown = ("read_rate", "click_rate", "unsubscribed_rate", "click_to_read", "rate")
    for name in (f"{rate}{end}" for rate in unknown for end in ("", "_low", "_high")):
        assert m.table[name].to_list() == [None], name
    assert [trace.name for trace in m.plot().data] == ["delivered"]
    own = twin.follow([(*row, None) for row in sent], stages={"Received Email": "delivered"}, goal="Signed Up",
                      within=1, touch=["read"], every=False, until=0)  # fmt: skip
    assert (own[None]["read_rate"], own[None]["click_rate"]) == (None, None)
    read = log_of([*sent, ("p0", 0, "Read Email")]).messages(by=None)
    assert read.table.select("click_rate", "click_to_read").row(0) == (None, None)
    assert read.finding == "Of 60 people with a message, 1.7% read it."
