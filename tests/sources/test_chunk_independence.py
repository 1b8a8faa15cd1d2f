"""Text is read piece by piece: where the pieces are cut changes nothing, and no field is overlooked."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal, assert_series_equal

from journeys.events.times import UTC_TIME, TimeParser
from journeys.sources.reading import files, json_files, load_source, row_store
from journeys.sources.reading.json_rows import count_written_keys

VALUE = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.just(1.5), st.sampled_from(["x", 'a":null', ": ", "", "é"]),
    st.just({}), st.fixed_dictionaries({}, optional={"a": st.integers(0, 3), "b": st.sampled_from(["x", None, {}])}),
    st.lists(st.integers(0, 2), max_size=2),
)  # fmt: skip
ROWS = st.lists(st.fixed_dictionaries({"n": st.integers()}, optional={"a": VALUE, "b": VALUE}), min_size=1, max_size=8)


def read(path, piece, part, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", piece)
    monkeypatch.setattr(row_store, "IN_MEMORY", part)
    return load_source(path).rows.collect()


@given(ROWS)
def test_pieces_of_a_line_give_the_same_leaves_as_one_piece(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("pieces") / "rows.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.MonkeyPatch.context() as patch:
        whole, cut = read(path, 1 << 20, 1 << 20, patch), read(path, 16, 1, patch)
    assert whole.height == cut.height == len(rows)
    assert set(whole.columns) == set(cut.columns)
    assert whole["n"].cast(pl.String).to_list() == cut["n"].cast(pl.String).to_list()
    for name in {"a", "b"} & set(cut.columns):
        if not isinstance(whole.schema[name], pl.Struct):
            assert_series_equal(whole[name], cut[name])


def test_a_type_that_changes_in_a_later_piece_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "rows.ndjson"
    path.write_text('{"a":1,"s":{}}\n{"a":2.5,"s":{"x":1}}\n{"a":"code","new":{"y":[1]}}\n')
    found = read(path, 8, 1, monkeypatch)
    assert found["a"].to_list() == ["1", "2.5", "code"]
    assert found["s"].struct.field("x").to_list() == [None, 1, None]
    assert found["new"].struct.field("y").to_list() == [None, None, [1]]


def test_rows_in_files_are_read_by_many_at_once_and_outlive_their_source(tmp_path, monkeypatch):
    path = tmp_path / "rows.ndjson"
    path.write_text("".join(f'{{"a":{n},"b":"t{n}"}}\n' for n in range(2_000)))
    monkeypatch.setattr(files, "CHUNK", 512)
    monkeypatch.setattr(row_store, "IN_MEMORY", 256)
    monkeypatch.setattr("journeys.sources.reading.SMALL", 0)
    rows = load_source(path).rows
    path.unlink()
    asked = [rows.select(pl.col("a").sum()), rows.filter(pl.col("a") > 990).select(pl.col("b").last()), rows]
    first, second = pl.collect_all(asked), pl.collect_all(asked)
    assert first[0].item() == sum(range(2_000))
    assert first[1].item() == "t1999"
    for one, other in zip(first, second, strict=True):
        assert_frame_equal(one, other)


def test_an_array_is_read_element_by_element(tmp_path, monkeypatch):
    path = tmp_path / "calls.json"
    path.write_text(json.dumps([{"a": n, "t": "ü" * n} for n in range(9)], indent=1, ensure_ascii=False))
    assert read(path, 7, 1 << 20, monkeypatch)["t"].to_list() == ["ü" * n for n in range(9)]
    path.write_text('[{"a": 1},\n{"a": oops},\n{"a": 3},\n{"a": 4')
    found = read(path, 1 << 20, 1 << 20, monkeypatch)
    assert found["a"].drop_nulls().to_list() == [1, 3]
    assert found["_problem"].drop_nulls().to_list() == ["broken JSON", "half-written last line"]
    assert json_files.LONGEST_ELEMENT > files.CHUNK


@pytest.mark.parametrize(
    ("piece", "keys"),
    [
        (b'{"a":1,"b":{"c": null,"d":[{"e":2}]}}\n', 4), (b'{"a":"x\\":1"}\n', 1), (b'{"a" : 1}\n', None), (b"{}\n", 0),
        (b'{"a":"b : c"}\n', 1), (b'{"a\\\\":1}\n', None),
    ],
)  # fmt: skip
def test_keys_are_counted_in_the_bytes(piece, keys):
    assert count_written_keys(piece) == keys


TIMES = st.lists(
    st.one_of(
        st.none(),
        st.from_regex(r"2026-(03-29|10-25|13-01)[T ]0[12]:[0-6]\d:[0-5]\d(\.\d{0,9})?(Z|\+02:00)?", fullmatch=True),
        st.from_regex(r"2026-03-01T10:00:00\.[ +\-0-9e]{1,4}Z?", fullmatch=True),
    ),
    min_size=1, max_size=4,
)  # fmt: skip


@given(TIMES, st.sampled_from(["UTC", "Europe/Berlin"]))
def test_times_read_piece_by_piece_are_those_read_by_patterns(rows, zone):
    batch = pl.Series("t", rows, dtype=pl.String)
    parser = TimeParser(time_zone=zone)
    found = parser._parse_text(batch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            TimeParser, "_parse_common", lambda _self, text: pl.Series(text.name, [None] * len(text), dtype=UTC_TIME)
        )
        assert_series_equal(found, parser._parse_text(batch))
