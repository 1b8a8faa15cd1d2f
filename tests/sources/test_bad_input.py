"""What goes wrong in real files: each with the words that say so, and every row accounted for."""

import gzip
import json

import polars as pl
import pytest

import journeys as jn


def adds_up(events):
    found = events.issues
    assert found.read == found.kept + found.facts + found.duplicates + found.quarantined
    return found


def reasons(events):
    return dict(events.issues.table.filter(pl.col("kind") == "quarantined").select("reason", "rows").iter_rows())


def call(number, **more):
    one = {"type": "track", "event": "Signed Up", "messageId": f"m{number}", "userId": f"u{number}"}
    return one | {"timestamp": f"2026-03-01T10:00:{number % 60:02d}Z"} | more


def ndjson(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


WRONG = {
    "Google Analytics 4": ({"event_timestamp": [1], "event_name": ["x"], "user_pseudo_id": ["a"]}, "read_ga4"),
    "Amplitude": ({"event_type": ["x"], "event_time": ["2026-03-01"], "device_id": ["a"]}, "read_amplitude"),
    "PostHog": ({"event": ["x"], "distinct_id": ["a"], "timestamp": ["2026"], "uuid": ["u"]}, "read_posthog"),
    "Snowplow": ({"collector_tstamp": ["2026-03-01"], "event_id": ["a"]}, "read_snowplow"),
    "Customer.io": ({"object_type": ["email"], "metric": ["sent"]}, "read_customerio"),
    "HubSpot": ({"propertyName": ["x"], "propertyValue": ["y"], "occurredAt": [1]}, "read_hubspot"),
}


@pytest.mark.parametrize("system", WRONG)
def test_the_wrong_systems_file_is_named(tmp_path, system):
    columns, reader = WRONG[system]
    path = tmp_path / "export.parquet"
    pl.DataFrame(columns).write_parquet(path)
    for other in (
        jn.read_ga4,
        jn.read_amplitude,
        jn.read_posthog,
        jn.read_snowplow,
        jn.read_customerio,
        jn.read_hubspot,
    ):
        if other.__name__ == reader:
            continue
        with pytest.raises(jn.SourceError, match=f"it looks like {system}: {reader}"):
            other(path)


def test_a_file_of_no_system_points_to_read_table(tmp_path):
    path = tmp_path / "notes.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(
        jn.SourceError, match=r"'notes' is not Mixpanel data: no column 'event' or 'properties.time'; read_table"
    ):
        jn.read_mixpanel(path)
    with pytest.raises(
        jn.SourceError, match="these are not Segment's warehouse tables: 'notes' has neither anonymous_id"
    ):
        jn.read_segment(path)


def test_missing_columns_are_all_named_at_once():
    frame = pl.DataFrame({"time": ["2026-03-01"], "what": ["x"], "user": [1]})
    with pytest.raises(jn.UnknownNameError) as caught:
        jn.read_table(frame, timestamp="tme", event="whta", ids=["usr"], message_id="key", properties=["plan"])
    said = str(caught.value)
    for part in (
        "timestamp: no column 'tme'; did you mean 'time'?",
        "event: no column 'whta'; did you mean 'what'?",
        "ids: no column 'usr'; did you mean 'user'?",
        "message_id: no column 'key'",
        "properties: no column 'plan'",
        "Available: 'time', 'what', 'user'",
    ):
        assert part in said
    with pytest.raises(jn.ArgumentError, match="ids: no identifier column was named"):
        jn.read_table(frame, timestamp="time", event="what", ids=[])


def test_a_missing_file_names_the_closest(tmp_path):
    (tmp_path / "events.csv").write_text("a\n1\n")
    with pytest.raises(jn.SourceError, match=r"there is no file or folder .*event\.csv'; did you mean 'events.csv'\?"):
        jn.read_segment(tmp_path / "event.csv")
    with pytest.raises(jn.SourceError, match="no file matches"):
        jn.read_segment(str(tmp_path / "*.ndjson"))
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.pdf").write_text("x")
    with pytest.raises(jn.SourceError, match=r"contains no CSV, NDJSON or Parquet files; it contains \.pdf"):
        jn.read_segment(tmp_path / "sub")
    with pytest.raises(jn.SourceError, match="int is not a path, a frame or an Arrow-compatible object"):
        jn.read_hubspot(7)


def test_an_empty_file_raises_an_error_that_says_so(tmp_path):
    path = tmp_path / "nothing.json"
    path.write_text("")
    with pytest.raises(jn.SourceError, match=r"nothing\.json is empty \(0 bytes\)"):
        jn.read_segment(path)
    blank = tmp_path / "blank.json"
    blank.write_text("\n\n")
    with pytest.raises(jn.SourceError, match="nothing in 'blank' can be read"):
        jn.read_segment(blank)


@pytest.mark.parametrize("pack", [False, True])
def test_broken_and_half_written_lines_go_aside_with_their_place(tmp_path, pack):
    text = ndjson(call(1), call(2)) + "{'not': json}\n[1, 2]\n7\n" + ndjson(call(3)) + '{"type": "track", "ev'
    path = tmp_path / ("a.json.gz" if pack else "a.json")
    path.write_bytes(gzip.compress(text.encode()) if pack else text.encode())
    events = jn.read_segment(path)
    found = adds_up(events)
    assert found.kept == 3
    assert reasons(events) == {"broken JSON": 1, "half-written last line": 1, "JSON, but not an object": 3}
    places = found.quarantine.filter(pl.col("reason") == "broken JSON").row(0, named=True)
    assert places["place"].endswith(":3")
    assert places["text"] == "{'not': json}"
    assert events.table.collect()["user_id"].to_list() == ["u1", "u2", "u3"]


def test_a_half_written_last_line_of_a_csv(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("time,what,user\n2026-03-01 10:00:00,A,1\n2026-03-01 10:00:01,B")
    events = jn.read_table(path, timestamp="time", event="what", ids=["user"])
    assert adds_up(events).kept == 1
    assert reasons(events) == {"half-written last line": 1}


def test_ragged_lines_and_open_quotes_of_a_csv(tmp_path):
    path = tmp_path / "log.csv"
    at = "2026-03-01 10:00:00"
    path.write_text(f'time,what,user\n{at},A,1\n{at},B,2,extra\n{at},"C\n{at},D,4\n')
    events = jn.read_table(path, timestamp="time", event="what", ids=["user"])
    found = adds_up(events)
    assert found.read == 4
    assert reasons(events) == {"more than 3 fields": 1, "a quote that is not closed": 2}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_byte_order_marks(tmp_path, encoding):
    table = tmp_path / "log.csv"
    table.write_bytes("time,what,user\n2026-03-01 10:00:00,Café,1\n".encode(encoding))
    events = jn.read_table(table, timestamp="time", event="what", ids=["user"])
    assert events.table.collect()["event"].to_list() == ["Café"]
    lines = tmp_path / "log.json"
    lines.write_bytes(json.dumps(call(1, event="Café"), ensure_ascii=False).encode(encoding))
    events = jn.read_segment(lines)
    assert events.table.collect()["event"].to_list() == ["Café"]
    if encoding in ("utf-16", "cp1252"):
        assert events.issues.table.filter(pl.col("kind") == "note")["reason"][0].startswith("log.json was read as ")


def test_two_encodings_in_one_file(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes("time,what,user\n2026-03-01,Café,1\n".encode() + "2026-03-01,Crème,2\n".encode("cp1252"))
    events = jn.read_table(path, timestamp="time", event="what", ids=["user"])
    assert events.table.collect()["event"].to_list() == ["Café", "Crème"]


def test_a_header_that_alone_is_not_utf_8(tmp_path):
    path = tmp_path / "log.csv"
    path.write_bytes("time,what,user,Gerät\n2026-03-01,A,1,\n2026-03-01,B,2,iPhone\n".encode("cp1252"))
    events = jn.read_table(path, timestamp="time", event="what", ids=["user"])
    assert events.table.collect()["Gerät"].to_list() == [None, "iPhone"]


def test_numbers_as_ids(tmp_path):
    frame = pl.DataFrame(
        {"t": ["2026-03-01"] * 3, "e": ["A"] * 3, "i": [7, 8, None], "f": [7.0, None, 9.5], "s": ["7.0", " 8 ", ""]}
    )
    events = jn.read_table(frame, timestamp="t", event="e", ids=["i", "f", "s"])
    assert events.table.select("i", "f", "s").collect().rows() == [
        ("7", "7", "7"),
        ("8", None, "8"),
        (None, "9.5", None),
    ]
    path = tmp_path / "ids.csv"
    path.write_text("t,e,i\n2026-03-01,A,007\n2026-03-01,A,12e3\n2026-03-01,A,5\n")
    events = jn.read_table(path, timestamp="t", event="e", ids=["i"])
    assert events.table.collect()["i"].to_list() == ["007", "12e3", "5"]


def test_units_of_epochs_are_distinguished():
    micros = 1_772_530_000_000_000
    for unit, value in (("s", micros // 10**6), ("ms", micros // 1000), ("us", micros), ("ns", micros * 1000)):
        frame = pl.DataFrame({"t": [value], "e": ["A"], "u": ["1"]})
        read = jn.read_table(frame, timestamp="t", event="e", ids=["u"], unit=unit)
        assert read.table.collect()["timestamp"].dt.timestamp("us").to_list() == [micros]
        with pytest.raises(
            jn.ArgumentError, match="column 't' holds numbers; say what they count: unit='s', 'ms', 'us' or 'ns'"
        ):
            jn.read_table(frame, timestamp="t", event="e", ids=["u"])
    milliseconds = pl.DataFrame({"t": [micros // 1000], "e": ["A"], "u": ["1"]})
    for wrong, year in (("s", "58139"), ("us", "1970")):
        with pytest.raises(
            jn.SourceError,
            match=rf"column 't': .* falls in the year {year}, .*it looks like milliseconds \(unit='ms'\)",
        ):
            jn.read_table(milliseconds, timestamp="t", event="e", ids=["u"], unit=wrong)
    with pytest.raises(jn.SourceError, match="read as microseconds falls in the year 1970"):
        jn.read_ga4(pl.DataFrame({"event_timestamp": [1_772_530_000], "event_name": ["x"], "user_pseudo_id": ["a"]}))
    with pytest.raises(jn.SourceError, match=r"'properties.time': .* it looks like milliseconds \(unit='ms'\)"):
        jn.read_mixpanel(pl.DataFrame([{"event": "x", "properties": {"time": micros // 1000, "distinct_id": "a"}}]))
    with pytest.raises(jn.ArgumentError, match="unit: 'minutes' is not one of 's', 'ms', 'us', 'ns'"):
        jn.read_table(milliseconds, timestamp="t", event="e", ids=["u"], unit="minutes")


def test_times_without_zone_and_the_hour_that_comes_twice():
    times = ["2026-10-25 02:30:00", "2026-03-29 02:30:00", "2026-07-01T12:00:00+05:00", None, "soon"]
    frame = pl.DataFrame({"t": times, "e": ["A"] * 5, "u": ["1"] * 5})
    events = jn.read_table(frame, timestamp="t", event="e", ids=["u"], time_zone="Europe/Berlin")
    read = events.table.collect()["timestamp"].dt.to_string("%m-%d %H:%M").to_list()
    assert read == ["10-25 00:30", "07-01 07:00"]  # the first of the two hours; an offset speaks for itself
    skipped = "a time that cannot be read: the clocks of Europe/Berlin skip it"
    assert reasons(events) == {"a time that cannot be read": 1, skipped: 1, "no time": 1}
    with pytest.raises(jn.ArgumentError, match="time_zone: 'Berlin' is not a time zone"):
        jn.read_table(frame, timestamp="t", event="e", ids=["u"], time_zone="Berlin")
    naive = frame.with_columns(pl.lit("2026-01-01 00:00:00").str.to_datetime().alias("t"))
    notes = jn.read_table(naive, timestamp="t", event="e", ids=["u"]).issues.table.filter(pl.col("kind") == "note")
    assert notes["reason"].to_list() == ["times without a zone were read as UTC"]


def test_json_twenty_levels_deep(tmp_path):
    deep = {"end": 1}
    for _ in range(20):
        deep = {"n": deep}
    path = tmp_path / "deep.json"
    path.write_text(ndjson(call(1, properties={"deep": deep, "plan": "pro"}), call(2)))
    table = jn.read_segment(path).table.collect()
    (column,) = [name for name in table.columns if name.startswith("deep")]
    assert '"end"' in table[column][0]
    assert table["plan"].to_list() == ["pro", None]
    bottomless = '{"n":' * 3000 + "1" + "}" * 3000
    path.write_text(ndjson(call(1)) + bottomless + "\n")
    events = jn.read_segment(path)
    assert adds_up(events).quarantined == 1


@pytest.mark.slow
def test_one_line_of_a_hundred_megabytes(tmp_path):
    path = tmp_path / "long.json"
    with path.open("w") as file:
        file.write(ndjson(call(1)))
        file.write(json.dumps(call(2, properties={"blob": "x" * 100_000_000})) + "\n")
        file.write(ndjson(call(3)))
    events = jn.read_segment(path)
    assert adds_up(events).kept == 3
    assert events.table.select(pl.col("blob").str.len_bytes().max()).collect().item() == 100_000_000


def test_one_broken_file_among_many(tmp_path):
    for number in range(60):
        (tmp_path / f"{number:03d}.json").write_text(ndjson(call(number), call(number + 1000)))
    (tmp_path / "017.json.gz").write_bytes(b"\x1f\x8b\x08 this is no gzip")
    (tmp_path / "018.json").write_bytes(b"")
    (tmp_path / ".hidden.json").write_text("nonsense")
    events = jn.read_segment(tmp_path)
    found = adds_up(events)
    assert found.kept == 118
    assert found.quarantined == 1
    row = found.quarantine.row(0, named=True)
    assert row["reason"].startswith("unreadable file: cannot be unpacked")
    assert row["place"].endswith("017.json.gz")
    assert "skipped 1 empty file" in found.table["reason"].to_list()


def test_a_folder_of_tables_with_one_broken_parquet(tmp_path):
    for number in range(5):
        pl.DataFrame({"t": ["2026-03-01"], "e": ["A"], "u": [number]}).write_parquet(tmp_path / f"{number}.parquet")
    (tmp_path / "3.parquet").write_bytes(b"PAR1 not really")
    events = jn.read_table(tmp_path, timestamp="t", event="e", ids=["u"])
    assert adds_up(events).kept == 4
    assert events.issues.quarantine["reason"][0].startswith("unreadable file")


def test_fields_of_changing_type_keep_their_values(tmp_path):
    rows = [
        call(1, properties={"v": 1}),
        call(2, properties={"v": "x"}),
        call(3, properties={"v": {"a": [1]}}),
        call(4, properties={"v": True}),
    ]
    path = tmp_path / "mixed.json"
    path.write_text(ndjson(*rows))
    table = jn.read_segment(path).table.collect()
    assert table["v"].to_list() == ["1", "x", None, "true"]
    assert table["v_a"].to_list() == [None, None, "[1]", None]
    (tmp_path / "big.json").write_text(ndjson(call(5, properties={"v": 10**30}), call(6, properties={"v": 1})))
    assert jn.read_segment(tmp_path / "big.json").table.collect()["v"].to_list() == [str(10**30), "1"]


def test_columns_are_typed_by_every_value(tmp_path):
    path = tmp_path / "log.csv"
    lines = [f"2026-03-01,A,{n},{n},{n}.5,true,{n}" for n in range(5000)]
    path.write_text("t,e,u,whole,part,yes,late\n" + "\n".join(lines) + "\n2026-03-01,A,1,7,8,FALSE,n/a\n")
    schema = jn.read_table(path, timestamp="t", event="e", ids=["u"]).schema
    assert [schema[c] for c in ("u", "whole", "part", "yes", "late")] == [
        pl.String,
        pl.Int64,
        pl.Float64,
        pl.Boolean,
        pl.String,
    ]


def test_names_that_are_taken_are_not_lost():
    frame = pl.DataFrame(
        {
            "t": ["2026-03-01"],
            "e": ["A"],
            "u": ["1"],
            "event": ["x"],
            "source": ["s"],
            "_kind": ["k"],
            "channel": ["Web"],
        }
    )
    row = jn.read_table(frame, timestamp="t", event="e", ids=["u"]).table.collect().row(0, named=True)
    assert (row["event"], row["property_event"], row["property_source"], row["channel"]) == ("A", "x", "s", "Web")


def test_no_time_no_name_no_id_each_with_its_reason():
    frame = pl.DataFrame(
        {"t": [None, "2026-03-01", "2026-03-01", "2026-03-01"], "e": ["A", " ", "A", None], "u": ["1", "1", None, "1"]}
    )
    events = jn.read_table(frame, timestamp="t", event="e", ids=["u"])
    assert adds_up(events).kept == 0
    assert reasons(events) == {"no time": 1, "no event name": 2, "no id at all": 1}
    assert events.issues.examples.height == 4


def test_duplicates_by_message_id_or_by_every_column():
    frame = pl.DataFrame({"t": ["2026-03-01"] * 4, "e": ["A"] * 4, "u": ["1"] * 4, "m": ["x", "x", None, None]})
    events = jn.read_table(frame, timestamp="t", event="e", ids=["u"], message_id="m")
    assert (events.issues.kept, events.issues.duplicates) == (3, 1)
    plain = frame.drop("m")
    counted = jn.read_table(plain, timestamp="t", event="e", ids=["u"])
    assert (counted.issues.kept, counted.issues.duplicates) == (4, 0)
    said = dict(counted.issues.table.select("reason", "rows").iter_rows())
    assert said["equal to an earlier row in every column (kept: there is no message id)"] == 3
    dropped = jn.read_table(plain, timestamp="t", event="e", ids=["u"], drop_duplicates=True)
    assert (dropped.issues.kept, dropped.issues.duplicates) == (1, 3)


def test_oddities_are_counted_and_kept():
    times = ["1970-01-01", "2026-03-01 10:00:00", "2026-03-01 10:00:00", "2026-02-27 10:00:00", "2999-01-01"]
    frame = pl.DataFrame(
        {
            "t": times,
            "e": ["Signed Up", "signed_up", "SignUp", "A", "B"],
            "u": ["1"] * 5,
            "user_agent": ["Googlebot/2.1"] * 5,
        }
    )
    said = dict(
        jn.read_table(frame, timestamp="t", event="e", ids=["u"]).issues.table.select("reason", "rows").iter_rows()
    )
    assert said["time before the year 2000"] == 1
    assert said["time in the future"] == 1
    assert said["same person and time as an earlier row (kept in order of arrival)"] == 1
    assert said["arrived after a later event (put in order of time)"] == 1
    assert said["user agent of a robot"] == 5
    assert said["event names that are nearly the same: SignUp, Signed Up, signed_up"] == 3
    assert said["days without any event between the first and the last"] == 1


def test_shown_in_a_notebook_everything_is_escaped():
    frame = pl.DataFrame({"t": ["2026-03-01"], "e": ["<script>alert(1)</script>"], "u": ["1"]})
    events = jn.read_table(frame, timestamp="t", event="e", ids=["u"], name="<b>x</b>")
    for shown in (events._repr_html_(), events.issues._repr_html_()):
        assert "<script" not in shown
        assert "<b>x" not in shown
    assert "1 row read = 1 event + 0 facts" in repr(events.issues)


def test_issues_use_the_singular_for_one_row_and_print_whole_reasons():
    rows = pl.DataFrame({"t": ["2026-03-01T10:00:00Z"] * 2 + [""], "e": "A", "user_id": "a", "m": ["1", "1", "2"]})
    events = jn.read_table(rows, timestamp="t", event="e", ids=["user_id"], message_id="m")
    assert "1 event of 3 rows (1 duplicate, 1 in quarantine)" in repr(events)
    identity = jn.stitch(events).identity
    assert identity.finding.startswith("1 identifier belongs to 1 person")
    assert identity.row_summary == "3 rows read = 1 event + 0 facts + 1 duplicate + 1 in quarantine."
    plain = jn.read_table(rows.drop("m"), timestamp="t", event="e", ids=["user_id"])
    assert "equal to an earlier row in every column (kept: there is no message id)" in repr(plain.issues)
