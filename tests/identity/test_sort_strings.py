"""Texts in order: as plain sorting puts them."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from journeys.identity.encode_ids import sort_strings

SHORT = st.text(alphabet="aé-0\x00", max_size=4)


@given(st.lists(SHORT), st.sampled_from(["", "user_000", "a-long-and-common-beginning-"]))
@example(["b", "a", "b"], "user_000")
@example(["a", "a\x00"], "")
def test_texts_are_put_in_order(texts: list[str], beginning: str) -> None:
    texts = [beginning + text for text in texts]
    order, starts = sort_strings(pl.Series(texts, dtype=pl.String))
    assert [texts[at] for at in order] == sorted(texts, key=str.encode)
    assert [texts[at] for at in order[starts]] == sorted(set(texts), key=str.encode)


@pytest.mark.parametrize("tail", ["", "-the-same-end"])
def test_long_texts_that_differ_late(tail: str) -> None:
    texts = [f"{at % 7:036d}{at % 11:09d}{tail}" for at in range(500)]
    order, starts = sort_strings(pl.Series(texts))
    assert [texts[at] for at in order] == sorted(texts)
    assert int(starts.sum()) == 77
