"""The headings over the columns of a flow's picture."""

from __future__ import annotations

from journeys.analyses.flow.nodes import display_name
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.protocol import JourneysProtocol
from journeys.steps import Step


def starts_late(journeys: JourneysProtocol) -> bool:
    """Return whether a selection in time cut off the beginning of the log."""
    return journeys.observed_period[0] != journeys._log.size.first


def label_columns(spec: FlowSpec, *, late: bool = False) -> list[str]:
    """Label the first columns, or with `align="end"` all of them.

    `late` says that the beginning of the log was cut off: a first touch is then that of a period only.
    """
    if spec.align == "end":
        back = range(spec.steps - 1, 0, -1)
        return [f"{n} before" if n > 1 else "Just before" for n in back] + [_label_step(spec.end)]
    if spec.start is not None:
        return [_label_step(spec.start)]
    if spec.count == "sessions":
        return ["Session begins"]
    if not spec.starts_at_first_touch:
        return ["Step 1"]
    return ["First touch in the period" if late else "First touch"]


def _label_step(step: Step | None) -> str:
    """Label a column after its step; an unnamed one is "The start" or "The end"."""
    name = "the end" if step is None else display_name(step.name)
    return name.capitalize() if name in ("the start", "the end") else name
