"""The report as one HTML page: its charts as data, and a policy that lets it load nothing."""

from __future__ import annotations

import json
from base64 import b64encode
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.charts.figure import remove_titles
from journeys.charts.theme import DARK, FONT, LIGHT, Colours, map_light_to_dark
from journeys.display import (
    apply_display_names,
    describe_settings,
    escape_html,
    keep_units_together,
    neutralise_controls,
    render_html_table,
    shorten_words,
)
from journeys.report.markdown import render_markdown
from journeys.report.section import Section

if TYPE_CHECKING:
    import jinja2
    import plotly.graph_objects as go

_SHARED_LENGTH = 80
"""Shorter texts of JSON are not worth a reference."""
PRINTED_ROWS = 12
"""The rows of a table on paper; the page has up to 60."""


def render_page(report: Any) -> str:
    """Render the whole page of a `journeys.report.Report`, whose module imports this one."""
    charts = _charts_data(report.sections, colours=report.colours)
    scripts = [_plotly_script(), _read_part("charts.js")] if charts["charts"] else []
    return _compile_template().render(
        report=report,
        settings=describe_settings(report.settings),
        version=_installed_version(),
        policy=_mark_trusted(_content_policy(scripts)),
        style=_mark_trusted(_style_sheet(report.colours)),
        charts=_mark_trusted(safe_json(charts)),
        scripts=[_mark_trusted(script) for script in scripts],
    )


def _installed_version() -> str:
    try:
        return version("journeys")
    except PackageNotFoundError:  # run from a folder
        return "of this folder"


@cache
def _compile_template() -> jinja2.Template:
    """Compile the page's template: everything is escaped, `text` isolates right-to-left names besides."""
    import jinja2

    def text(value: str) -> str:
        return _mark_trusted(escape_html(keep_units_together(value), sentence=True))

    def numbers(table: pl.DataFrame, columns: Sequence[str]) -> str:
        # What scrolls sideways on a phone can be reached by the keyboard.
        found = render_html_table(table, columns=columns or None, rows=60, style=False)
        return _mark_trusted(f'<div class="numbers" role="group" aria-label="The numbers" tabindex="0">{found}</div>')

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)

    def markdown(value: str) -> str:
        return _mark_trusted(render_markdown(value))

    def plain(value: str) -> str:
        return neutralise_controls(shorten_words(apply_display_names(value)))

    environment.filters |= {"text": text, "plain": plain, "numbers": numbers, "markdown": markdown}
    environment.filters["code"] = lambda value: neutralise_controls(
        shorten_words(value)
    )  # events as the log names them
    environment.globals["printed_rows"] = PRINTED_ROWS
    return environment.from_string(_read_part("page.html.j2"))


def _mark_trusted(html: str) -> str:
    """Mark what is escaped already, or is the page's own."""
    from jinja2.filters import do_mark_safe

    return do_mark_safe(html)


def _read_part(name: str) -> str:
    return (files("journeys.report") / "page_parts" / name).read_text(encoding="utf-8")


def _style_sheet(colours: Mapping[str, tuple[str, str]]) -> str:
    def variables(theme: Colours) -> str:
        roles = {"paper": theme.paper, "ink": theme.ink, "muted": theme.muted, "grid": theme.grid, "goal": theme.goal}
        roles |= {role: pair[theme is DARK] for role, pair in colours.items()}
        return "".join(f"--{name}:{colour};" for name, colour in roles.items())

    # In print, paper is white whatever the screen was.
    return (
        f":root{{color-scheme:light dark;{variables(LIGHT)}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{variables(DARK)}}}}}\n"
        + _read_part("style.css").replace("FONT", FONT)
    )


def _charts_data(sections: Sequence[Section], *, colours: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Collect the figures without titles; they share one template, and maps of colours to the reader's own and dark."""
    charts: dict[str, Any] = {}
    template: Any = {}
    for section in sections:
        for number, picture in enumerate(section.pictures):
            forms: dict[str, Any] = {}
            for form, fig in (("wide", picture.wide), ("narrow", picture.narrow), ("paper", picture.paper)):
                if fig is None:
                    continue
                figure = _figure_data(fig)
                template = figure["layout"].pop("template", template)
                figure["layout"].pop("meta", None)
                forms[form] = figure | {"least": picture.least if form == "wide" else 0}
            charts[f"{section.name}-{number}"] = forms
    own = {getattr(LIGHT, role): pair[0] for role, pair in colours.items()}
    dark = map_light_to_dark() | {getattr(LIGHT, role): pair[1] for role, pair in colours.items()}
    return {**_share_repeats(charts), "template": template, "dark": dark, "own": own}


def _figure_data(fig: go.Figure) -> dict[str, Any]:
    import plotly.graph_objects as go

    data: dict[str, Any] = json.loads(
        remove_titles(go.Figure(fig)).to_json(engine="json"), parse_float=lambda digits: _shorten_number(float(digits))
    )
    return data


def _shorten_number(value: float) -> float:
    """Return a number with as many digits as a pixel can show.

    Examples
    --------
    >>> _shorten_number(0.0123456789), _shorten_number(12.3456789)
    (0.0123457, 12.345679)
    """
    return round(value, 6) if abs(value) >= 1 else float(f"{value:.6g}")


def _share_repeats(charts: dict[str, Any]) -> dict[str, Any]:
    """Keep once the lists and objects that figures have in common; in their place is {"shared": position}.

    A chart for a phone has the numbers and hover texts of that for a wide screen. For instance, with lists of 80
    characters and more in place of [1, 2]:

        {"wide": {"x": [1, 2], "y": 3}, "narrow": {"x": [1, 2], "y": 4}}
        → {"wide": {"x": {"shared": 0}, "y": 3}, "narrow": {"x": {"shared": 0}, "y": 4}}, and of shared ones [[1, 2]]
    """
    counts: Counter[str] = Counter()

    def count(value: Any) -> None:
        if isinstance(value, dict | list):
            text = json.dumps(value)
            counts[text] += len(text) >= _SHARED_LENGTH
            if counts[text] < 2:  # what is in a repeat is a repeat, too
                for one in value.values() if isinstance(value, dict) else value:
                    count(one)

    positions: dict[str, int] = {}
    shared: list[Any] = []

    def replace(value: Any) -> Any:
        """Replace values that occur twice by their place in `shared`, the outermost ones first."""
        if not isinstance(value, dict | list):
            return value
        text = json.dumps(value)
        if text in positions:
            return {"shared": positions[text]}
        if isinstance(value, list):
            found: Any = [replace(one) for one in value]
        else:
            found = {key: replace(one) for key, one in value.items()}
        if counts[text] < 2 and "shared" not in value:  # a key of the figure's own is no reference
            return found
        positions[text] = len(shared)
        shared.append(found)
        return {"shared": positions[text]}

    count(charts)
    return {"charts": replace(charts), "shared": shared}


def safe_json(value: object) -> str:
    r"""Write JSON that cannot end the script element that contains it.

    Examples
    --------
    >>> safe_json("</script>")
    '"\\u003c/script\\u003e"'
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _content_policy(scripts: Sequence[str]) -> str:
    """Forbid everything but the page's own scripts, by their hashes, and its styles, which Plotly sets as it draws."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(s.encode()).digest()).decode()}'" for s in scripts) or "'none'"
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "connect-src 'none'; form-action 'none'; base-uri 'none'"
    )


def _plotly_script() -> str:
    from plotly.offline import get_plotlyjs

    # An end tag inside a string would end the element; "<\/" is the same string to the script.
    script: str = get_plotlyjs()
    return script.replace("</script", "<\\/script")
