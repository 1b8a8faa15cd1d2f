"""Steps: named conditions on events, how they are written, and the order in which a funnel asks for them."""

from journeys.steps.did import CombinedCondition, Condition, Did, did, list_conditions
from journeys.steps.moments import Moment, parse_moment, parse_period, parse_range
from journeys.steps.pattern import parse_pattern
from journeys.steps.steps import (
    AnyOrder,
    Never,
    Step,
    StepLike,
    Steps,
    any_order,
    columns_used,
    duration_us,
    moment_us,
    never,
    resolve_step,
    resolve_steps,
    step,
)

__all__ = [
    "AnyOrder", "CombinedCondition", "Condition", "Did", "Moment", "Never", "Step", "StepLike", "Steps", "any_order",
    "columns_used", "did", "duration_us", "list_conditions", "moment_us", "never", "parse_moment", "parse_pattern",
    "parse_period", "parse_range", "resolve_step", "resolve_steps", "step",
]  # fmt: skip
