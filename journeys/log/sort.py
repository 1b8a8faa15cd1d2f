"""Rows in log order: by person, timestamp and arrival."""

from __future__ import annotations

import numpy as np
import polars as pl

from journeys.parallel import ROWS_PER_PART, parallel_map, split_rows

_ARRIVAL = "__arrival__"
_PIECE = ROWS_PER_PART


def sort_rows(coded: pl.DataFrame) -> pl.DataFrame:
    """Sort by person (a code), timestamp and place in the frame.

    Logs mostly arrive in order of time. Then a stable sort by person alone is enough, in half the time and memory of a
    sort by all three; the sorted rows show whether it was.
    """
    rows = coded.rechunk()
    if _is_sorted(rows):
        return rows
    if rows.height < 1 << 32:
        rows = _sort_by_person(rows)
        if _is_sorted(rows):
            return rows
    return rows.with_row_index(_ARRIVAL).sort("person", "timestamp", _ARRIVAL).drop(_ARRIVAL)


def _sort_by_person(rows: pl.DataFrame) -> pl.DataFrame:
    """Sort by person; rows of one person keep their order.

    Person and place in the frame are packed into one number: sorting numbers in place takes half the time of Polars'
    stable sort (measured on 5 million rows: 0.3 and 0.75 s)::

        person        2    1    2
        place         0    1    2
        person:place  2:0  1:1  2:2   sorted   1:1  2:0  2:2   ->   order 1 0 2
    """
    key = rows["person"].to_numpy().astype(np.uint64)
    key <<= np.uint64(32)
    key |= np.arange(rows.height, dtype=np.uint32)
    key.sort()
    order = pl.Series(key.astype(np.uint32))
    del key
    return pl.DataFrame(parallel_map(lambda column: column.gather(order), rows.get_columns()))


def _is_sorted(rows: pl.DataFrame) -> bool:
    """Ask whether rows are in order of person and time, and stop at the first part that is not."""
    person, time = rows["person"].to_numpy(), rows["timestamp"].to_physical().to_numpy()
    for part in split_rows(rows.height, of=_PIECE):
        # one row more, so that parts overlap
        who, when = person[part.start : part.stop + 1], time[part.start : part.stop + 1]
        earlier = np.flatnonzero(when[1:] < when[:-1])
        if (who[1:] < who[:-1]).any() or (who[earlier + 1] == who[earlier]).any():
            return False
    return True
