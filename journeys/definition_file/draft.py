"""A first file of definitions, from a look at the files: which system, which columns, which funnel."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from journeys.definition_file.definitions import Definitions
from journeys.definition_file.guess_columns import Guess, guess_columns
from journeys.definition_file.toml_text import write_key, write_value
from journeys.errors import JourneysError, SourceError, raise_all
from journeys.events import CAMPAIGN_COLUMNS
from journeys.events.times import TimeParser
from journeys.naming import suggest
from journeys.sources.check import detect_source
from journeys.sources.column_words import may_mean
from journeys.sources.reading import RawTable, load_source, parse_json_columns

if TYPE_CHECKING:
    from journeys.api import Journeys

_TIME_OF_DAY = r"(?i)^\s*\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([ap]\.?m\.?)?\s*$"
SAMPLED_ROWS = 20_000
MAX_EVENTS = 60
MIN_PEOPLE = 30
MAX_TRIED = 5
# Columns with at least this share of common values hold the same identifiers; short numbers are equal by chance.
_COMMON, _SHORT = 0.3, 5
_GOALS = (
    re.compile(
        r"upgrad|purchas|bought|\bbuy|\bpaid|payment|order(ed)?\b|\bwon\b|kauf|bestell|bezahl|zahlung|gewonnen|vertrag|"
        r"achat|achet|commande|paiement|compra|pago|pedido",
        re.IGNORECASE,
    ),
    re.compile(r"checkout|customer|convert|kunde\b|\bclient|cliente|member(ship)?\b|mitglied", re.IGNORECASE),
    re.compile(r"subscri(be|ption)|abonn|suscri", re.IGNORECASE),
)
_MIDDLES = re.compile(
    r"sign(ed)?[ _-]?up|regist|account|trial|lead|cart|basket|warenkorb|panier|carrito|anmeld|demo|konto|inscri|compte|"
    r"cuenta|devis|angebot|qualif",
    re.I,
)
_UNDONE = re.compile(
    r"cancel|refund|unsub|uninstall|churn|delet|fail|error|bounce|kundig|kündig|storn|abgemeld|annul|desabonn|\bbaja\b",
    re.IGNORECASE,
)

_HEAD = """\
# What is read, how it is called, and what the weekly report shows.
# Check it, then: journeys check --definitions {file}, and journeys run {file} --out report.html
# Lines that begin with # are notes; remove the # to switch an option on.
# ids: type = "column". Types of one name in two sources are the same identifiers. columns: what it holds = "column".
"""


@dataclass(frozen=True, slots=True)
class Draft:
    """The text of a first definition file, what to tell about it, and whether a funnel could be proposed."""

    text: str
    remarks: tuple[str, ...]
    has_funnel: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """One file, and what it was taken for: a known system, or the columns of a table; or why it was not understood."""

    name: str
    path: str
    system: str
    guess: Guess | None
    sample: pl.DataFrame
    problem: str = ""


def draft_definitions(files: Sequence[str], *, file: Path) -> Draft:
    """Write a first file of definitions about some files.

    Parameters
    ----------
    files
        Files, folders or globs of exports.
    file
        The definition file that will be written: paths are relative to its folder.

    Returns
    -------
    Draft
        Its `text` is valid; comments say what was guessed and what to decide.

    Raises
    ------
    SourceError
        A file cannot be read, or in none of them anything looks like a time and an identifier.
    """
    folder = file.parent
    found = _share_types([_look_at(path, taken=files[:place]) for place, path in enumerate(files)])
    if all(one.problem for one in found):
        raise_all([f"FILES: {one.problem}" for one in found], SourceError)
    sources = "\n".join([*(_write_source(one, folder=folder) for one in found), *_write_identity(found)])
    remarks = [_describe_file(one) for one in found]
    tail = ""
    try:
        journeys = Definitions.from_toml(sources, folder=folder).journeys()
    except JourneysError as error:
        remarks.append(f"These sources could not be read together yet: {error}")
    else:
        tail = _write_questions(journeys)
        checked = Definitions.from_toml(sources + tail, folder=folder).check(journeys)
        remarks += [f"Together: {journeys.finding}", *checked.warnings]
        remarks += [f"Look into this, which journeys check reports: {one}" for one in checked.failures]
    text = f"{_HEAD.format(file=file.name)}\n{sources}{tail}"
    return Draft(text, tuple(remarks), has_funnel="\n[funnels.main]" in tail)


def _look_at(path: str, *, taken: Sequence[str]) -> _Found:
    """Recognise the system of a file by its columns, else guess what they hold."""
    stem = re.sub(r"\W+", "_", Path(path.rstrip("/")).name.split(".")[0]).strip("_").lower() or "source"
    names = [re.sub(r"\W+", "_", Path(one.rstrip("/")).name.split(".")[0]).strip("_").lower() for one in taken]
    name = stem if stem not in names else f"{stem}_{len(names) + 1}"
    reader = detect_source(path)
    if reader is not None:
        return _Found(name, path, reader.function.removeprefix("read_"), None, pl.DataFrame())
    raw = load_source(path)
    shown = [column for column in raw.schema if not column.startswith("_")]
    sample = _flatten_objects(raw.rows.select(shown).head(SAMPLED_ROWS).collect())
    guess = guess_columns(sample)
    if sample.is_empty():
        return _Found(name, path, "table", None, sample, f"{path!r} has no rows.")
    if guess.timestamp is None or not guess.ids:
        lacking = "a time" if guess.timestamp is None else "an identifier of a person, such as user_id or an email"
        problem = (
            f"no column of {path!r} looks like {lacking}. Its columns: {', '.join(sample.columns)}."
            f"{_show_unread_time(sample) if guess.timestamp is None else ''} If you know the columns, name them: "
            f"journeys check {path} --timestamp COLUMN --event COLUMN --ids COLUMN."
        )
        return _Found(name, path, "table", None, sample, problem)
    return _Found(name, path, "table", guess, sample)


def _show_unread_time(sample: pl.DataFrame) -> str:
    """Show what a column holds that is called like a time, but not written like one that is read."""
    for name in sample.columns:
        values = sample[name].drop_nulls().cast(pl.String)
        if may_mean(name, "time") and len(values):
            return f" {name!r} holds {values[0]!r}, which is not read without a format."
    return ""


def _find_time_of_day(guess: Guess, sample: pl.DataFrame) -> str | None:
    """Find a column with the time of day, where the time that was found consists of dates alone."""
    if guess.timestamp is None or sample[guess.timestamp].cast(pl.String).str.contains(":").any():
        return None
    for name in sample.columns:
        values = sample[name].drop_nulls().cast(pl.String)
        if len(values) and values.str.contains(_TIME_OF_DAY).all():
            return name
    return None


def _flatten_objects(sample: pl.DataFrame) -> pl.DataFrame:
    """Make each field of objects a column, as `read_table` calls them: {"user": {"id": 7}} has the column "user.id"."""
    texts = [name for name, dtype in sample.schema.items() if dtype == pl.String]
    texts = [name for name in texts if sample[name].drop_nulls().str.contains(r"^\s*\{").mean() == 1]
    sample = parse_json_columns(RawTable(sample.lazy(), "sample", ()), *texts).rows.collect() if texts else sample
    while any(isinstance(dtype, pl.Struct) for dtype in sample.dtypes):
        sample = pl.DataFrame(
            [
                inner.alias(f"{one.name}.{inner.name}") if one.dtype == pl.Struct else inner
                for one in sample
                for inner in (one.struct.unnest() if one.dtype == pl.Struct else [one])
            ]
        )
    return sample.select(pl.exclude(pl.List, pl.Array))


def _share_types(found: list[_Found]) -> list[_Found]:
    """Give identifier columns of different tables one type where they have many values in common."""
    result: list[_Found] = []
    for one in found:
        if one.guess is None:
            result.append(one)
            continue
        ids = {}
        for kind, column in one.guess.ids.items():
            same = (
                other_kind
                for other in result
                if other.guess is not None and kind not in other.guess.ids
                for other_kind, other_column in other.guess.ids.items()
                if other_kind not in one.guess.ids and _have_common(one.sample[column], other.sample[other_column])
            )
            ids[next(same, kind)] = column
        result.append(replace(one, guess=replace(one.guess, ids=ids)))
    return result


def _have_common(one: pl.Series, other: pl.Series) -> bool:
    """Whether two columns hold the same identifiers: long ones, of which many are equal."""
    left, right = (column.cast(pl.String).drop_nulls().unique() for column in (one, other))
    left, right = (column.filter(column.str.len_chars() >= _SHORT) for column in (left, right))
    fewer = min(left.len(), right.len())
    return fewer > 0 and left.is_in(right.implode()).sum() >= _COMMON * fewer


def _write_source(found: _Found, *, folder: Path) -> str:
    """Write the section of one source, with a comment on each guess."""
    path = found.path
    if "://" not in path:
        path = Path(os.path.relpath(Path(path).expanduser(), folder)).as_posix()
    lines = [
        f"[sources.{write_key(found.name)}]",
        f"system = {write_value(found.system)}",
        f"path = {write_value(path)}",
    ]
    if found.problem:
        lines[0] += f"  # not read: {''.join(c if c.isprintable() else ' ' for c in found.problem)}"
        return (
            "\n".join(f"# {line}" for line in [*lines, *(f'{key} = ""' for key in ("timestamp", "event")), "ids = []"])
            + "\n"
        )
    if found.guess is not None:
        lines += _write_columns(found.guess, found.sample, name=found.name)
    return "\n".join(lines) + "\n"


def _write_columns(guess: Guess, sample: pl.DataFrame, *, name: str) -> list[str]:
    """Write what the columns of a table were taken for."""
    lines = [f"timestamp = {write_value(dict(guess.dates) or guess.timestamp)}"]
    if guess.dates:
        lines[0] += "  # event = the column of its date"
    elif (time_of_day := _find_time_of_day(guess, sample)) is not None:
        lines[0] += f"  # the time of day, in {time_of_day!r}, is not read: put both into one column"
    for option, value in guess.options.items():
        remark = guess.remarks.get(option)
        lines.append(f"{option} = {write_value(value)}" + (f"  # {remark}" if remark else ""))
    times = sample.get_column(str(guess.timestamp)).drop_nulls()
    if "time_zone" not in guess.options and TimeParser(**guess.options).note_assumptions(times):
        lines.append('# time_zone = "Europe/Berlin"  # of times that name no zone; else they are read as UTC')
    if guess.event is not None:
        lines.append(f"event = {write_value(guess.event)}")
    elif not guess.dates:
        lines.append(f"event_name = {write_value(f'Appeared in {name}')}  # no column names an event: give it a name")
    lines.append(f"ids = {write_value(dict(guess.ids))}")
    if guess.columns:
        lines.append(f"columns = {write_value(dict(guess.columns))}")
    if guess.decimal_comma:
        lines.append(f"decimal_comma = {write_value(list(guess.decimal_comma))}  # numbers such as 1.234,50")
    return lines


def _write_identity(found: Sequence[_Found]) -> list[str]:
    """Write which identifier a person has one of, where it is not the first one of each table.

    A table of devices and one of customers: a customer has one number, and several devices.
    """
    guesses = [one.guess for one in found if one.guess is not None]
    ranks: dict[str, int] = {}
    for guess in guesses:
        for kind, column in guess.ids.items():
            ranks[kind] = min(ranks.get(kind, guess.ranks[column]), guess.ranks[column])
    if len(guesses) < len([one for one in found if not one.problem]) or "user_id" in ranks:
        return []
    trusted = [kind for kind, rank in ranks.items() if rank == min(ranks.values())]
    if all(next(iter(guess.ids)) in trusted for guess in guesses):
        return []
    note = "# a person has one of these, and may have several of all other identifiers"
    return [f"[identity]\nexclusive = {write_value(trusted)}  {note}\n"]


def _describe_file(found: _Found) -> str:
    if found.problem:
        return f"{found.path}: not read, and left out of the definitions: {found.problem}"
    if found.guess is None:
        return f"{found.path}: exports of {found.system}"
    event = f"event {found.guess.event!r}" if found.guess.event else "one kind of event"
    ids, dates = (", ".join(map(repr, one.values())) for one in (found.guess.ids, found.guess.dates))
    if dates:
        return f"{found.path}: a table with a date per event, {dates}, identifiers {ids}"
    time_of_day = _find_time_of_day(found.guess, found.sample)
    unread = (
        "" if time_of_day is None else f". The time of day, in {time_of_day!r}, is not read: put both into one column"
    )
    return f"{found.path}: a table with time {found.guess.timestamp!r}, {event}, identifiers {ids}{unread}"


def _write_questions(journeys: Journeys) -> str:
    """Write what depends on the events: names to change, a funnel, the report and the dictionary."""
    from journeys.display import format_count

    counts = journeys.event_counts.head(MAX_EVENTS)
    names = counts["event"].to_list()
    better = {name: new for name in names if (new := suggest(name)) not in (None, name)}
    parts = []
    if better:
        entries = [f"# {write_key(old)} = {write_value(new)}" for old, new in better.items()]
        parts.append("\n".join(["[rename]  # old name = new name; these would follow Verb + Object", *entries]))
    steps = _propose_steps(journeys, counts)
    if len(steps) > 1:
        parts.append(
            "\n".join(
                [
                    "[funnels.main]  # a guess: write the steps that matter to you, the goal last",
                    f"steps = {write_value(steps)}",
                    '# within = "30d"  # the longest time from the first step to the last',
                ]
            )
        )
        people = journeys.people
        touches = [
            name for one in CAMPAIGN_COLUMNS if (name := f"first_{one}") in people.columns and people[name].count()
        ]
        has_campaigns = touches[:1] == ["first_campaign"]
        about_campaigns = ["campaigns"] * bool(touches) + ["attribution"] * has_campaigns
        sections = ["funnel", *about_campaigns, f"trend:{steps[-1]}", "flow", "correlation"]
        report = ["[report]", f"title = {write_value(f'From {steps[0]} to {steps[-1]}')}"]
        if touches and not has_campaigns:
            report.append(f"by = {write_value(touches[0])}  # what stands for the campaigns, which are not known")
        if (amount := _find_amount(journeys, goal=steps[-1])) is not None:
            report.append(f"# value = {write_value(amount)}  # what the goal is worth, shared among the campaigns")
        report += ['# entered = "7d"  # the last seven days; the section "comparison" compares them with those before']
        parts.append("\n".join([*report, f"# sections = {write_value(sections)}"]))
    else:
        parts.append('# [funnels.main]  # two events or more, the goal last; then: journeys run\n# steps = ["…", "…"]')
    note = "# The dictionary: journeys check reports events that stop, and events that are not listed here."
    rows = {name: (count, people) for name, count, people in counts.select("event", "count", "people").iter_rows()}
    entries = [
        f'[events.{write_key(name)}]  # {format_count(count, "row")}, {format_count(people, "person")}\nmeans = ""'
        for name, (count, people) in rows.items()
    ]
    if journeys.event_counts.height <= MAX_EVENTS:
        parts.append("\n".join([note, *entries]))
    return "".join(f"\n{part}\n" for part in parts)


def _find_amount(journeys: Journeys, *, goal: str) -> str | None:
    """Find a numeric property that is called like an amount of money, and that most events of the goal have."""
    schema = journeys.events.collect_schema()
    named = [name for name, dtype in schema.items() if dtype.is_numeric() and may_mean(name, "amount")]
    rows = journeys.events.filter(pl.col("event") == goal).select(pl.col(named).count(), _rows=pl.len()).collect()
    return next((name for name in named if 2 * rows[name].item() > rows["_rows"].item()), None)


def _propose_steps(journeys: Journeys, counts: pl.DataFrame) -> list[str]:
    """Propose a funnel: what most people did, something like a sign-up, and something like a purchase.

    Of the most frequent events, the first with which anybody gets to the purchase, before the sign-up or after it.
    """
    people: Mapping[str, int] = dict(counts.select("event", "people").iter_rows())
    wanted = [name for name in people if not _UNDONE.search(name)] or [*people]
    known = [name for name in wanted if people[name] >= MIN_PEOPLE] or wanted
    likely = [_pick_name(names, pattern) for pattern in _GOALS for names in (known, wanted)]
    goal = next((name for name in likely if name is not None), known[-1])
    middle = _pick_name([name for name in known if name != goal and people[name] > people[goal]], _MIDDLES)
    others = [name for name in known if name not in (goal, middle)]
    for first in others[:MAX_TRIED]:
        for before in [[first, middle], [middle, first], [first]] if middle is not None else [[first]]:
            if journeys.funnel(steps := [*before, goal]).table["people"][-1]:
                return steps
    return [*([middle] if middle is not None else others[:1]), goal]


def _pick_name(names: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    return next((name for name in names if pattern.search(name)), None)
