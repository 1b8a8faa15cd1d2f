"""The Sankey of a flow: which way do they really go, column by column?"""

from journeys.charts.sankey.drawing import draw

__all__ = ["draw"]
