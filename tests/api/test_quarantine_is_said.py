"""It is said where a table loses many of its rows."""

import polars as pl

import journeys as jn


def test_journeys_report_many_quarantined_rows_of_their_table(tmp_path) -> None:
    log = pl.DataFrame({"person": ["a"] * 7 + [None] * 3, "timestamp": ["2026-03-01"] * 10, "event": ["x"] * 10})
    j = jn.Journeys.from_table(log)
    said = "30% of the 10 rows were quarantined"
    assert said in repr(j)
    assert said in j._repr_html_()
    j.save(tmp_path / "store")
    assert said in repr(jn.open(tmp_path / "store"))
    assert "%" not in repr(jn.Journeys.from_table(log.head(8)))
