"""What stands over the columns of a flow's picture."""

from __future__ import annotations

from journeys.analyses.flow.nodes import said
from journeys.analyses.flow.spec import FlowSpec
from journeys.analyses.protocol import JourneysProtocol
from journeys.steps import Step

__all__ = ["begins_late", "name_columns"]


def begins_late(journeys: JourneysProtocol) -> bool:
    """Ask whether a cut in time took the beginning of the log."""
    return journeys.observed_period[0] != journeys._log.size.first


def name_columns(spec: FlowSpec, *, late: bool = False) -> list[str]:
    """Name the first columns: the first is somebody's first touch only where nothing was cut off before it.

    `late` says that a cut in time took the beginning: then it is the first touch of a period.
    """
    if spec.align == "end":
        # Columns are counted back from the end, so that the first is nobody's first touch.
        back = range(spec.steps - 1, 0, -1)
        end = _head(spec.end)
        return [f"{n} before" if n > 1 else "Just before" for n in back] + [end]
    if spec.start is not None:
        return [_head(spec.start)]
    if spec.count == "sessions":
        return ["Session begins"]
    if not spec.from_first_touch:
        return ["Step 1"]
    return ["First touch in the period" if late else "First touch"]


def _head(step: Step | None) -> str:
    """Name a column after its step: without a name of its own it is the end, or the start."""
    name = "the end" if step is None else said(step.name)
    return name.capitalize() if name in ("the start", "the end") else name
