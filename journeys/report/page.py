"""The report as a page: its HTML, its charts as data, and the policy that lets it load nothing."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import TYPE_CHECKING, Any

from journeys.display import describe_settings, escape_html, html_table, unbroken
from journeys.report.style import SCRIPT, sheet

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.report.document import Report, Section

__all__ = ["safe_json", "write_page"]


def write_page(report: Report) -> str:
    """Write the whole page."""
    charts = _charts(report)
    scripts = [_plotly(), SCRIPT] if charts["charts"] else []
    body = "".join(_section(section) for section in report.sections)
    listed = "".join(f'<li><a href="#{f.section}">{_text(f.sentence)}</a></li>' for f in report.findings)
    contents = "".join(f'<li><a href="#{s.name}">{_text(s.question)}</a></li>' for s in report.sections)
    asked = describe_settings(report.settings)
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(report.title)}</title><style>{sheet()}</style></head><body>",
            f'<nav class="contents" aria-label="Contents"><p>Questions</p><ol>{contents}</ol></nav>'
            if contents
            else "",
            f'<main><header><h1>{_text(report.title)}</h1><p class="period">{_text(report.period)}</p>',
            f"<p>{_text(report.lead)}</p>" if report.lead else "",
            f'<ol class="findings">{listed}</ol>' if listed else "",
            "</header>",
            body,
            "<footer>",
            f"<p>{_text(asked)}</p>" if asked else "",
            "<p>Made with journeys. The file holds everything it shows and loads nothing.</p></footer></main>",
            "<noscript><p>The charts need JavaScript; all numbers are in the tables.</p></noscript>" if scripts else "",
            f'<script type="application/json" id="charts">{safe_json(charts)}</script>' if scripts else "",
            *(f"<script>{script}</script>" for script in scripts),
            "</body></html>\n",
        ]
    )


def _section(section: Section) -> str:
    parts = [
        f'<section id="{section.name}"><div class="answer"><p class="question">{_text(section.question)}</p>',
        f"<h2>{_text(section.finding)}</h2>",
        f'<p class="definition">{_text(section.definition)}</p>' if section.definition else "",
    ]
    for number, picture in enumerate(section.pictures):
        height = int(picture.wide.layout.height or 0)
        says = escape(section.finding, quote=True)
        parts.append(
            f'<figure><div class="scroll"><div class="chart" id="{section.name}-{number}" role="img" '
            f'aria-label="{says}" style="min-height:{height}px"></div></div></figure>'
        )
    parts.append("</div>")
    reading = [f"<p><strong>It means:</strong> {_text(section.means)}</p>"] if section.means else []
    reading += [f"<p><strong>It does not mean:</strong> {_text(section.not_means)}</p>"] if section.not_means else []
    parts.append(f'<div class="reading">{"".join(reading)}</div>' if reading else "")
    if section.table is not None:
        shown = html_table(section.table, columns=section.columns or None, rows=60, style=False)
        parts.append(f"<details><summary>The numbers</summary>{shown}</details>")
    if section.counted:
        parts.append(f"<details><summary>How it is counted</summary><p>{_text(section.counted)}</p></details>")
    return "".join([*parts, "</section>"])


def _text(text: str) -> str:
    """Escape, and keep numbers together with what belongs to them."""
    return escape_html(unbroken(text), sentence=True)


def _charts(report: Report) -> dict[str, Any]:
    from journeys.charts.theme import lighter_to_darker

    charts: dict[str, Any] = {}
    template: Any = {}
    for section in report.sections:
        for number, picture in enumerate(section.pictures):
            forms: dict[str, Any] = {}
            for form, fig in (("wide", picture.wide), ("narrow", picture.narrow)):
                if fig is None:
                    continue
                drawn = _plain(fig)
                template = drawn["layout"].pop("template", template)
                # The form for a telephone fits it.
                forms[form] = drawn | {"least": picture.least if form == "wide" else 0}
            charts[f"{section.name}-{number}"] = forms
    return {"charts": charts, "template": template, "dark": lighter_to_darker()}


def _plain(fig: go.Figure) -> dict[str, Any]:
    import plotly.graph_objects as go

    from journeys.charts.theme import untitled

    plain: dict[str, Any] = json.loads(untitled(go.Figure(fig)).to_json(engine="json"))
    return plain


def safe_json(value: object) -> str:
    r"""Write JSON that cannot end the script element that it stands in.

    Examples
    --------
    >>> safe_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _policy(scripts: list[str]) -> str:
    """Forbid everything but the page's own scripts, by their hashes, and its styles, which Plotly sets as it draws."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    # An end tag inside a string would end the element; "<\/" is the same string to the script.
    script: str = get_plotlyjs()
    return script.replace("</script", "<\\/script")
