"""Lines of delimited files that have too few fields: Polars takes what is missing as empty, without a word."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from journeys.sources.reading.csv_salvage import Dialect
from journeys.sources.reading.files import SourceFile

__all__ = ["said_short", "short_lines"]


def short_lines(files: Sequence[SourceFile], dialect: Dialect, *, rows: int) -> int:
    """Count the lines with too few separators; none where a row may have several lines, which cannot be told from them.

    Separators inside of quotes are counted, too: it may be a few more.
    """
    line = pl.first()
    lines = pl.concat(pl.scan_lines(found.path, glob=False) for found in files)
    there = line.str.len_bytes() > 0
    few = line.str.count_matches(dialect.separator, literal=True) < len(dialect.names) - 1
    counted = lines.select(pl.len().alias("lines"), there.sum().alias("full"), (there & few).sum().alias("few"))
    whole, full, found = counted.collect().row(0)
    beside = len(files) * (dialect.skip + dialect.header)
    # an empty line is a row without a value amid the others, and none at the end
    return max(0, int(found) - len(files) * dialect.skip) if full <= rows + beside <= whole else 0


def said_short(lines: int, width: int) -> str:
    """Say how many lines lack fields.

    Examples
    --------
    >>> said_short(1, 4), said_short(1200, 4)
    ('1 line has fewer than 4 fields: those that are missing were read as empty',
     '1,200 lines have fewer than 4 fields: those that are missing were read as empty')
    """
    have = "1 line has" if lines == 1 else f"{lines:,} lines have"
    return f"{have} fewer than {width} fields: those that are missing were read as empty"
