"""Pictures of identity: counts as counts, long tails in one bar, names and numbers that do not leave the picture."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from journeys.charts.identity import draw_evidence_chain, draw_identifier_counts
from journeys.charts.stitching_impact import draw_stitching_impact
from journeys.display import format_percent


@pytest.mark.parametrize(("narrow", "bars", "tail"), [(False, 17, "17 or more"), (True, 7, "7+")])
def test_sizes_are_counts_and_the_tail_is_one_bar(narrow, bars, tail) -> None:
    sizes = pl.DataFrame({"identifiers": range(1, 41), "people": [3_500] * 40})
    fig = draw_identifier_counts(sizes, narrow=narrow)
    assert fig.data[0].text[0] == "3,500"
    assert len(fig.data[0].x) == bars
    assert fig.layout.xaxis.ticktext[-1] == tail
    assert sum(fig.data[0].y) == 40 * 3_500


def table(rows: int) -> pl.DataFrame:
    names = [f"<b>Behaviour</b> {at} " + "x" * 200 for at in range(rows)]
    stated = pl.DataFrame({"name": names, "with": [at / rows for at in range(rows)], "without": [0.0] * rows})
    return stated.with_columns((pl.col("with") - pl.col("without")).alias("difference"))


@pytest.mark.parametrize("narrow", [False, True])
def test_stitching_impact_draws_what_differs_most_and_says_how_many_do_not_fit(narrow) -> None:
    fig = draw_stitching_impact(table(25), number_format=format_percent, narrow=narrow)
    assert len(fig.data) == 15 * 3
    assert "10 rows that differ less are left out" in fig.layout.title.text.replace("<br>", " ").replace("\u00a0", " ")
    assert "<b>Behaviour" not in str(fig.to_json())
    assert "x" * 161 not in str(fig.to_json())


def test_stitching_impact_of_a_row_that_one_answer_lacks() -> None:
    rows = pl.DataFrame({"name": ["a", "b"], "with": [1.0, None], "without": [None, None], "difference": [None, None]})
    fig = draw_stitching_impact(rows.cast({"without": pl.Float64, "difference": pl.Float64}))
    assert [trace.text for trace in fig.data if trace.text] == ["  –  ", "  <b>1</b>  "]


@pytest.mark.parametrize("narrow", [False, True])
def test_a_link_says_when_to_the_minute(narrow) -> None:
    link = {"id_type_a": "user_id", "id_a": "u1", "id_type_b": "email", "id_b": "a@b.example", "kind": "row", "rows": 2}
    seen = {"first_seen": datetime(2026, 3, 1, 9, 5), "source": "web", "event": None, "reason": None}
    fig = draw_evidence_chain(pl.DataFrame([link | seen]), narrow=narrow)
    assert "2 rows of web since 1 March 2026, 09:05" in fig.layout.annotations[0].text.replace("<br>", " ")
