"""Steps: named conditions on events, how they are written, and in which order they are asked for."""

from journeys.steps.core import Step, StepLike, duration_us, moment_us, resolve_step, resolve_steps, step
from journeys.steps.pattern import parse
from journeys.steps.sequence import AnyOrder, Never, Steps, any_order, never

__all__ = [
    "AnyOrder",
    "Never",
    "Step",
    "StepLike",
    "Steps",
    "any_order",
    "duration_us",
    "moment_us",
    "never",
    "parse",
    "resolve_step",
    "resolve_steps",
    "step",
]
