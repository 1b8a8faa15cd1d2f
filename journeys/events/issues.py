"""What was read and what became of it: counts that add up, examples, and oddities that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

__all__ = ["INEXACT", "Issues", "look_through"]

INEXACT = "_inexact"
"""Columns whose names begin so hold numbers that could not be used as identifiers."""

SKEWED = timedelta(minutes=10)
BUSY = 120
SHOWN = 5
# Cubot makes phones; OkHttp is also what apps on Android speak for their people, so that it is no sign of a robot.
BOT = (
    r"(?i)(?:^|[^u]|[^c]u)bot\b|crawl|spider|slurp|headless|phantomjs|lighthouse|pingdom|uptime|facebookexternalhit"
    r"|^whatsapp|google-inspectiontool|apis-google|mediapartners-google|curl/|wget/|python-requests|python-urllib"
    r"|aiohttp/|httpx/|go-http-client|axios/|node-fetch|\bjava/|libwww"
)
AGENTS = ("context_user_agent", "user_agent", "useragent", "raw_user_agent")
COUNTS = pl.Schema({"kind": pl.String(), "reason": pl.String(), "rows": pl.Int64()})


@dataclass(frozen=True, eq=False, slots=True)
class Issues:
    """What became of every row that was read: `read` = `kept` + `facts` + `duplicates` + `quarantined`.

    Attributes
    ----------
    read, kept, facts, duplicates, quarantined
        Numbers of rows.
    table
        `kind` ("quarantined", "duplicate", "noticed", "named", "note"), `reason`, `rows` (Int64; null for a note),
        sorted. "named" says how event names break the convention "Verb + Object"; `jn.naming.check` lists each name.
    examples
        Up to three rows of each reason for quarantine. A column of the source's own that is called `reason`, `place` or
        `text` is here `property_reason`, and so on.
    """

    read: int
    kept: int
    facts: int
    duplicates: int
    quarantined: int
    table: pl.DataFrame
    examples: pl.DataFrame
    name: str
    _rows: pl.LazyFrame

    @property
    def quarantine(self) -> pl.DataFrame:
        """Every row in quarantine with its `reason` and, where a line could not be read, its `place` and text."""
        return _readable(self._rows.filter(pl.col("_status") == "quarantined")).collect()

    def __repr__(self) -> str:
        from journeys.display import text_table

        return f"{self._words()}\n{text_table(self.table, width=80)}"

    def _repr_html_(self) -> str:
        from journeys.display import card

        return card(f"What was read from {self.name}", sentence=self._words(), table=self.table)

    def _words(self) -> str:
        from journeys.display import number, plural

        return (
            f"{plural(self.read, 'row')} read = {plural(self.kept, 'event')} + {plural(self.facts, 'fact')} + "
            f"{plural(self.duplicates, 'duplicate')} + {number(self.quarantined)} in quarantine"
        )


def look_through(
    rows: pl.LazyFrame, *, ids: Sequence[str], name: str, keyed: bool, notes: Sequence[str] = ()
) -> Issues:
    """Count what became of the rows and look for what is odd about those kept."""
    columns = rows.collect_schema().names()
    lost = [pl.col(column).is_not_null() for column in columns if column.startswith(INEXACT)]
    by_reason = rows.group_by("_status", "_problem").agg(
        pl.len().cast(pl.Int64).alias("rows"), pl.any_horizontal(lost or pl.lit(value=False)).sum().alias("lost")
    )
    bad = rows.filter(pl.col("_status") == "quarantined")
    shown = _readable(bad.filter(pl.int_range(pl.len()).over("_problem") < 3))
    kept = rows.filter(pl.col("_status") == "event")
    oddities = _oddities(columns, ids, keyed=keyed, now=datetime.now(UTC))
    counts, examples, odd, days, names, busy = pl.collect_all(
        [
            by_reason,
            shown,
            kept.select(expr.cast(pl.Int64).alias(reason) for reason, expr in oddities.items()),
            kept.select(pl.col("timestamp").dt.date().alias("day")).unique().sort("day"),
            kept.group_by("event").agg(pl.len().cast(pl.Int64).alias("rows")).sort("event"),
            _busy(kept, ids),
        ]
    )
    totals = dict(counts.group_by("_status").agg(pl.col("rows").sum()).iter_rows())
    bad_rows = counts.filter(pl.col("_status") == "quarantined").select("_problem", "rows")
    found = [("quarantined", reason, n) for reason, n in bad_rows.iter_rows()]
    if digits := int(counts["lost"].sum()):
        found.append(
            ("noticed", "identifiers that are floats of 2^53 or more, so that digits are lost (not used)", digits)
        )
    if totals.get("duplicate"):
        found.append(
            (
                "duplicate",
                "same message id as an earlier row" if keyed else "equal in every column",
                totals["duplicate"],
            )
        )
    found += [("noticed", reason, n) for reason, n in odd.row(0, named=True).items() if n]
    if len(gaps := _missing_days(days["day"])):
        found.append(("noticed", "days without any event between the first and the last", len(gaps)))
        notes = [*notes, _first_days(gaps)]
    if busy.height and (robots := busy.item()):
        found.append(("noticed", f"events of somebody with more than {BUSY} in one minute (a robot?)", robots))
    found += _named_oddly(dict(names.iter_rows()))
    listed: list[tuple[str, str, int | None]] = [*found, *(("note", note, None) for note in notes)]
    table = pl.DataFrame(listed, schema=COUNTS, orient="row").sort(
        pl.col("kind").replace_strict(
            {"quarantined": 0, "duplicate": 1, "noticed": 2, "named": 3, "note": 4}, return_dtype=pl.Int8
        ),
        pl.col("rows"),
        pl.col("reason"),
        descending=[False, True, False],
        nulls_last=True,
    )
    return Issues(
        read=sum(totals.values()),
        kept=totals.get("event", 0),
        facts=totals.get("fact", 0),
        duplicates=totals.get("duplicate", 0),
        quarantined=totals.get("quarantined", 0),
        table=table,
        examples=examples.sort("reason", maintain_order=True),
        name=name,
        _rows=rows,
    )


def _readable(rows: pl.LazyFrame) -> pl.LazyFrame:
    columns = rows.collect_schema().names()
    said = {"_problem": "reason", "_place": "place"} | ({"_raw": "text"} if "_raw" in columns else {})
    rest = [c for c in columns if not c.startswith("_")]
    names = list(said.values())
    for column in rest:
        name = column
        while name in names or (name != column and name in rest):
            name = f"property_{name}"
        names.append(name)
    return rows.select(pl.col(column).alias(name) for column, name in zip([*said, *rest], names, strict=True))


def _oddities(columns: Sequence[str], ids: Sequence[str], *, keyed: bool, now: datetime) -> dict[str, pl.Expr]:
    time = pl.col("timestamp")
    who = _who(ids)
    odd = {
        "time before the year 2000": (time < datetime(2000, 1, 1, tzinfo=UTC)).sum(),
        "time in the future": (time > now + timedelta(days=1)).sum(),
        "same person and time as an earlier row (kept in order of arrival)": pl.len() - pl.struct(who, time).n_unique(),
        "arrived after a later event (put in order of time)": (time < time.shift(1)).sum(),
    }
    if not keyed:
        plain = [column for column in columns if not column.startswith("_")]
        odd["equal to an earlier row in every column (kept: there is no message id)"] = (
            pl.len() - pl.struct(plain).n_unique()
        )
    if "_skew" in columns:
        odd["device clock off by more than 10 minutes (corrected)"] = (pl.col("_skew").abs() > SKEWED).sum()
    if agents := [pl.col(column).cast(pl.String) for column in AGENTS if column in columns]:
        odd["user agent of a robot"] = pl.coalesce(agents).str.contains(BOT).sum()
    return odd


def _who(ids: Sequence[str]) -> pl.Expr:
    return pl.coalesce(pl.col(column) for column in ids) if ids else pl.lit("")


def _busy(kept: pl.LazyFrame, ids: Sequence[str]) -> pl.LazyFrame:
    minute = pl.col("timestamp").dt.truncate("1m")
    in_minute = kept.group_by(_who(ids).alias("who"), minute.alias("minute")).agg(pl.len().cast(pl.Int64).alias("n"))
    people = in_minute.group_by("who").agg(pl.col("n").max().alias("most"), pl.col("n").sum().alias("all"))
    return people.filter(pl.col("most") > BUSY).select(pl.col("all").sum())


def _missing_days(days: pl.Series) -> pl.Series:
    real = days.filter((days >= datetime(2000, 1, 1)) & (days <= datetime(2100, 1, 1)))
    if real.len() < 2:
        return real.clear()
    between = pl.date_range(real[0], real[-1], eager=True)
    return between.filter(~between.is_in(real.implode()))


def _first_days(days: pl.Series) -> str:
    from journeys.display import day

    more = f" and {len(days) - SHOWN:,} more" if len(days) > SHOWN else ""
    return f"days without any event: {', '.join(day(one) for one in days.head(SHOWN))}{more}"


def _named_oddly(names: dict[str, int]) -> list[tuple[str, str, int]]:
    """Say which names are nearly the same, and how names break the convention; with the rows that have such names."""
    from journeys.naming import check

    found = check(names)
    broken: dict[str, list[str]] = {}
    for name, problems in found.table.select("event", "problems").iter_rows():
        for problem in problems:
            if not problem.startswith("nearly the same"):
                broken.setdefault(problem, []).append(name)
    said = [
        ("noticed", "event names that are nearly the same: " + ", ".join(sorted(group)), group)
        for group in found.groups
    ]
    said += [("named", f"event names, {problem}: {_first_names(those)}", those) for problem, those in broken.items()]
    return [(kind, reason, sum(names[name] for name in those)) for kind, reason, those in said]


def _first_names(names: list[str]) -> str:
    from journeys.display import shorten

    more = f" and {len(names) - SHOWN:,} more" if len(names) > SHOWN else ""
    return ", ".join(shorten(name, 40) for name in names[:SHOWN]) + more
