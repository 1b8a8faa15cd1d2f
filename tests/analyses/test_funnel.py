"""The funnel against plain loops, for each option and for pairs of them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import journeys as jn
from tests import logs
from tests.twins import funnel as twin

MINUTE = timedelta(minutes=1)
Row = logs.Row

# what a step is, here and for the twin
KINDS: dict[str, tuple[Any, Callable[[twin.Event], bool]]] = {
    "A": ("A", lambda e: e["event"] == "A"),
    "B": ("B", lambda e: e["event"] == "B"),
    "C": ("C", lambda e: e["event"] == "C"),
    "AB": (["A", "B"], lambda e: e["event"] in "AB"),
    "ads": (pl.col("campaign") == "ads", lambda e: e["campaign"] == "ads"),
    "X": ("X", lambda e: e["event"] == "X"),
}


def by_person(rows: list[Row]) -> dict[str, list[twin.Event]]:
    found: dict[str, list[twin.Event]] = {}
    for person, minute, event, campaign in logs.in_order(rows):
        found.setdefault(person, []).append({"t": minute, "event": event, "campaign": campaign})
    return found


def journeys(rows: list[Row]) -> jn.Journeys:
    # every name is known to the log, however short it is
    known = [("zz", 0, name, None) for name in "ABCX"]
    made = jn.Journeys.from_table(logs.frame([*rows, *known]))
    return made.where(pl.col("person") != "zz")


def named(kinds: list[Any]) -> list[Any]:
    return [jn.any_order(*named(kind)) if isinstance(kind, list) else KINDS[kind][0] for kind in kinds]


def conditions(kinds: list[Any]) -> list[Any]:
    return [conditions(kind) if isinstance(kind, list) else KINDS[kind][1] for kind in kinds]


def twin_table(rows: list[Row], asked: twin.Asked, *, on_exclusion: str = "drops") -> list[dict[str, Any]]:
    found = []
    for events in by_person(rows).values():
        attempt = twin.counted(events, asked)
        if attempt and not (on_exclusion == "removed" and twin.removed(events, asked)):
            found.append(twin.times_of(events, attempt, asked.step_count))
    return twin.table(found, asked.step_count)


def ours(funnel: Any) -> list[dict[str, Any]]:
    columns = {"median_time_from_previous": "previous", "median_time_from_start": "start"}
    columns[funnel.settings.get("count", "people")] = "people"
    rows = funnel.table.rename(columns).select("step", "people", "dropped", "previous", "start").to_dicts()
    for row in rows:
        for name in ("previous", "start"):
            row[name] = None if row[name] is None else row[name] / MINUTE
    return rows


def same(rows: list[Row], asked: twin.Asked, **options: Any) -> None:
    on_exclusion = options.get("on_exclusion") or "drops"
    assert ours(journeys(rows).funnel(**options)) == twin_table(rows, asked, on_exclusion=on_exclusion)


KIND_LISTS = st.lists(st.sampled_from(["A", "B", "C", "AB", "ads"]), min_size=1, max_size=4)
WITHIN = st.sampled_from([None, 1, 2, 4])


def minutes(value: int | None) -> str | None:
    return None if value is None else f"{value}m"


@given(logs.rows(), KIND_LISTS, WITHIN, st.sampled_from(["loose", "strict"]), st.sampled_from(["best", "first"]))
def test_order_window_and_reentry(rows: list[Row], kinds: list[str], within: int | None, order: str, reentry: str):
    asked = twin.Asked(conditions(kinds), within=within, order=order, reentry=reentry)
    same(rows, asked, steps=named(kinds), within=minutes(within), order=order, reentry=reentry)


@given(logs.rows(most=10), KIND_LISTS, WITHIN, st.sampled_from(["best", "first"]), st.booleans())
def test_any_order(rows: list[Row], kinds: list[str], within: int | None, reentry: str, stop: bool):
    exclude = [(KINDS["X"][1], 0, 9)] if stop else []
    asked = twin.Asked(conditions(kinds), within=within, order="any", reentry=reentry, exclude=exclude)
    options = {"exclude": "X"} if stop else {}
    same(rows, asked, steps=named(kinds), within=minutes(within), order="any", reentry=reentry, **options)


TIES = st.sampled_from([("rising", "rising", 0), ("either", "either", 0), ("1m", "either", 1), ("2m", "either", 2)])


@given(logs.rows(span=5, most=10), KIND_LISTS, WITHIN, TIES, st.sampled_from(["loose", "strict"]))
def test_ties(rows: list[Row], kinds: list[str], within: int | None, ties: tuple[str, str, int], order: str):
    asked = twin.Asked(conditions(kinds), within=within, ties=ties[1], grace=ties[2], order=order)
    same(rows, asked, steps=named(kinds), within=minutes(within), ties=ties[0], order=order)


@given(
    logs.rows(),
    st.lists(st.sampled_from(["A", "B", "C", "ads"]), min_size=2, max_size=4),
    WITHIN,
    st.lists(st.sampled_from([None, 1, 2]), min_size=4, max_size=4),
    st.sampled_from(["best", "first"]),
    st.sampled_from(["loose", "strict"]),
)
def test_windows_of_steps(  # noqa: PLR0917  # drawn, not called
    rows: list[Row], kinds: list[str], within: int | None, gaps: list[int | None], reentry: str, order: str
):
    steps = [
        jn.step(kind, KINDS[kind][0], within=minutes(gap) if at else None)
        for at, (kind, gap) in enumerate(zip(kinds, gaps, strict=False))
    ]
    known = {at: gap for at, gap in enumerate(gaps[: len(kinds)]) if gap is not None and at}
    asked = twin.Asked(conditions(kinds), within=within, gaps=known, reentry=reentry, order=order)
    same(rows, asked, steps=steps, within=minutes(within), reentry=reentry, order=order)


@given(
    logs.rows(),
    st.lists(st.sampled_from(["A", "B", "C", "X"]), min_size=2, max_size=4),
    WITHIN,
    st.tuples(st.integers(0, 2), st.integers(1, 3)),
    st.sampled_from(["arrival", "rising", "either"]),
    st.sampled_from(["best", "first"]),
    st.sampled_from(["drops", "removed"]),
)
def test_exclusions(  # noqa: PLR0917  # drawn, not called
    rows: list[Row],
    kinds: list[str],
    within: int | None,
    between: tuple[int, int],
    ties: str,
    reentry: str,
    on_exclusion: str,
):
    high = min(between[1], len(kinds) - 1)
    low = min(between[0], high - 1)
    asked = twin.Asked(
        conditions(kinds), within=within, ties=ties, reentry=reentry, exclude=[(KINDS["X"][1], low, high)]
    )
    exclude = jn.never("X", after=low + 1, before=high + 1)
    options = {"exclude": exclude, "ties": ties, "reentry": reentry, "on_exclusion": on_exclusion}
    same(rows, asked, steps=named(kinds), within=minutes(within), **options)


@given(
    logs.rows(most=10),
    KIND_LISTS,
    WITHIN,
    st.sets(st.integers(1, 2)),
    st.sampled_from(["arrival", "either"]),
    st.booleans(),
)
def test_optional_steps(  # noqa: PLR0917  # drawn, not called
    rows: list[Row], kinds: list[str], within: int | None, optional: set[int], ties: str, stop: bool
):
    skippable = frozenset(at for at in optional if at < len(kinds) - 1)
    steps = [jn.step(kind, KINDS[kind][0], optional=at in skippable) for at, kind in enumerate(kinds)]
    exclude = [(KINDS["X"][1], 0, len(kinds) - 1)] if stop else []
    asked = twin.Asked(conditions(kinds), within=within, optional=skippable, ties=ties, exclude=exclude)
    same(rows, asked, steps=steps, within=minutes(within), ties=ties, exclude="X" if stop else None)


@given(logs.rows(most=10), st.sampled_from([["A", ["B", "C"]], [["A", "B"], "C"], ["A", ["B", "AB"], "C"]]), WITHIN)
def test_runs_in_any_order(rows: list[Row], kinds: list[Any], within: int | None):
    same(rows, twin.Asked(conditions(kinds), within=within), steps=named(kinds), within=minutes(within))


@given(logs.rows(most=10), KIND_LISTS, WITHIN, st.sampled_from(["best", "first"]))
def test_open_funnel(rows: list[Row], kinds: list[str], within: int | None, reentry: Any):
    asked = twin.Asked(conditions(kinds), within=within, entry="any", reentry=reentry)
    same(rows, asked, steps=named(kinds), within=minutes(within), entry="any", reentry=reentry)


@given(logs.rows(most=10), KIND_LISTS, WITHIN, st.sampled_from(["best", "each"]))
def test_entries_of_an_open_funnel(rows: list[Row], kinds: list[str], within: int | None, reentry: Any):
    asked = twin.Asked(conditions(kinds), within=within, entry="any", reentry=reentry)
    found = [
        twin.times_of(events, attempt, asked.step_count)
        for events in by_person(rows).values()
        for attempt in twin.entries(events, asked)
    ]
    options = {"entry": "any", "reentry": reentry, "count": "entries"}
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within), **options)
    assert ours(funnel) == twin.table(found, asked.step_count)


@given(
    logs.rows(), KIND_LISTS, WITHIN, st.integers(0, 4), st.integers(1, 5), st.sampled_from(["loose", "strict", "any"])
)
def test_range_of_entries(rows: list[Row], kinds: list[str], within: int | None, low: int, size: int, order: str):  # noqa: PLR0917  # drawn, not called
    asked = twin.Asked(conditions(kinds), within=within, entered=(low, low + size), order=order)
    entered = (logs.START + low * MINUTE, logs.START + (low + size) * MINUTE)
    same(rows, asked, steps=named(kinds), within=minutes(within), entered=entered, order=order)


@given(
    logs.rows(people="ab"),
    KIND_LISTS,
    WITHIN,
    st.sampled_from(["loose", "strict", "any"]),
    st.sampled_from(["best", "each"]),
    st.booleans(),
)
def test_entries(rows: list[Row], kinds: list[str], within: int | None, order: str, reentry: str, stop: bool):  # noqa: PLR0917  # drawn, not called
    exclude = [(KINDS["X"][1], 0, len(kinds) - 1)] if stop else []
    reentry = "best" if order == "any" else reentry
    asked = twin.Asked(conditions(kinds), within=within, order=order, reentry=reentry, exclude=exclude)
    found = [
        twin.times_of(events, attempt, asked.step_count)
        for events in by_person(rows).values()
        for attempt in twin.entries(events, asked)
    ]
    options = {"order": order, "reentry": reentry, "exclude": "X" if stop else None, "count": "entries"}
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within), **options)
    assert ours(funnel) == twin.table(found, asked.step_count)


@given(logs.rows(), KIND_LISTS, WITHIN, st.sampled_from([2, 3]), st.sampled_from(["loose", "strict", "any"]))
def test_sessions(rows: list[Row], kinds: list[str], within: int | None, gap: int, order: str):
    asked = twin.Asked(conditions(kinds), within=within, order=order)
    parts = []
    for events in by_person(rows).values():
        number = 0
        for before, event in zip([None, *events], events, strict=False):
            number += before is None or event["t"] - before["t"] >= gap
            event["session"] = number
        parts += [*twin.split(events, lambda e: e["session"]).values()]
    found = [twin.times_of(part, attempt, asked.step_count) for part in parts if (attempt := twin.counted(part, asked))]
    options = {"count": "sessions", "gap": f"{gap}m", "order": order}
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within), **options)
    assert ours(funnel) == twin.table(found, asked.step_count)


@given(logs.rows(), KIND_LISTS, WITHIN)
def test_holding_constant(rows: list[Row], kinds: list[str], within: int | None):
    asked = twin.Asked(conditions(kinds), within=within)
    found = []
    for events in by_person(rows).values():
        for number, event in enumerate(events):
            event["number"] = number
        best = []
        for part in twin.split(events, lambda e: e["campaign"]).values():
            attempt = twin.counted(part, asked)
            if attempt:
                whole = [(part[number]["number"], row) for number, row in attempt]
                best.append((twin.worth(whole, asked)[:4], twin.times_of(part, attempt, asked.step_count)))
        if best:
            found.append(max(best)[1])
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within), hold="campaign")
    assert ours(funnel) == twin.table(found, asked.step_count)


@given(logs.rows(), KIND_LISTS, st.sampled_from(["first", "last", 1, "all"]))
def test_breakdown(rows: list[Row], kinds: list[str], at: str | int):
    asked = twin.Asked(conditions(kinds))
    groups: dict[str, list[Any]] = {}
    for events in by_person(rows).values():
        if at == "all":
            for value, part in twin.split(events, lambda e: e["campaign"]).items():
                attempt = twin.counted(part, asked)
                if attempt:
                    groups.setdefault(value, []).append(twin.times_of(part, attempt, asked.step_count))
            continue
        attempt = twin.counted(events, asked)
        if not attempt:
            continue
        values = [events[number]["campaign"] for number, _ in attempt]
        if isinstance(at, int):
            values = values[at - 1 : at]
        elif at == "last":
            values = values[::-1]
        value = next((value for value in values if value is not None), "(none)")
        groups.setdefault(value, []).append(twin.times_of(events, attempt, asked.step_count))
    funnel = journeys(rows).funnel(named(kinds), by="campaign", by_at=at)
    for value, found in groups.items():
        part = funnel.table.filter(pl.col("campaign") == value)
        assert part["people"].to_list() == [row["people"] for row in twin.table(found, asked.step_count)]
        for step in range(1, asked.step_count + 1):
            people = funnel.converted(step, campaign=value).people.height
            assert people == part["people"][step - 1]
    assert funnel.table["campaign"].n_unique() == len(groups)


@given(logs.rows(), KIND_LISTS, WITHIN, st.sampled_from(["loose", "strict", "any"]))
def test_people_behind_the_numbers(rows: list[Row], kinds: list[str], within: int | None, order: str):
    funnel = journeys(rows).funnel(named(kinds), within=minutes(within), order=order)
    for step, people, dropped in funnel.table.select("step", "people", "dropped").rows():
        assert funnel.converted(step).people.height == people
        if step < funnel.table.height:
            assert funnel.dropped(after=step).people.height == dropped
    assert funnel.table["people"].is_sorted(descending=True)


def test_nobody():
    table = journeys([]).funnel(["A", "B"], within="1d", by=None).table
    assert table["people"].to_list() == [0, 0]
    assert table["rate_from_start"].to_list() == [None, None]
    assert journeys([]).funnel(["A", "B"], by="campaign").table.height == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": ["A", "Bb"]}, "steps: no event 'Bb'; did you mean 'B'"),
        ({"steps": ["A", "B"], "within": "0d"}, "within: '0d' must be longer than zero"),
        ({"steps": ["A", "B"], "within": "-1d"}, "within: '-1d' is not a valid duration"),
        ({"steps": ["A", "B"], "within": "1mo"}, "Months and years have no fixed length"),
        ({"steps": []}, "at least one step is needed"),
        ({"steps": ["A", "B"], "by": "campain"}, "by: no column 'campain'; did you mean 'campaign'"),
        ({"steps": ["A", "B"], "hold": "x", "by": "y"}, "hold: no column 'x'"),
        ({"steps": ["A", "B"], "order": "tight"}, "order: 'tight' is none of 'loose', 'strict', 'any'"),
        ({"steps": ["A", "B"], "ties": "maybe"}, "ties: 'maybe' is none of"),
        ({"steps": ["A", "B"], "semantics": "mixpannel"}, "did you mean 'mixpanel'"),
        ({"steps": ["A", "B"], "semantics": "clickhouse"}, "has no default window"),
        ({"steps": ["A", "B"], "exclude": jn.never("X", after=2, before=1)}, "the first has to come before the second"),
        ({"steps": ["A", "B"], "exclude": jn.never("X", before=3)}, "there is no step 3"),
        ({"steps": ["A", "A"], "exclude": jn.never("X", before="A")}, "is the name of the steps 1, 2"),
        ({"steps": ["A", jn.step("B", optional=True)]}, "the first and the last step cannot be optional"),
        ({"steps": ["A", jn.step("B", within="1d")], "order": "any"}, "no step before them"),
        ({"steps": ["A", "B"], "by_at": 3, "by": "campaign"}, "by_at: 3 is none of"),
        ({"steps": ["A", "B"], "entered": ("2026-01-02", "2026-01-01")}, "must be after the start"),
        ({"steps": ["A", "B"], "time_zone": "Mars"}, "'Mars' is not a time zone"),
        ({"steps": ["A", pl.col("campaign") > 3]}, "cannot be evaluated on this log"),
        ({"steps": ["A", "B"], "reentry": "each"}, "it needs count='entries'"),
    ],
)
def test_what_is_refused(options: dict[str, Any], words: str):
    rows = [("a", 0, "A", "ads"), ("a", 1, "B", None)]
    with pytest.raises(jn.JourneysError) as caught:
        journeys(rows).funnel(**options)
    assert words in str(caught.value)


@st.composite
def questions(draw: st.DrawFn) -> tuple[twin.Asked, dict[str, Any]]:
    """Many options at once, as far as they may be meant together."""
    kinds = draw(st.lists(st.sampled_from(["A", "B", "C", "AB", "ads"]), min_size=2, max_size=4))
    order = draw(st.sampled_from(["loose", "loose", "strict"]))
    ties, grace = draw(st.sampled_from([("arrival", 0), ("arrival", 0), ("rising", 0), ("either", 0), ("either", 1)]))
    within = draw(WITHIN)
    gaps = {row: draw(st.integers(1, 3)) for row in range(1, len(kinds)) if draw(st.integers(0, 3)) == 0}
    optional = {row for row in range(1, len(kinds) - 1) if draw(st.booleans())}
    entry = draw(st.sampled_from(["first", "first", "first", "any"]))
    reentry = draw(st.sampled_from(["best", "first"]))
    entered = draw(st.sampled_from([(None, None), (1, None), (None, 5), (2, 6)]))
    low = draw(st.integers(0, len(kinds) - 2))
    high = draw(st.integers(low + 1, len(kinds) - 1))
    stop = draw(st.booleans())
    asked = twin.Asked(
        conditions(kinds),
        within=within,
        gaps=gaps,
        optional=frozenset(optional),
        order=order,
        ties=ties,
        grace=grace,
        reentry=reentry,
        exclude=[(KINDS["X"][1], low, high)] if stop else [],
        entered=entered,
        entry=entry,
    )
    options = {
        "steps": [
            jn.step(kind, KINDS[kind][0], within=minutes(gaps.get(row)), optional=row in optional)
            for row, kind in enumerate(kinds)
        ],
        "within": minutes(within),
        "order": order,
        "ties": minutes(grace) if grace else ties,
        "reentry": reentry,
        "exclude": jn.never("X", after=low + 1, before=high + 1) if stop else None,
        "entered": tuple(None if at is None else logs.START + at * MINUTE for at in entered),
        "entry": entry,
    }
    return asked, options


@given(logs.rows(span=7, most=10), questions())
def test_options_together(rows: list[Row], question: tuple[twin.Asked, dict[str, Any]]):
    asked, options = question
    same(rows, asked, **options)


@given(logs.rows(people="ab", most=10), questions())
def test_entries_with_options_together(rows: list[Row], question: tuple[twin.Asked, dict[str, Any]]):
    asked, options = question
    if options["entry"] == "any" or options["ties"] not in {"arrival", "rising"}:
        return
    asked = replace(asked, reentry="best")
    found = [
        twin.times_of(events, attempt, asked.step_count)
        for events in by_person(rows).values()
        for attempt in twin.entries(events, asked)
    ]
    funnel = journeys(rows).funnel(count="entries", **{**options, "reentry": "best"})
    assert ours(funnel) == twin.table(found, asked.step_count)
