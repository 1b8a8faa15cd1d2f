"""How values of a breakdown are displayed: "(none)" and "(other)" are labels, never values.

A value that happens to be spelled like a label is quoted, so that distinct values keep distinct labels:

    null     → (none)
    (none)   → "(none)"
    "(none)" → ""(none)""
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

NONE = "(none)"
OTHER = "(other)"
_LABELS = (NONE, OTHER)


def label_values(values: pl.Series) -> pl.Series:
    """Return the label (String) of each value.

    Examples
    --------
    >>> label_values(pl.Series(["spring", None, "(none)"])).to_list()
    ['spring', '(none)', '"(none)"']
    """
    value = pl.col("value").cast(pl.String)
    is_label = value.str.strip_chars('"').is_in(_LABELS)
    label = pl.when(is_label).then('"' + value + '"').otherwise(value).fill_null(NONE)
    return values.to_frame("value").select(label.alias(values.name))[values.name]


def value_of_label(label: str) -> str | None:
    """Return the value behind a label; None for "(none)". "(other)" stands for several values and has none.

    Examples
    --------
    >>> value_of_label("spring"), value_of_label("(none)"), value_of_label('"(none)"')
    ('spring', None, '(none)')
    """
    if label == NONE:
        return None
    return label[1:-1] if label.strip('"') in _LABELS else label


def fold_values(values: pl.Series, *, kept: Sequence[str | None] | None) -> pl.Series:
    """Return the label of each value, "(other)" for those that are not kept; None keeps all.

    Examples
    --------
    >>> fold_values(pl.Series(["a", "b", None]), kept=["a"]).to_list()
    ['a', '(other)', '(other)']
    """
    labels = label_values(values)
    if kept is None:
        return labels
    is_kept = values.is_in([one for one in kept if one is not None])
    if None in kept:
        is_kept |= values.is_null()
    folded = pl.select(pl.when(is_kept.fill_null(value=False)).then(labels).otherwise(pl.lit(OTHER)))
    return folded.to_series().alias(values.name)


def filter_group(rows: pl.DataFrame, group: str | None, *, kept: Sequence[str | None] | None) -> pl.DataFrame:
    """Keep the rows whose `group` has a label, "(other)" for values that are not kept; None keeps all rows.

    Examples
    --------
    >>> rows = pl.DataFrame({"person": [1, 2, 3], "group": ["a", "b", "c"]})
    >>> filter_group(rows, "(other)", kept=["a"])["person"].to_list()
    [2, 3]
    """
    return rows if group is None else rows.filter(fold_values(rows["group"], kept=kept) == group)


def largest_values(sizes: pl.DataFrame, *, top: int | None) -> list[str | None] | None:
    """Return the `top` values of `group` with the most `people`, equal ones by name; None where all are shown.

    Examples
    --------
    >>> sizes = pl.DataFrame({"group": ["a", "b", "b", None], "people": [2, 1, 2, 1]})
    >>> largest_values(sizes, top=2)
    ['b', 'a']
    """
    added = (
        sizes.group_by("group")
        .agg(pl.col("people").sum())
        .sort("people", "group", descending=[True, False], nulls_last=True)
    )
    values = added["group"].to_list()
    return None if top is None or len(values) <= top else values[:top]
