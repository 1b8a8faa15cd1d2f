"""Flows in plain loops: one person at a time, one event at a time, so that each rule can be read off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

DROP, OTHER, CONTINUES, REACHED = "(drop-off)", "(other)", "(continues)", "(reached)"


@dataclass
class Event:
    """One event of one person: when (microseconds), what, and its properties."""

    time: int
    event: str
    properties: dict[str, Any] = field(default_factory=dict)
    session: int = 0


@dataclass
class Journey:
    """The nodes that one unit passes, with their times, and whether the goal was reached."""

    person: Any
    nodes: list[tuple[str, int]]
    converted: bool


Condition = Callable[[Event], bool]


def cut_sessions(events: list[Event], gap: int, *, campaign_cuts: bool = False) -> list[list[Event]]:
    sessions: list[list[Event]] = []
    campaign = None
    for number, event in enumerate(events):
        new = number == 0 or event.time - events[number - 1].time >= gap
        touched = event.properties.get("campaign")
        if campaign_cuts and touched is not None:
            new = new or touched != campaign
            campaign = touched
        if new:
            sessions.append([])
        sessions[-1].append(event)
    return sessions


def cut_attempts(
    events: list[Event],
    *,
    start: Condition | None,
    end: Condition | None,
    occurrence: str,
    within: int | str | None,
) -> list[tuple[list[Event], bool]]:
    """Cut the events of one unit into stretches from the start to the end, with whether the end was reached."""
    if not events:
        return []
    starts = [i for i, e in enumerate(events) if start and start(e)]
    ends = [i for i, e in enumerate(events) if end and end(e)]
    if start is None:
        stretches = _backward(events, ends, occurrence=occurrence, anchored=end is not None)
        if within is None:
            return stretches
        edge = 0 if end is None else -1
        return [([e for e in s if near(s[edge], e, within)], c) for s, c in stretches]
    if occurrence == "first":
        return [_forward(events, starts[0], ends, within=within)[:2]] if starts else []
    if occurrence == "last":
        return [_forward(events, starts[-1], ends, within=within)[:2]] if starts else []
    out = []
    at = 0
    while (first := next((i for i in starts if i >= at), None)) is not None:
        if end is None:
            stop = next((i for i in starts if i > first), len(events))
            stretch = events[first:stop]
            if within is not None:
                stretch = [e for e in stretch if near(stretch[0], e, within)]
            out.append((stretch, False))
            at = stop
        else:
            stretch, converted, at = _forward(events, first, ends, within=within)
            out.append((stretch, converted))
    return out


def near(edge: Event, event: Event, within: int | str) -> bool:
    """Ask whether an event is of the same session as a journey's edge, or as near in time as asked."""
    return edge.session == event.session if within == "session" else abs(event.time - edge.time) <= int(within)


def _forward(
    events: list[Event], first: int, ends: list[int], *, within: int | str | None
) -> tuple[list[Event], bool, int]:
    stop = len(events)
    if within is not None:
        stop = next((i for i, e in enumerate(events) if i >= first and not near(events[first], e, within)), stop)
    reached = next((i for i in ends if first < i < stop), None)
    if reached is not None:
        return events[first : reached + 1], True, reached + 1
    return events[first:stop], False, stop


def _backward(
    events: list[Event], ends: list[int], *, occurrence: str, anchored: bool
) -> list[tuple[list[Event], bool]]:
    if not anchored or not ends:
        return [(events, False)]
    if occurrence == "first":
        return [(events[: ends[0] + 1], True)]
    if occurrence == "last":
        return [(events[: ends[-1] + 1], True)]
    out = []
    at = 0
    for i in ends:
        out.append((events[at : i + 1], True))
        at = i + 1
    if at < len(events):
        out.append((events[at:], False))
    return out


def collapsed(nodes: list[tuple[str, int]], *, collapse: bool | str | int, keep: str) -> list[tuple[str, int]]:
    """Make one of repeats: True next to each other, "loops" anywhere, a number next to each other within that time."""
    if collapse is False:
        return nodes
    if collapse == "loops":
        seen: set[str] = set()
        out = []
        for name, time in nodes:
            if name not in seen:
                seen.add(name)
                out.append((name, time))
        return out
    out = []
    before = None
    for name, time in nodes:
        repeated = before is not None and before[0] == name
        if repeated and collapse is not True:
            repeated = time - before[1] <= int(collapse)
        before = (name, time)
        if not repeated:
            out.append((name, time))
        elif keep == "last":
            out[-1] = (name, time)
    return out


def journeys(
    people: dict[Any, list[Event]],
    *,
    node: Callable[[Event], str | None] = lambda e: e.event,
    start: Condition | None = None,
    end: Condition | None = None,
    start_name: str = "",
    end_name: str = "",
    occurrence: str = "first",
    count: str = "people",
    within: int | str | None = None,
    gap: int = 1_800_000_000,
    campaign_cuts: bool = False,
    collapse: bool | str | int = True,
    keep: str = "first",
) -> list[Journey]:
    out = []
    for person, events in people.items():
        units = cut_sessions(events, gap, campaign_cuts=campaign_cuts) if count == "sessions" else [events]
        for unit in units:

            def name(event: Event) -> str | None:
                label = node(event)
                if label is None and start and start(event):
                    label = start_name
                if label is None and end and end(event):
                    label = end_name
                return label

            shown = [e for e in unit if name(e) is not None]
            if within == "session":
                # sessions are those of all events, hidden ones too
                # a session of a person is cut out of all of their events: what is one already is not cut again
                again = [unit] if count == "sessions" else cut_sessions(unit, gap, campaign_cuts=campaign_cuts)
                for number, session in enumerate(again):
                    for event in session:
                        event.session = number
            for stretch, converted in cut_attempts(shown, start=start, end=end, occurrence=occurrence, within=within):
                # a hidden event is shown where the journey begins or ends with it only
                anchors = ([0] if start else []) + ([len(stretch) - 1] if converted else [])
                there = [e for i, e in enumerate(stretch) if i in anchors or node(e) is not None]
                nodes = [(name(e) or "", e.time) for e in there]
                # and the end is a node of its own, whatever stands before it
                last = nodes[-1:] if converted else []
                way = nodes[:-1] if converted else nodes
                out.append(Journey(person, collapsed(way, collapse=collapse, keep=keep) + last, converted))
    return out


Link = tuple[int, str, str | None]


def passed(journey: Journey, *, steps: int, align: str = "start") -> list[tuple[Link, int | None]]:
    """List the links that one journey passes, with their times; the target None is the goal reached there."""
    nodes = journey.nodes
    cut = nodes[:steps] if align == "start" else nodes[-steps:]
    shift = 0 if align == "start" else steps - len(cut)
    out: list[tuple[Link, int | None]] = []
    for i, (name, time) in enumerate(cut):
        if i + 1 < len(cut):
            out.append(((i + shift, name, cut[i + 1][0]), cut[i + 1][1] - time))
        elif align == "start" and len(nodes) > steps:
            out.append(((i + shift, name, CONTINUES), None))
        else:
            out.append(((i + shift, name, None if journey.converted else DROP), None))
    return out


def shown_nodes(found: Sequence[Journey], *, steps: int, align: str, who: str, top: int | None) -> dict[int, set[str]]:
    """Choose the nodes of each column that keep their name."""
    sizes: dict[int, Counter[str]] = defaultdict(Counter)
    goals: dict[int, set[str]] = defaultdict(set)
    for journey in found:
        for (position, source, target), _ in passed(journey, steps=steps, align=align):
            if belongs(journey, who):
                sizes[position][source] += 1
            if target is None:
                goals[position].add(source)
    return {
        position: {name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:top]}
        | (goals[position] & set(counts))
        for position, counts in sizes.items()
    }


def belongs(journey: Journey, who: str) -> bool:
    return who == "all" or journey.converted == (who == "converted")


def links(
    found: Sequence[Journey],
    *,
    steps: int = 6,
    align: str = "start",
    who: str = "all",
    top: int | None = None,
    kept: dict[int, set[str]] | None = None,
) -> list[dict[str, Any]]:
    """Count the links as `Flow.table` has them, target None left out; with `kept` also those nobody shown passes."""
    seldom = kept is not None
    kept = shown_nodes(found, steps=steps, align=align, who=who, top=top) if kept is None else kept
    people: Counter[Link] = Counter()
    everyone: Counter[Link] = Counter()
    converted: Counter[Link] = Counter()
    times: dict[Link, list[int]] = defaultdict(list)
    for journey in found:
        for (position, source, target), time in passed(journey, steps=steps, align=align):
            key = (position, folded(kept, position, source) or "", folded(kept, position + 1, target))
            everyone[key] += 1
            converted[key] += journey.converted
            if belongs(journey, who):
                people[key] += 1
                if time is not None:
                    times[key].append(time)
    return [
        {
            "position": key[0],
            "source": key[1],
            "target": key[2],
            "people": people[key],
            "median_time": median(times[key]) if times[key] else None,
            "mean_time": sum(times[key]) / len(times[key]) if times[key] else None,
            "passed": everyone[key],
            "converted": converted[key],
        }
        for key in sorted(everyone, key=lambda key: (key[0], key[1], key[2] or ""))
        if seldom or people[key]
    ]


def folded(kept: dict[int, set[str]], position: int, name: str | None) -> str | None:
    """Give a name as its column shows it."""
    if name is None or name in (DROP, CONTINUES):
        return name
    return name if name in kept.get(position, ()) else OTHER


def nodes(
    found: Sequence[Journey],
    *,
    steps: int = 6,
    align: str = "start",
    who: str = "all",
    top: int | None = None,
    kept: dict[int, set[str]] | None = None,
) -> dict[tuple[int, str], dict[str, Any]]:
    """Count the nodes as `Flow.nodes` has them: whose journeys are shown, and everybody who passes, shown or not."""
    seldom = kept is not None
    kept = shown_nodes(found, steps=steps, align=align, who=who, top=top) if kept is None else kept
    there: dict[tuple[int, str], list[Journey]] = defaultdict(list)
    for journey in found:
        for (position, source, _), _ in passed(journey, steps=steps, align=align):
            there[position, folded(kept, position, source) or ""].append(journey)
    out = {}
    for key, journeys_there in there.items():
        people = sum(belongs(journey, who) for journey in journeys_there)
        converted = [journey for journey in journeys_there if journey.converted]
        if not (people or seldom):
            continue
        # did and converted, did only, converted only, neither
        a, b = len(converted), len(journeys_there) - len(converted)
        c = sum(journey.converted for journey in found) - a
        d = len(found) - a - b - c
        margins = (a + b) * (c + d) * (a + c) * (b + d)
        out[key] = {
            "people": people,
            "passed": a + b,
            "converted": a,
            "phi": (a * d - b * c) / margins**0.5 if margins else None,
        }
    return out


def whole_paths(
    found: Sequence[Journey], *, who: str = "all"
) -> dict[tuple[tuple[str, ...], bool], tuple[int, float, float]]:
    """Give each whole path its people, the rate of all who went the same way before the end, and its median time."""
    people: Counter[tuple[tuple[str, ...], bool]] = Counter()
    times: dict[tuple[tuple[str, ...], bool], list[int]] = defaultdict(list)
    ways: dict[tuple[str, ...], list[bool]] = defaultdict(list)
    for journey in found:
        path = tuple(name for name, _ in journey.nodes)
        ways[path[:-1] if journey.converted else path].append(journey.converted)
        if belongs(journey, who):
            people[path, journey.converted] += 1
            times[path, journey.converted].append(journey.nodes[-1][1] - journey.nodes[0][1])
    out = {}
    for (path, converted), count in people.items():
        way = ways[path[:-1] if converted else path]
        out[path, converted] = (count, sum(way) / len(way), median(times[path, converted]))
    return out


def sequences(found: Sequence[Journey], size: int, *, who: str = "all") -> dict[tuple[str, ...], tuple[int, int]]:
    """Give each run of `size` nodes the journeys that it occurs in, and how often it does."""
    people: Counter[tuple[str, ...]] = Counter()
    times: Counter[tuple[str, ...]] = Counter()
    for journey in found:
        if belongs(journey, who):
            names = [name for name, _ in journey.nodes]
            here = [tuple(names[i : i + size]) for i in range(len(names) - size + 1)]
            times.update(here)
            people.update(set(here))
    return {gram: (count, times[gram]) for gram, count in people.items()}


def transitions(people: dict[Any, list[Event]], *, collapse: bool = False) -> Counter[tuple[str, str]]:
    """Count each event that follows directly on another of the same person."""
    out: Counter[tuple[str, str]] = Counter()
    for events in people.values():
        nodes = collapsed([(e.event, e.time) for e in events], collapse=collapse, keep="first")
        for (a, _), (b, _) in pairwise(nodes):
            out[a, b] += 1
    return out


def drop_offs(
    found: Sequence[Journey], people: dict[Any, list[Event]], *, quiet_since: int | None = None
) -> dict[str, Any]:
    """Count endings without the goal, people at each node, and where they went on to."""
    lost: Counter[tuple[str, ...]] = Counter()
    at: dict[str, set[int]] = defaultdict(set)
    onward: dict[tuple[str, str], set[int]] = defaultdict(set)
    for number, journey in enumerate(found):
        names = [name for name, _ in journey.nodes]
        # the last event of all, shown or not
        silent = quiet_since is None or people[journey.person][-1].time <= quiet_since
        if not journey.converted and not silent:
            continue
        for name in names:
            at[name].add(number)
        for source, target in pairwise(names):
            onward[source, target].add(number)
        if not journey.converted:
            lost[tuple(names[-3:])] += 1
    reached = {number for number, journey in enumerate(found) if journey.converted}
    return {
        "endings": dict(lost),
        "passed": {name: len(numbers) for name, numbers in at.items()},
        "onward": {move: (len(numbers), len(numbers & reached)) for move, numbers in onward.items()},
    }


def fits(pattern: str, name: str) -> bool:
    """Compare a name with a pattern sign by sign: `*` is any run, `?` any one sign."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return fits(pattern[1:], name) or (bool(name) and fits(pattern, name[1:]))
    return bool(name) and pattern[0] in ("?", name[0]) and fits(pattern[1:], name[1:])


def cleaned_path(value: str) -> str:
    """Clean a page path part by part: numbers and long codes become `:id`; nothing after ? or #, no closing slash."""
    for sign in "?#":
        value = value.split(sign, maxsplit=1)[0]
    parts = value.split("/")
    for number, part in enumerate(parts):
        code = part.replace("-", "").replace("_", "")
        long = len(part) >= 8 and any(c.isdigit() for c in part) and all(c in "0123456789abcdefABCDEF" for c in code)
        if number and (part.isdigit() or long):
            parts[number] = ":id"
    value = "/".join(parts)
    return (value.rstrip("/") or "/") if value else value


def named(
    event: Event,
    *,
    node: str = "event",
    expand: dict[str, str] | None = None,
    groups: dict[str, list[str]] | None = None,
    hide: Sequence[str] = (),
    clean: bool | Sequence[tuple[str, str]] | None = None,
    paths: Sequence[str] = ("page_path",),
) -> str | None:
    """Name the node of an event: its value or its event, expanded, then hidden, then grouped, quoted at last."""
    column = node if node != "event" else (expand or {}).get(event.event)
    label: str | None = event.event
    if column is not None:
        value = event.properties.get(column)
        if value is not None and (clean is True or (clean is None and column in paths)):
            value = cleaned_path(value)
        elif value is not None and clean:
            for old, new in clean:
                value = value.replace(old, new)
        label = value if node != "event" else event.event if value is None else f"{event.event}: {value or '(no name)'}"
    if label is None or any(fits(p, event.event) or fits(p, label) for p in hide):
        return None
    for group, patterns in (groups or {}).items():
        if any(fits(p, event.event) or fits(p, label) for p in patterns):
            label = group
            break
    return f'"{label}"' if label in (DROP, OTHER, CONTINUES, REACHED) else label
