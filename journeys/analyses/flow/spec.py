"""What is asked of a flow: the checked options that every other module reads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from journeys.analyses.flow.nodes import NodeSpec
from journeys.steps import Step

Who = Literal["converted", "dropped", "all"]
Occurrence = Literal["first", "last", "each"]
CountUnit = Literal["people", "sessions", "entries"]
Align = Literal["start", "end"]
Keep = Literal["first", "last"]
Collapse = bool | Literal["loops"] | str | timedelta  # as it is asked for
CollapseMode = Literal["none", "repeats", "loops", "bursts"]

MAX_STEPS = 20


@dataclass(frozen=True, slots=True, eq=False)
class FlowSpec:
    """The options of a flow; durations are microseconds.

    Attributes
    ----------
    nodes : NodeSpec
        How events are turned into nodes.
    start, end : Step, optional
        Where journeys start, and which event ends them.
    who, occurrence, count, keep, align, steps, top
        As in `Journeys.flow`.
    within : int, optional
        The longest a journey lasts.
    in_session : bool
        Whether a journey ends with the session that it starts in (or, looking back from the end, ends in).
    gap, campaign_cuts
        What starts a session.
    collapse : {"none", "repeats", "loops", "bursts"}
        Whether repeats next to each other are merged, each node counts at its first visit only, or only repeats that
        follow within `burst_gap` are merged.
    times : bool
        Whether the times of links are computed.
    single_shard : bool
        Whether one shard is the whole log, so that small nodes can be folded while counting.
    separate_end : bool
        Whether reaching the end is a node of its own, "(reached)", whatever the event is called.
    """

    nodes: NodeSpec
    start: Step | None = None
    end: Step | None = None
    who: Who = "all"
    occurrence: Occurrence = "first"
    count: CountUnit = "people"
    within: int | None = None
    in_session: bool = False
    gap: int = 1_800_000_000
    campaign_cuts: bool = False
    collapse: CollapseMode = "repeats"
    burst_gap: int = 0
    keep: Keep = "first"
    align: Align = "start"
    steps: int = 6
    top: int | None = 10
    times: bool = True
    single_shard: bool = False
    separate_end: bool = False

    @property
    def needs_sessions(self) -> bool:
        """Whether journeys stop at the boundaries of sessions."""
        return self.count == "sessions" or self.in_session

    @property
    def is_limited(self) -> bool:
        """Whether a journey may stop before its last event because its window is over."""
        return self.within is not None or self.in_session

    @property
    def looks_back(self) -> bool:
        """Whether the window is counted back from the end, so that journeys need not begin with a first touch."""
        return self.is_limited and self.start is None and self.end is not None

    @property
    def starts_at_first_touch(self) -> bool:
        """Whether the first node of a journey is the first event of a person."""
        later = self.end is not None and (self.is_limited or self.occurrence == "each")
        return self.start is None and self.count != "sessions" and not later

    @property
    def needs_times(self) -> bool:
        """Whether the times of events are needed besides their order."""
        return self.times or self.within is not None or self.collapse == "bursts"
