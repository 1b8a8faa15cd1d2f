"""Attribution: how much credit for conversions each touchpoint gets."""

from journeys.analyses.attribution.result import Attribution
from journeys.analyses.attribution.run import attribution

__all__ = ["Attribution", "attribution"]
