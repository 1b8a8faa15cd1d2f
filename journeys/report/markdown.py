"""An analyst's own text: Markdown turned into HTML that holds no markup of its own and loads nothing."""

from __future__ import annotations

from functools import cache
from typing import Any

from journeys.display import neutralise_controls

_ADDRESSES = ("http://", "https://", "mailto:", "#")
_PICTURES = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "gif", "webp"))


def render_markdown(text: str) -> str:
    r"""Render Markdown with tables as HTML for a page.

    HTML in the text is shown as text; links lead to http, https and mailto addresses and to sections of the page only;
    headings are below those of the page; a picture must be a data: address, of any other the description is shown.

    Examples
    --------
    >>> print(render_markdown("# Plan\nWe **stop** <b>it</b> ![chart](https://a.example/b.png)"))
    <h3>Plan</h3>
    <p>We <strong>stop</strong> &lt;b&gt;it&lt;/b&gt; chart</p>
    """
    return str(_build_renderer()(neutralise_controls(text)))


@cache
def _build_renderer() -> Any:
    import mistune

    class Renderer(mistune.HTMLRenderer):
        def heading(self, text: str, level: int, **attrs: Any) -> str:
            return super().heading(text, max(level, 3), **attrs)

        def image(self, text: str, url: str, title: str | None = None) -> str:
            return super().image(text, url, title) if url.startswith(_PICTURES) else text

        def link(self, text: str, url: str, title: str | None = None) -> str:
            return super().link(text, url, title) if url.lower().startswith(_ADDRESSES) else text

    return mistune.create_markdown(renderer=Renderer(escape=True), plugins=["table"])
