"""Attribution in plain loops: rows (person, time, event, touch) in log order → paths and credits."""

from collections.abc import Sequence
from itertools import groupby, pairwise

Row = tuple[str, int, str, str | None]
Walk = tuple[str, tuple[str, ...], tuple[int, ...], bool]


def walks(
    rows: Sequence[Row],
    *,
    conversion: str,
    lookback: int,
    collapse: bool,
    conversions: str = "first",
    leave_out: Sequence[str] = (),
) -> list[Walk]:
    """One (person, touches, ages, converted) for each conversion that counts and everybody touched without any."""
    found = []
    for person, own in groupby(rows, key=lambda row: row[0]):
        before: list[Row] = []
        ends: list[tuple[list[Row], bool]] = []
        for _, time, event, touch in own:
            kept = None if touch in leave_out else touch
            if kept is not None or event == conversion:
                before.append((person, time, event, kept))
            if event == conversion:
                ends.append((list(before), True))
                if conversions == "first":
                    break
                if conversions == "since the one before":
                    before = []
        if before and not ends:
            ends.append((before, False))
        for path, converted in ends:
            end = path[-1][1]
            touches = [(row[3], end - row[1]) for row in path if row[3] is not None and end - row[1] <= lookback]
            if collapse:
                pairs = enumerate(touches, start=1)
                touches = [one for k, one in pairs if k == len(touches) or touches[k][0] != one[0]]
            found.append((person, tuple(t for t, _ in touches), tuple(a for _, a in touches), converted))
    return found


def shares(model: str, touches: Sequence[str], ages: Sequence[int], half_life: int) -> list[float]:
    n = len(touches)
    if model == "time_decay":
        raw = [0.5 ** (age / half_life) for age in ages]
        return [one / sum(raw) for one in raw]
    if model == "linear":
        return [1 / n] * n
    if model == "participation":
        return [1.0] * n
    if model == "first":
        return [1.0] + [0.0] * (n - 1)
    if model == "last":
        return [0.0] * (n - 1) + [1.0]
    ends = {"u": (0.4, 0.4), "j": (0.2, 0.6), "inverse_j": (0.6, 0.2)}[model]
    if n == 1:
        return [1.0]
    if n == 2:
        return [ends[0] / sum(ends), ends[1] / sum(ends)]
    return [ends[0], *[0.2 / (n - 2)] * (n - 2), ends[1]]


def credit(found: Sequence[Walk], *, model: str, half_life: int = 1) -> dict[str, float]:
    earned: dict[str, float] = {}
    for _, touches, ages, converted in found:
        if not converted:
            continue
        if not touches:
            earned["(none)"] = earned.get("(none)", 0) + 1
            continue
        if model == "shapley":
            for touch in set(touches):
                earned[touch] = earned.get(touch, 0) + 1 / len(set(touches))
        elif model == "participation":
            for touch in set(touches):
                earned[touch] = earned.get(touch, 0) + 1
        else:
            for touch, share in zip(touches, shares(model, touches, ages, half_life), strict=True):
                earned[touch] = earned.get(touch, 0) + share
    return earned


def removal(found: Sequence[Walk], *, rounds: int = 600) -> dict[str, float]:
    """Markov removal effects by walking the chain step after step until almost everybody has arrived."""
    used = [walk for walk in found if walk[1]]
    if not used:
        return {}
    moves: dict[str, dict[str, int]] = {}
    for _, touches, _, converted in used:
        stops = ["start", *touches, "won" if converted else "lost"]
        for here, there in pairwise(stops):
            moves.setdefault(here, {}).setdefault(there, 0)
            moves[here][there] += 1

    def won(without: str | None) -> float:
        mass = {"start": 1.0}
        arrived = 0.0
        for _ in range(rounds):
            following: dict[str, float] = {}
            for here, weight in mass.items():
                total = sum(moves[here].values())
                for there, many in moves[here].items():
                    part = weight * many / total
                    if there == "won":
                        arrived += part
                    elif there not in ("lost", without):
                        following[there] = following.get(there, 0.0) + part
            mass = following
        return arrived

    whole = won(None)
    names = {touch for walk in used for touch in walk[1]}
    return {name: 1 - won(name) / whole if whole else 0.0 for name in names}


def paired_error(here: Sequence[Walk], there: Sequence[Walk], touch: str, *, model: str, half_life: int) -> float:
    """The standard error of the difference of a touchpoint's shares, person after person on both sides."""
    sides = [[walk for walk in side if walk[3]] for side in (here, there)]
    people = sorted({walk[0] for side in sides for walk in side})
    parts = dict.fromkeys(people, 0.0)
    for sign, side in zip((1, -1), sides, strict=True):
        share = credit(side, model=model, half_life=half_life).get(touch, 0.0) / len(side)
        for person in people:
            own = [walk for walk in side if walk[0] == person]
            earned = credit(own, model=model, half_life=half_life).get(touch, 0.0)
            parts[person] += sign * (earned - share * len(own)) / len(side)
    return float((sum(part**2 for part in parts.values()) * len(people) / max(len(people) - 1, 1)) ** 0.5)
