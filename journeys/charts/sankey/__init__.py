"""The Sankey of a flow: which way do they really go, column by column?"""

from journeys.charts.sankey.drawing import SAYS_NOTHING as SMALLEST_PHI
from journeys.charts.sankey.drawing import draw
from journeys.charts.sankey.words import ENOUGH

__all__ = ["ENOUGH", "SMALLEST_PHI", "draw"]
