"""What was read and what became of it: counts that add up, examples, and unusual rows that were kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl

from journeys.events.times import DATE_ONLY, YEAR_2000

INEXACT = "_inexact"
"""Prefix of columns that hold numbers too large to be exact identifiers."""

ALARMING_SHARE = 0.2
"""A source with a larger share of its rows in quarantine is shown with a warning."""

_MOST_REASONS = 3

MAX_SKEW = timedelta(minutes=10)
MAX_PER_MINUTE = 120
MAX_LISTED = 5
# Cubot makes phones; OkHttp is the HTTP library of Android apps, too, and therefore not a sign of a robot.
BOT = (
    r"(?i)(?:^|[^u]|[^c]u)bot\b|crawl|spider|slurp|headless|phantomjs|lighthouse|pingdom|uptime|facebookexternalhit"
    r"|^whatsapp|google-inspectiontool|apis-google|mediapartners-google|curl/|wget/|python-requests|python-urllib"
    r"|aiohttp/|httpx/|go-http-client|axios/|node-fetch|\bjava/|libwww"
)
USER_AGENTS = ("context_user_agent", "user_agent", "useragent", "raw_user_agent")
SCHEMA = pl.Schema({"kind": pl.String(), "reason": pl.String(), "rows": pl.Int64()})
KINDS = {"quarantined": 0, "duplicate": 1, "noticed": 2, "named": 3, "note": 4}


@dataclass(frozen=True, eq=False, slots=True)
class Issues:
    """What became of every row that was read: `read` = `kept` + `facts` + `duplicates` + `quarantined`.

    Attributes
    ----------
    read, kept, facts, duplicates, quarantined
        Numbers of rows.
    table
        `kind` ("quarantined", "duplicate", "noticed", "named", "note"), `reason`, `rows` (Int64; null for a note),
        sorted. "named" rows show how names break the convention "Verb + Object"; `jn.naming.check` lists each name.
    examples
        Up to three rows of each reason for quarantine, like `quarantine`. A column of the source's own that is called
        `reason`, `place` or `text` is here `property_reason`, and so on.
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
        """Every row in quarantine with its `reason`, its `place`, and the `text` that could not be read.

        `place` is the file and line, or else the number of the row among those read; `text` is the line that could not
        be parsed, or the time that could not be.
        """
        return _select_quarantine(self._rows).collect()

    @property
    def alarm(self) -> str | None:
        """A warning if more than a fifth of the rows are in quarantine, with the most frequent reasons and examples."""
        from journeys.display import format_percent

        if self.quarantined <= ALARMING_SHARE * self.read:
            return None
        reasons = self.with_examples.filter(kind="quarantined")
        texts = []
        for reason, rows, example in reasons.select("reason", "rows", "example").head(_MOST_REASONS).iter_rows():
            share = f"{format_percent(rows / self.read)}: " if reasons.height > 1 else ""
            texts.append(f"{share}{reason}{f', such as {example}' if example else ''}")
        more = ["other reasons"] * (reasons.height > _MOST_REASONS)
        return (
            f"WARNING: {format_percent(self.quarantined / self.read)} of the rows of {self.name} are in quarantine "
            f"({'; '.join([*texts, *more])}); see issues.quarantine."
        )

    @property
    def with_examples(self) -> pl.DataFrame:
        """`table` with an example of the text that could not be read, where there is one."""
        if "text" not in self.examples.columns:
            return self.table.with_columns(example=pl.lit(None, dtype=pl.String))
        texts = self.examples.filter(pl.col("text").is_not_null()).unique("reason", keep="first", maintain_order=True)
        shown = texts.select("reason", pl.lit("quarantined").alias("kind"), pl.format("'{}'", "text").alias("example"))
        return self.table.join(shown, on=["kind", "reason"], how="left", maintain_order="left")

    def __repr__(self) -> str:
        from journeys.display import render_text_table

        return f"{self._describe_issues()}\n{render_text_table(self._shown_table(), width=80)}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        return render_card(
            f"What was read from {self.name}", sentence=self._describe_issues(), table=self._shown_table()
        )

    def _shown_table(self) -> pl.DataFrame:
        return self.with_examples if self.with_examples["example"].count() else self.table

    def _describe_issues(self) -> str:
        from journeys.display import format_count, format_number

        sums = (
            f"{format_count(self.read, 'row')} read = {format_count(self.kept, 'event')} "
            f"+ {format_count(self.facts, 'fact')} + "
            f"{format_count(self.duplicates, 'duplicate')} + {format_number(self.quarantined)} in quarantine"
        )
        return f"{self.alarm} {sums}" if self.alarm else sums


def find_issues(
    rows: pl.LazyFrame, *, ids: Sequence[str], name: str, has_message_ids: bool, notes: Sequence[str] = ()
) -> Issues:
    """Count what became of the rows, and find what is unusual about those that were kept."""
    columns = rows.collect_schema().names()
    inexact = [pl.col(column).is_not_null() for column in columns if column.startswith(INEXACT)]
    by_reason = rows.group_by("_status", "_problem").agg(
        pl.len().cast(pl.Int64).alias("rows"),
        pl.any_horizontal(inexact or pl.lit(value=False)).sum().alias("inexact"),
    )
    quarantine = _select_quarantine(rows)
    kept = rows.filter(pl.col("_status") == "event")
    unusual = _unusual_rows(columns, ids, has_message_ids=has_message_ids, now=datetime.now(UTC))
    counts, examples, noticed, days, names, busy = pl.collect_all(
        [
            by_reason,
            quarantine.filter(pl.int_range(pl.len()).over("reason") < 3),
            kept.select(expr.cast(pl.Int64).alias(reason) for reason, expr in unusual.items()),
            kept.select(pl.col("timestamp").dt.date().alias("day")).unique().sort("day"),
            kept.group_by("event").agg(pl.len().cast(pl.Int64).alias("rows")).sort("event"),
            _count_robots(kept, ids),
        ]
    )
    totals = dict(counts.group_by("_status").agg(pl.col("rows").sum()).iter_rows())
    reasons = counts.filter(pl.col("_status") == "quarantined").select("_problem", "rows")
    found = [("quarantined", reason, n) for reason, n in reasons.iter_rows()]
    if count := int(counts["inexact"].sum()):
        reason = "identifiers that are floats of 2^53 or more, so that digits are lost (not used)"
        found.append(("noticed", reason, count))
    if "duplicate" in totals:
        reason = "same message id as an earlier row" if has_message_ids else "equal in every column"
        found.append(("duplicate", reason, totals["duplicate"]))
    found += [("noticed", reason, n) for reason, n in noticed.row(0, named=True).items() if n]
    if len(gaps := _missing_days(days["day"])):
        found.append(("noticed", "days without any event between the first and the last", len(gaps)))
        notes = [*notes, _list_days(gaps)]
    if busy.height and (robots := busy.item()):
        reason = f"events of identifiers with more than {MAX_PER_MINUTE} in one minute (a robot?)"
        found.append(("noticed", reason, robots))
    found += _check_names(dict(names.iter_rows()))
    listed: list[tuple[str, str, int | None]] = [*found, *(("note", note, None) for note in notes)]
    table = pl.DataFrame(listed, schema=SCHEMA, orient="row").sort(
        pl.col("kind").replace_strict(KINDS, return_dtype=pl.Int8),
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


def _select_quarantine(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Select the rows in quarantine with `reason`, `place` and `text`, under names that no property has."""
    columns = rows.collect_schema().names()
    selected = rows.with_row_index("_number", offset=1).filter(pl.col("_status") == "quarantined")
    selected = selected.with_columns(pl.coalesce("_place", pl.format("row {}", "_number")).alias("_place"))
    internal = {"_problem": "reason", "_place": "place"} | ({"_raw": "text"} if "_raw" in columns else {})
    rest = [column for column in columns if not column.startswith("_")]
    names = list(internal.values())
    for column in rest:
        name = column
        while name in names or (name != column and name in rest):
            name = f"property_{name}"
        names.append(name)
    return selected.select(pl.col(column).alias(name) for column, name in zip([*internal, *rest], names, strict=True))


def _unusual_rows(
    columns: Sequence[str], ids: Sequence[str], *, has_message_ids: bool, now: datetime
) -> dict[str, pl.Expr]:
    """Count, by reason, rows that are unusual but kept."""
    time = pl.col("timestamp")
    person = _first_id(ids)
    unusual = {
        "time before the year 2000": (time < YEAR_2000).sum(),
        "time in the future": (time > now + timedelta(days=1)).sum(),
        "same person and time as an earlier row (kept in order of arrival)": pl.len()
        - pl.struct(person, time).n_unique(),
        "arrived after a later event (put in order of time)": (time < time.shift(1)).sum(),
    }
    if "_date_only" in columns:
        unusual[DATE_ONLY] = pl.col("_date_only").sum()
    if not has_message_ids:
        plain = [column for column in columns if not column.startswith("_")]
        unusual["equal to an earlier row in every column (kept: there is no message id)"] = (
            pl.len() - pl.struct(plain).n_unique()
        )
    if "_skew" in columns:
        unusual["device clock off by more than 10 minutes (corrected)"] = (pl.col("_skew").abs() > MAX_SKEW).sum()
    if agents := [pl.col(column).cast(pl.String) for column in USER_AGENTS if column in columns]:
        unusual["user agent of a robot"] = pl.coalesce(agents).str.contains(BOT).sum()
    return unusual


def _first_id(ids: Sequence[str]) -> pl.Expr:
    return pl.coalesce(pl.col(column) for column in ids) if ids else pl.lit("")


def _count_robots(kept: pl.LazyFrame, ids: Sequence[str]) -> pl.LazyFrame:
    """Count the events of identifiers with more events in a minute than a person can make."""
    minute = pl.col("timestamp").dt.truncate("1m")
    per_minute = kept.group_by(_first_id(ids).alias("id"), minute.alias("minute")).agg(
        pl.len().cast(pl.Int64).alias("n")
    )
    people = per_minute.group_by("id").agg(pl.col("n").max().alias("most"), pl.col("n").sum().alias("all"))
    return people.filter(pl.col("most") > MAX_PER_MINUTE).select(pl.col("all").sum())


def _missing_days(days: pl.Series) -> pl.Series:
    real = days.filter((days >= datetime(2000, 1, 1)) & (days <= datetime(2100, 1, 1)))
    if real.len() < 2:
        return real.clear()
    between = pl.date_range(real[0], real[-1], eager=True)
    return between.filter(~between.is_in(real.implode()))


def _list_days(days: pl.Series) -> str:
    from journeys.display import format_day

    more = f" and {len(days) - MAX_LISTED:,} more" if len(days) > MAX_LISTED else ""
    return f"days without any event: {', '.join(format_day(one) for one in days.head(MAX_LISTED))}{more}"


def _check_names(names: dict[str, int]) -> list[tuple[str, str, int]]:
    """List event names that are nearly the same, and those that break the convention, each with its number of rows."""
    from journeys.naming import check

    found = check(names)
    by_problem: dict[str, list[str]] = {}
    for name, problems in found.table.select("event", "problems").iter_rows():
        for problem in problems:
            if not problem.startswith("nearly the same"):
                by_problem.setdefault(problem, []).append(name)
    issues = [
        ("noticed", "event names that are nearly the same: " + ", ".join(sorted(group)), group)
        for group in found.groups
    ]
    issues += [
        ("named", f"event names, {problem}: {_list_names(group)}", group) for problem, group in by_problem.items()
    ]
    return [(kind, reason, sum(names[name] for name in group)) for kind, reason, group in issues]


def _list_names(names: list[str]) -> str:
    from journeys.display import shorten_name

    more = f" and {len(names) - MAX_LISTED:,} more" if len(names) > MAX_LISTED else ""
    return ", ".join(shorten_name(name, 40) for name in names[:MAX_LISTED]) + more
