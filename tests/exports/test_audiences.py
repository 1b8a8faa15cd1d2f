"""People as other systems take them in: the right ids, every trait, nobody lost in silence, nothing run."""

import csv
import json
from datetime import UTC, datetime

import polars as pl
import pytest

import journeys as jn
from journeys import exports
from journeys.exports.cells import neutralise_formulas

AT = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def known():
    rows = [
        ("u1", "ada@x.example", "a1", "2026-03-01 10:00:00", "Loaded a Page", "/"),
        ("u1", None, "a1", "2026-03-01 10:05:00", "Loaded a Page", "/pricing"),
        ("u1", None, None, "2026-03-01 10:06:00", "Signed Up", None),
        ("u1", None, None, "2026-03-01 10:07:00", "Loaded a Page", "/app"),
        (None, None, "a2", "2026-03-02 10:00:00", "Loaded a Page", "=cmd|' /C calc'!A0"),
        ("u3", "eve@x.example", None, "2026-03-03 10:00:00", "Signed Up", None),
    ]
    log = pl.DataFrame(rows, schema=["user_id", "email", "anonymous_id", "at", "what", "page_path"], orient="row")
    return jn.stitch(jn.read_table(log, timestamp="at", event="what", ids=["user_id", "email", "anonymous_id"]))


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_customerio_gets_ids_attributes_and_unix_seconds(known, tmp_path):
    trait = known.last_before("Signed Up", of="page_path").trait(name="last_page_before_signup")
    written = exports.to_customerio(known, path=tmp_path / "c.csv", traits=["first_seen", "event_count"], extra=trait)
    assert (written.people, written.left_out) == (2, 1)
    assert str(written).endswith("1 person left out: neither user_id nor email nor customerio_id")
    first = table(tmp_path / "c.csv")[0]
    assert first == {
        "id": "u1",
        "email": "ada@x.example",
        "first_seen": str(int(datetime(2026, 3, 1, 10, tzinfo=UTC).timestamp())),
        "event_count": "4",
        "last_page_before_signup": "/pricing",
    }
    exports.to_customerio(known, path=tmp_path / "c.ndjson", traits=["event_count"])
    assert lines(tmp_path / "c.ndjson")[1] == {
        "type": "person",
        "action": "identify",
        "identifiers": {"id": "u3", "email": "eve@x.example"},
        "attributes": {"event_count": 1},
    }
    with pytest.raises(jn.ArgumentError, match=r"path: 'c.xls' must end in '.csv', '.ndjson' or"):
        exports.to_customerio(known, path=tmp_path / "c.xls")


def test_hubspot_gets_contacts_and_days(known, tmp_path):
    written = exports.to_hubspot(known, path=tmp_path / "h.csv", traits=["first_seen"])
    assert (written.people, written.left_out) == (2, 1)
    assert table(tmp_path / "h.csv")[0] == {"Email": "ada@x.example", "first_seen": "2026-03-01"}


def test_segment_gets_calls_that_may_be_sent_twice(known, tmp_path):
    exports.to_segment(known, path=tmp_path / "s.json", traits=["event_count"], at=AT)
    calls = lines(tmp_path / "s.json")
    assert len(calls) == 3
    assert calls[0] | {"messageId": ""} == {
        "type": "identify",
        "userId": "u1",
        "anonymousId": "a1",
        "traits": {"email": "ada@x.example", "event_count": 4},
        "messageId": "",
        "timestamp": "2026-07-01T00:00:00.000Z",
    }
    exports.to_segment(known, path=tmp_path / "again.json", traits=["event_count"])
    assert [one["messageId"] for one in lines(tmp_path / "again.json")] == [one["messageId"] for one in calls]
    exports.to_segment(known, path=tmp_path / "t.json", call="track", event="Entered Audience", traits=[], at=AT)
    assert lines(tmp_path / "t.json")[2]["event"] == "Entered Audience"
    back = jn.read_segment(tmp_path / "t.json")
    assert back.table.collect()["event"].unique().to_list() == ["Entered Audience"]
    with pytest.raises(jn.ArgumentError, match="event: a track call needs the name of an event"):
        exports.to_segment(known, path=tmp_path / "t.json", call="track")
    with pytest.raises(jn.ArgumentError, match="call: 'page' must be 'identify' or 'track'"):
        exports.to_segment(known, path=tmp_path / "t.json", call="page")


def test_a_plain_table_in_each_format(known, tmp_path):
    for ending in ("csv", "parquet", "ndjson"):
        assert exports.to_people(known, path=tmp_path / f"p.{ending}", traits=["event_count"]).people == 3
    read = pl.read_parquet(tmp_path / "p.parquet")
    assert read.columns == ["person", "anonymous_id", "email", "user_id", "event_count"]
    assert lines(tmp_path / "p.ndjson")[1]["anonymous_id"] == "a2"
    with pytest.raises(jn.ArgumentError, match="must end in '.csv', '.parquet'"):
        exports.to_people(known, path=tmp_path / "p.doc")
    with pytest.raises(jn.UnknownNameError, match="traits: no column 'event_cuont'; did you mean 'event_count'"):
        exports.to_people(known, path=tmp_path / "p.csv", traits=["event_cuont"])
    with pytest.raises(jn.UnknownNameError, match="extra: a table without the column 'person': x"):
        exports.to_people(known, path=tmp_path / "p.csv", extra=pl.DataFrame({"x": [1]}))
    with pytest.raises(jn.ArgumentError, match="extra: person, x: a person has more than one row"):
        exports.to_people(known, path=tmp_path / "p.csv", extra=pl.DataFrame({"person": [1, 1], "x": [1, 2]}))


def test_people_known_from_the_start_have_no_other_ids(tmp_path):
    log = pl.DataFrame({"p": ["x"], "t": [AT], "e": ["A"]})
    j = jn.Journeys.from_table(log, person="p", timestamp="t", event="e")
    assert exports.to_people(j, path=tmp_path / "p.csv").people == 1
    assert exports.to_hubspot(j, path=tmp_path / "h.csv").left_out == 1


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd",
        "-2+3",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        "  =1",
        "=cmd|' /C calc'!A0",
        "|x",
        "%0a",
        "＝1",
        "+1-1",
        "\u200b=1+1",
        "\ufeff\u00ad@x",
    ],
)
def test_text_that_a_spreadsheet_would_run_is_made_harmless(text):
    frame = neutralise_formulas(pl.DataFrame({text: [text]}))
    assert frame.columns == [f"'{text}"]
    assert frame.item() == f"'{text}"


@pytest.mark.parametrize("text", ["-5", "+491234567", "-3.5", "a=b", "", "x@y.example", "12 %", "+5%"])
def test_plain_text_and_numbers_stay_as_they_are(text):
    assert neutralise_formulas(pl.DataFrame({"x": [text]})).item() == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
        ("x\n=1", "x\n'=1"),
        ("x\t -2+3", "x\t '-2+3"),
        ("=1;+2", "'=1;'+2"),
        ("a; b = c", "a; b = c"),
    ],
)
def test_text_that_runs_where_another_separator_cuts_it(text, safe):
    assert neutralise_formulas(pl.DataFrame({"x": [text]})).item() == safe


def test_an_injected_trait_is_harmless_in_a_file(known, tmp_path):
    last = known.events.select("person", pl.col("page_path").alias("page")).filter(pl.col("person") == 2).collect()
    exports.to_people(known, path=tmp_path / "p.csv", traits=[], extra=last)
    assert [row["page"] for row in table(tmp_path / "p.csv")] == ["", "'=cmd|' /C calc'!A0", ""]


def test_journeys_write_themselves(tmp_path):
    table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
    ids = {"user_id": "user", "email": "mail"}
    j = jn.stitch(jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app"))
    assert (j.to_people(tmp_path / "p.csv").people, j.to_customerio(tmp_path / "c.csv").people) == (2, 2)
    assert (j.to_hubspot(tmp_path / "h.csv").people, j.to_hubspot(tmp_path / "h.csv").left_out) == (1, 1)
    assert j.to_segment(tmp_path / "s.ndjson", call="track", event="Entered Audience").people == 2
    assert (tmp_path / "s.ndjson").read_text().count('"event": "Entered Audience"') == 2
    only = j.only([1]).to_people(tmp_path / "one.parquet")
    assert (only.people, pl.read_parquet(tmp_path / "one.parquet")["user_id"].to_list()) == (1, ["u1"])


def test_every_identifier_is_written(tmp_path):
    rows = [("u1", "a1", "b@x.example"), ("u1", "a2", "a@x.example"), ("u2", None, "c@x.example")]
    log = pl.DataFrame(rows, schema=["user_id", "anonymous_id", "email"], orient="row").with_row_index("n")
    log = log.with_columns(pl.format("2026-03-01 10:00:0{}", "n").alias("at"), pl.lit("A").alias("what"))
    ids = ["user_id", "email", "anonymous_id"]
    j = jn.stitch(jn.read_table(log.drop("n"), timestamp="at", event="what", ids=ids))
    exports.to_people(j, path=tmp_path / "p.csv", traits=[])
    assert table(tmp_path / "p.csv")[0] == {
        "person": "1", "anonymous_id": "a1", "email": "b@x.example", "user_id": "u1",
        "other_anonymous_id": "a2", "other_email": "a@x.example",
    }  # fmt: skip
    exports.to_people(j, path=tmp_path / "p.parquet", traits=[])
    assert pl.read_parquet(tmp_path / "p.parquet")["other_email"].to_list() == [["a@x.example"], None]


def test_no_number_is_written_that_json_does_not_have(known, tmp_path):
    odd = pl.DataFrame({"person": [1, 2, 3], "score": [float("nan"), 1.5, float("inf")]})
    for write, name in (
        (exports.to_people, "p.ndjson"), (exports.to_customerio, "c.ndjson"), (exports.to_segment, "s.ndjson"),
    ):  # fmt: skip
        write(known, path=tmp_path / name, traits=[], extra=odd)
        assert not any(word in (tmp_path / name).read_text() for word in ("NaN", "Infinity", "null"))
    for write in (exports.to_customerio, exports.to_hubspot):
        write(known, path=tmp_path / "c.csv", traits=[], extra=odd)
        assert [row["score"] for row in table(tmp_path / "c.csv")] == ["", ""]


def test_people_written_with_times_of_another_zone(known, tmp_path):
    late = pl.Series([datetime(2026, 6, 30, 23, 30, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin")
    extra = pl.DataFrame({"person": [1], "seen": late})
    exports.to_people(known, path=tmp_path / "p.csv", traits=[], extra=extra)
    assert table(tmp_path / "p.csv")[0]["seen"] == "2026-06-30T23:30:00.000000Z"
    exports.to_hubspot(known, path=tmp_path / "h.csv", traits=[], extra=extra)
    assert table(tmp_path / "h.csv")[0]["seen"] == "2026-06-30"


def test_extra_traits_that_do_not_fit_are_refused(known, tmp_path):
    path = tmp_path / "p.csv"
    for extra, said in (
        (
            pl.DataFrame({"person": ["1"], "z": ["x"]}),
            "extra: person, z: person is String, but Int64 in these journeys",
        ),
        ({"person": [1]}, "extra: dict is not a DataFrame with a column 'person'"),
        ([pl.DataFrame({"person": [1]}), 7], "extra: int is not a DataFrame"),
        (7, "extra: int is not a DataFrame"),
        (pl.DataFrame({"person": [1], "email": ["x"]}), "extra: 'email' is there already; give it another name"),
        ([pl.DataFrame({"person": [1], "z": [1]})] * 2, "extra: 'z' is there already"),
    ):
        with pytest.raises(jn.ArgumentError, match=said):
            exports.to_people(known, path=path, extra=extra)
    small = pl.DataFrame({"person": [1], "z": ["x"]}, schema_overrides={"person": pl.UInt32})
    exports.to_people(known, path=path, traits=[], extra=small)
    assert table(path)[0]["z"] == "x"


def test_a_trait_called_like_a_systems_own_column_keeps_a_name(known, tmp_path):
    extra = pl.DataFrame({"person": [1], "ID": ["x"], "trait_ID": ["y"]})
    exports.to_customerio(known, path=tmp_path / "c.csv", traits=[], extra=extra)
    row = table(tmp_path / "c.csv")[0]
    assert (row["id"], row["trait_ID"], row["trait_ID_2"]) == ("u1", "x", "y")


def test_the_time_of_calls_is_a_time_in_utc(known, tmp_path):
    path = tmp_path / "s.ndjson"
    exports.to_segment(known, path=path, traits=[], at=datetime(2026, 3, 1, 10))
    assert lines(path)[0]["timestamp"] == "2026-03-01T10:00:00.000Z"
    with pytest.raises(jn.ArgumentError, match="at: '2026-03-01' is not a datetime; pass one such as datetime"):
        exports.to_segment(known, path=path, at="2026-03-01")


def test_people_are_written_only_where_they_can_be(known, tmp_path):
    with pytest.raises(jn.ArgumentError, match=r"path: 'h\.xlsx' must end in '\.csv'\."):
        exports.to_hubspot(known, path=tmp_path / "h.xlsx")
    with pytest.raises(jn.ArgumentError, match=r"path: 's\.csv' must end in '\.ndjson', '\.jsonl' or '\.json'"):
        exports.to_segment(known, path=tmp_path / "s.csv")
    with pytest.raises(jn.ArgumentError, match=r"path: there is no folder '.*none'; create it first"):
        exports.to_people(known, path=tmp_path / "none" / "p.csv")


def test_no_id_is_changed_in_silence(tmp_path):
    rows = [
        ("-NxYz12abc", "a@x.example", "A"),
        ("u2", "b@x.example", "B"),
        (None, "+tag@x.example", "C"),
        (None, None, "D"),
    ]
    log = pl.DataFrame(rows, schema=["user_id", "email", "name"], orient="row")
    log = log.with_columns(pl.lit("2026-03-01").alias("at"), anonymous_id=pl.format("a{}", "name"))
    j = jn.stitch(jn.read_table(log, timestamp="at", event="name", ids=["user_id", "email", "anonymous_id"]))
    written = j.to_customerio(tmp_path / "c.csv", traits=[])
    assert [row["id"] for row in table(tmp_path / "c.csv")] == ["u2"]
    assert (written.people, written.left_out) == (1, 3)
    assert written.reason == (
        "1 with neither user_id nor email nor customerio_id, 2 with an id that a spreadsheet would run as a formula, "
        "such as '-NxYz12abc'; an .ndjson file has them"
    )
    assert j.to_customerio(tmp_path / "c.ndjson", traits=[]).people == 3
    assert lines(tmp_path / "c.ndjson")[0]["identifiers"]["id"] == "-NxYz12abc"
    hubspot = j.only([1, 3]).to_hubspot(tmp_path / "h.csv", traits=[])
    assert [row["Email"] for row in table(tmp_path / "h.csv")] == ["a@x.example"]
    assert hubspot.reason == "an id that a spreadsheet would run as a formula, such as '+tag@x.example'"
    plain = j.to_people(tmp_path / "p.csv", traits=[])
    assert table(tmp_path / "p.csv")[0]["user_id"] == "'-NxYz12abc"
    assert str(plain).endswith(
        "; 2 people have an id that a spreadsheet would run as a formula: it starts with an apostrophe here, "
        "but not in a .parquet or .ndjson file"
    )
    assert j.to_people(tmp_path / "p.ndjson", traits=[]).note == ""
