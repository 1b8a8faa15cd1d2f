"""Attribution: one bar per touchpoint, as long as its credit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go
import polars as pl

from journeys.charts.figure import Chart
from journeys.charts.labels import wrap_sentence, write_full_name, write_label
from journeys.charts.theme import apply_theme, choose_theme, draw_nothing
from journeys.charts.ticks import label_rows
from journeys.display import choose_form, format_amount, format_count, format_number, format_percent

_MOST = 15  # touchpoints; the others are added up in a last bar


def draw_attribution(
    table: pl.DataFrame,
    *,
    touch: str,
    currency: str | None = None,
    title: str = "",
    subtitle: str = "",
    dark: bool = False,
    narrow: bool = False,
) -> go.Figure:
    """Draw the credit of each touchpoint.

    Parameters
    ----------
    table
        The touchpoint's column, `credit`, `share`, `touched`, `converted`, `conversion_rate`, and perhaps `value`,
        `cost`, `cost_per_conversion` and `roas`; its order is kept. What has neither credit nor cost is left out.
    touch
        The name of the touchpoint's column, in which "(none)" is no touchpoint (a value spelled so is quoted).
    currency
        The currency of the values.

    Examples
    --------
    >>> table = pl.DataFrame({"campaign": ["spring"], "credit": [2.0], "share": [1.0], "touched": [5],
    ...     "converted": [2], "conversion_rate": [0.4]})
    >>> draw_attribution(table, touch="campaign").data[0].x
    (2.0,)
    """
    earns = pl.col("credit") > 0
    kept = table.filter(earns | (pl.col("cost") > 0) if "cost" in table.columns else earns).to_dicts()
    if not any(row["credit"] for row in kept):
        return draw_nothing("No conversion, no credit.", title=title, subtitle=subtitle, dark=dark, narrow=narrow)
    theme = choose_theme(dark=dark)
    shown, rest = kept[:_MOST], kept[_MOST:]
    names = [write_label(row[touch], 18 if narrow else 34) for row in shown]
    credit = [row["credit"] for row in shown]
    said = [_hover_text(row, currency=currency) for row in shown]
    hover = [
        f"<b>{write_full_name(row[touch])}</b><br>"
        + wrap_sentence(
            f"{format_count(row['touched'], 'person')} {choose_form(row['touched'], 'was', 'were')} touched, "
            f"{format_number(row['converted'])} of them converted ({format_percent(row['conversion_rate'])}); "
            f"credit {_format_amount(row['credit'])}.",
            48,
        )
        for row in shown
    ]
    tints = [theme.other if row[touch] == "(none)" else theme.goal for row in shown]
    if rest:
        names.append(f"{format_number(len(rest))} more")
        credit.append(sum(row["credit"] for row in rest))
        added: dict[str, Any] = {
            name: sum(row[name] for row in rest) for name in ("credit", "share", "value") if name in rest[0]
        }
        said.append(_hover_text(added, currency=currency))
        hover.append(wrap_sentence(f"{format_count(len(rest), 'touchpoint')} with less credit.", 48))
        tints.append(theme.other)
    places = [-k for k in range(len(names))]
    fig = Chart(
        go.Bar(
            x=credit,
            y=places,
            orientation="h",
            marker={"color": tints},
            text=said,
            textposition="outside",
            textfont={"color": theme.ink},
            cliponaxis=False,
            hovertext=hover,
            hoverinfo="text",
        )
    )
    # room for the text at the end of the longest bar: what it takes of the width, in parts of what it leaves
    taken = min(0.7, max(map(len, said)) * 7 / (250 if narrow else 700))
    fig.update_xaxes(visible=False, fixedrange=True, range=[0, max(credit) * (1.02 + taken / (1 - taken))])
    fig.update_yaxes(**label_rows([f"{name}  " for name in names], colour=theme.ink))
    height = 34 * len(names) + 20
    return apply_theme(fig, title=title, subtitle=subtitle, dark=dark, narrow=narrow, height=height)


def _hover_text(row: Mapping[str, Any], *, currency: str | None) -> str:
    """Write credit and share, and what is known of value and return."""
    parts = [_format_amount(row["credit"]), format_percent(row["share"])]
    if row.get("value") is not None:
        parts.append(format_number(row["value"]) + (f" {write_label(currency)}" if currency else ""))
    elif row.get("cost_per_conversion") is not None:
        parts.append(f"{format_amount(row['cost_per_conversion'])} per conversion")
    elif row.get("cost"):
        parts.append(f"cost {format_amount(row['cost'])}")
    if row.get("roas") is not None:
        parts.append(f"ROAS {row['roas']:,.1f}")
    return " · ".join(parts)


def _format_amount(credit: float) -> str:
    """Format a credit: one decimal, none for whole and large numbers."""
    return format_number(round(credit)) if abs(credit - round(credit)) < 1e-9 or credit >= 100 else f"{credit:,.1f}"
