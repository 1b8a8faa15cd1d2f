"""Each word of scan.py against its brute-force twin on small nasty logs."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from journeys import scan
from tests.twins import scan as twin

rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.booleans()), max_size=14).map(
    lambda found: sorted(found, key=lambda row: row[:2])
)
FLAG = pl.col("flag")
WORDS = [
    (scan.first_row(), twin.first_row),
    (scan.last_row(), twin.last_row),
    (scan.position(), twin.position),
    (scan.last_up_to(FLAG), twin.last_up_to),
    (scan.last_before(FLAG), twin.last_before),
    (scan.next_after(FLAG), twin.next_after),
    (scan.is_repeat(FLAG), twin.is_repeat),
    (scan.session_number(3), lambda found: twin.session_number(found, 3)),
]


@pytest.mark.parametrize(("word", "brute"), WORDS)
@given(found=rows)
def test_word_equals_its_twin(word, brute, found):
    schema = {"person": pl.UInt32, "timestamp": pl.Int64, "flag": pl.Boolean}
    log = pl.DataFrame(found, schema=schema, orient="row")
    assert log.select(word.alias("answer"))["answer"].to_list() == brute(found)


def test_session_gap_reads_datetimes_as_microseconds():
    log = pl.DataFrame({"person": [1, 1, 1], "timestamp": [0, 1_799_999_999, 3_600_000_000]}).with_columns(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC"))
    )
    assert log.select(scan.session_number(1_800_000_000).alias("n"))["n"].to_list() == [0, 0, 1]
