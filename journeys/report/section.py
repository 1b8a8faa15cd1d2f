"""What a report consists of: findings, and sections with their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import plotly.graph_objects as go


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A chart for a page: as drawn for a wide screen and, where it has such a form, for a phone.

    Attributes
    ----------
    wide, narrow
        Figures in the light theme; the page itself turns them dark.
    least
        The width in pixels below which the wide form scrolls sideways.
    paper
        For print, where the wide form would be too wide for legible text.
    """

    wide: go.Figure
    narrow: go.Figure | None = None
    least: int = 0
    paper: go.Figure | None = None

    @property
    def height(self) -> int:
        """The height of the wide form in pixels, without its title."""
        layout = self.wide.layout
        return int(layout.height or 0) - int((layout.meta or {}).get("head", 0))


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence with its numbers, and the section that it links to.

    Attributes
    ----------
    sentence, section
        The sentence; the name of the section.
    people, low, high
        Of a comparison: the people of the group, and the 95% interval of the difference. Findings are ranked by them.
    """

    sentence: str
    section: str
    people: int = 0
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Section:
    """One question and its answer.

    Attributes
    ----------
    name
        Short and unique, for links: letters, digits and hyphens.
    question, finding
        The question; the answer as a sentence, which is the section's heading.
    definition
        Who was counted, over which period, within which window.
    pictures
        Its charts, without titles, which the headings replace.
    reading, limits
        How to read the answer, and what it does not show.
    table
        The numbers, folded away.
    method
        How it is counted, folded away.
    columns
        Which columns of the table are shown; all when empty.
    comment
        The analyst's own words, as Markdown.
    """

    name: str
    question: str
    finding: str
    definition: str = ""
    pictures: tuple[Picture, ...] = ()
    reading: str = ""
    limits: str = ""
    table: pl.DataFrame | None = None
    method: str = ""
    columns: tuple[str, ...] = ()
    comment: str = ""
