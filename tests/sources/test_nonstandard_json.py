"""JSON as no standard forbids it: several objects in a line, keys that are empty, doubled or half a character."""

import json

import pytest

import journeys as jn
from journeys.sources.reading import files


def call(number, **more):
    one = {"type": "track", "event": "Paid", "messageId": f"m{number}", "userId": f"u{number}"}
    return json.dumps(one | {"timestamp": "2026-03-01T10:00:00Z"} | more)


def column(events, name):
    return events.table.collect()[name].to_list()


@pytest.mark.parametrize("piece", [1 << 20, 64])
@pytest.mark.parametrize("between", ["", " ", "\r"])
def test_objects_without_line_ends_are_a_row_each(tmp_path, monkeypatch, piece, between):
    path = tmp_path / "stream.json"
    path.write_text(between.join(call(n, properties={"p": "}{"}) for n in range(5)))
    monkeypatch.setattr(files, "CHUNK", piece)
    found = jn.read_segment(path).issues
    assert (found.read, found.kept) == (5, 5)


def test_objects_without_line_ends_amid_lines_are_a_row_each_and_so_is_what_is_broken(tmp_path):
    path = tmp_path / "stream.json"
    path.write_text(f"{call(0)}\n{call(1)}{call(2)} {call(3)}\n{call(4)}{call(5)}{call(6)[:30]}")
    events = jn.read_segment(path)
    assert (events.issues.read, events.issues.kept) == (7, 6)
    assert events.issues.quarantine.select("reason", "text").rows() == [("half-written last line", call(6)[:30])]


def test_an_empty_key_is_a_key(tmp_path):
    path = tmp_path / "calls.ndjson"
    path.write_text(f"{call(1, properties={'': 2, 'p': 1})}\n{call(2, properties={'p': {'a': 1}})}\n")
    events = jn.read_segment(path)
    assert (column(events, "unnamed"), column(events, "p"), column(events, "p_a")) == (
        [2, None],
        ["1", None],
        [None, 1],
    )


def test_half_a_character_is_marked_as_unreadable_in_values_and_in_keys(tmp_path):
    path = tmp_path / "calls.ndjson"
    odd = {"a\ud83d": 1, "p": "x\ud83d", "q": "\ud83d\ude00", "r": "\\ud83d", "s": "\ude00"}
    path.write_text(f"{call(1, properties=odd)}\n{call(2, properties={'p': {'a': 1}})}\n")
    events = jn.read_segment(path)
    first = events.table.collect().row(0, named=True)
    assert [first[name] for name in ("a", "p", "q", "r", "s")] == [1, "x\ufffd", "\U0001f600", "\\ud83d", "\ufffd"]
    path.write_text(call(1, userId="\ud83d") + "\n")
    assert column(jn.read_segment(path), "user_id") == ["\ufffd"]


@pytest.mark.parametrize("more", [[], [call(2, properties={"a": {"c": 1}})]])
def test_of_a_key_that_comes_twice_the_last_value_counts(tmp_path, more):
    path = tmp_path / "calls.ndjson"
    twice = call(1, properties={"a": 7}).replace('"a": 7', '"a": 7, "b": {"c": 1}, "a": "x", "b": 2')
    path.write_text("".join(line + "\n" for line in [twice, *more]))
    events = jn.read_segment(path)
    assert (column(events, "a")[0], column(events, "b")[0]) in [("x", 2), ("x", "2")]
