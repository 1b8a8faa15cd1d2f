"""Small nasty logs for hypothesis: ties, repeats, one person, nobody at all."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import strategies as st

START = datetime(2026, 3, 1, tzinfo=UTC)
SCHEMA = {"person": pl.String, "timestamp": pl.Datetime("us", "UTC"), "event": pl.String, "campaign": pl.String}

Row = tuple[str, int, str, str | None]


def frame(rows: list[Row]) -> pl.DataFrame:
    """Make a table of (person, minutes after the start, event, campaign) rows, in order of arrival."""
    timed = [(person, START + timedelta(minutes=minute), event, campaign) for person, minute, event, campaign in rows]
    return pl.DataFrame(timed, schema=SCHEMA, orient="row")


def rows(*, people: str = "abc", events: str = "ABCX", span: int = 8, most: int = 14) -> st.SearchStrategy[list[Row]]:
    """Logs in any order with many equal times."""
    row = st.tuples(
        st.sampled_from(people),
        st.integers(0, span),
        st.sampled_from(events),
        st.sampled_from(["spring", "ads", None]),
    )
    return st.lists(row, max_size=most)


def in_order(found: list[Row]) -> list[Row]:
    """Sort by person and time; what is equal keeps its order of arrival (Python's sort is stable)."""
    return sorted(found, key=lambda row: row[:2])
