"""Plain loops for the words of scan.py: (person, timestamp, flag) rows in, one value a row out."""

from collections.abc import Sequence

Row = tuple[int, int, bool]


def first_row(rows: Sequence[Row]) -> list[int]:
    return [min(k for k, other in enumerate(rows) if other[0] == row[0]) for row in rows]


def last_row(rows: Sequence[Row]) -> list[int]:
    return [max(k for k, other in enumerate(rows) if other[0] == row[0]) for row in rows]


def position(rows: Sequence[Row]) -> list[int]:
    return [sum(other[0] == row[0] for other in rows[:k]) for k, row in enumerate(rows)]


def last_up_to(rows: Sequence[Row]) -> list[int | None]:
    return [
        max((n for n in range(k + 1) if rows[n][0] == row[0] and rows[n][2]), default=None)
        for k, row in enumerate(rows)
    ]


def last_before(rows: Sequence[Row]) -> list[int | None]:
    return [
        max((n for n in range(k) if rows[n][0] == row[0] and rows[n][2]), default=None) for k, row in enumerate(rows)
    ]


def next_after(rows: Sequence[Row]) -> list[int | None]:
    return [
        min((n for n in range(k + 1, len(rows)) if rows[n][0] == row[0] and rows[n][2]), default=None)
        for k, row in enumerate(rows)
    ]


def is_repeat(rows: Sequence[Row]) -> list[bool]:
    return [k > 0 and rows[k - 1][0] == row[0] and rows[k - 1][2] == row[2] for k, row in enumerate(rows)]


def session_number(rows: Sequence[Row], gap: int) -> list[int]:
    numbers: list[int] = []
    for k, row in enumerate(rows):
        new = k == 0 or rows[k - 1][0] != row[0] or row[1] - rows[k - 1][1] >= gap
        numbers.append((numbers[-1] if numbers else -1) + new)
    return numbers
