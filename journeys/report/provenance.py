"""What a report was made of: a fingerprint of the data, and the code that makes the report again."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import polars as pl

from journeys.display import describe_settings, format_count
from journeys.report.protocol import ReportedJourneys
from journeys.result import Result


def describe_data(journeys: ReportedJourneys) -> str:
    """Return a fingerprint of the data: equal for the same events, people and times of each event name.

    It is the beginning of a SHA-256 over one line per event name, such as "Signed Up, 1217, 1217, first, last".
    """
    name = pl.col("event").cast(pl.String)
    counted = journeys.events.group_by(name).agg(
        pl.len().cast(pl.Int64).alias("count"),
        pl.col("person").n_unique().cast(pl.Int64).alias("people"),
        pl.col("timestamp").min().dt.epoch("us").alias("first"),
        pl.col("timestamp").max().dt.epoch("us").alias("last"),
    )
    rows = counted.sort("event").collect()
    return sha256("\n".join(repr(row) for row in rows.iter_rows()).encode()).hexdigest()[:16]


def write_call(
    arguments: Mapping[str, object], *, sections: Sequence[Any] | None = None, against: ReportedJourneys | None = None
) -> str:
    """Write the code that makes the report again; arguments that are None are left out.

    A section that is not a text is written as a name of its kind, such as `funnel_2`, with a comment on what was asked.

    Examples
    --------
    >>> print(write_call({"steps": ["Visit", "Buy"], "within": None}, sections=["funnel"]))
    j.report(
        steps=['Visit', 'Buy'],
        sections=['funnel'],
    )
    """
    lines = [f"    {name}={value!r}," for name, value in arguments.items() if value is not None]
    comments = []
    if against is not None:
        size = against.size
        comments.append(
            f"# against: {format_count(size.people, against._log.unit)}, {format_count(size.events, 'event')}"
        )
        lines.append("    against=against,")
    if sections is not None:
        shown: list[str] = []
        for one in sections:
            if isinstance(one, str):
                shown.append(repr(one))
                continue
            kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(one).__name__).lower()
            count = sum(name.rstrip("_0123456789") == kind for name in shown)
            name = f"{kind}_{count + 1}" if count else kind
            shown.append(name)
            if isinstance(one, Result):
                asked = describe_settings({k: v for k, v in one.settings.items() if k not in ("people", "events")})
                comments.append(f"# {name}: {' '.join(asked.split())}")
        lines.append(f"    sections=[{', '.join(shown)}],")
    return "\n".join([*comments, "j.report(", *lines, ")"])
