"""The Sankey of a flow, column by column."""

from journeys.charts.sankey.draw import SMALLEST_PHI, draw_sankey
from journeys.charts.sankey.hover_text import ENOUGH

__all__ = ["ENOUGH", "SMALLEST_PHI", "draw_sankey"]
