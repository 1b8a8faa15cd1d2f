"""What stands over the columns of a flow's picture."""

from __future__ import annotations

from journeys.analyses.flow.nodes import said
from journeys.analyses.flow.spec import FlowSpec

__all__ = ["name_columns"]


def name_columns(spec: FlowSpec) -> list[str]:
    """Name the first columns: the first is somebody's first touch only where nothing was cut off before it."""
    if spec.align == "end":
        # Columns are counted back from the end, so that the first is nobody's first touch.
        back = range(spec.steps - 1, 0, -1)
        end = "The end" if spec.end is None else said(spec.end.name)
        return [f"{n} before" if n > 1 else "Just before" for n in back] + [end]
    if spec.start is not None:
        return [said(spec.start.name)]
    if spec.count == "sessions":
        return ["Session begins"]
    return ["First touch" if spec.from_first_touch else "Step 1"]
