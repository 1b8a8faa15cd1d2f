"""The columns of a system → the canonical columns of Events: fields by name, explicit links, values as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from journeys.errors import SourceError
from journeys.events import CAMPAIGN_COLUMNS, LINK_SCHEMA, PAGE_COLUMNS, Events, build_events
from journeys.events.batches import translate_source_errors
from journeys.events.events import TRAIT
from journeys.events.issues import INEXACT
from journeys.events.placeholder_values import normalise_ids
from journeys.events.times import UNREADABLE, UTC_TIME, TimeParser, check_unit_fits, explain_wrong_unit, unread_text
from journeys.sources.campaign import add_campaign_columns
from journeys.sources.reading import PLACE, PROBLEM, RAW, RawTable
from journeys.sources.reading.json_schema import NON_OBJECT
from journeys.sources.reading.row_store import as_json, snake_case

Path = tuple[str, ...]
NOTHING = pl.lit(None, dtype=pl.String)


class Fields:
    """The leaves of a schema by name; a leaf that is not there is null.

    "a.b" is the field b of the column a, or, in a flattened table, the column called "a.b". What was taken by `text`,
    `id` or `time` counts as used; `rest` lists the others.

    Attributes
    ----------
    problem : pl.Expr
        Of each row, what is wrong with the numbers that were asked for as times.
    inexact : list of pl.Expr
        Numbers asked for as identifiers that are too large to be exact.
    """

    def __init__(self, schema: pl.Schema, *, hidden: bool = False) -> None:
        self.leaves: dict[Path, tuple[pl.Expr, pl.DataType]] = {}
        self.used: set[Path] = set()
        self.problem: pl.Expr = NOTHING
        self.inexact: list[pl.Expr] = []
        self._ids: set[Path] = set()
        shown = {name: dtype for name, dtype in schema.items() if hidden or not name.startswith("_")}
        leaves_of: dict[str, dict[Path, tuple[pl.Expr, pl.DataType]]] = {}
        taken: set[Path] = set()
        # Columns of objects first: where a table also has their fields flattened, the objects count.
        for name in sorted(shown, key=lambda name: "." in name):
            path = field_path(name)
            is_flattened = all(path) and path not in taken
            leaves_of[name] = dict(_list_leaves(path if is_flattened else (name,), pl.col(name), shown[name]))
            taken |= leaves_of[name].keys()
        self.leaves = {path: leaf for name in shown for path, leaf in leaves_of[name].items()}

    def has(self, *names: str) -> bool:
        """Return whether at least one of these fields is there."""
        return any(field_path(name) in self.leaves for name in names)

    def dtype(self, name: str) -> pl.DataType:
        """Return the type of a field; Null when it is not there."""
        return self.leaves[field_path(name)][1] if self.has(name) else pl.Null()

    def raw(self, name: str) -> pl.Expr:
        """Return a field as it is."""
        self.used.add(field_path(name))
        return self.leaves[field_path(name)][0] if self.has(name) else NOTHING

    def text(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is not empty, as text."""
        return self._first_found(names, as_text)

    def id(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is not empty, as an identifier."""
        for path in [field_path(name) for name in names if self.has(name)]:
            if path not in self._ids:
                self._ids.add(path)
                self.inexact += inexact_ids(*self.leaves[path])
        return self._first_found(names, as_id)

    def key(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is not empty as part of a message's key; see `as_key`."""
        return self._first_found(names, as_key)

    def email(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is not empty, as an e-mail address, in lower case."""
        return self._first_found(names, as_id).str.to_lowercase()

    def time_text(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is not empty as it was written, before it is read as a time."""
        present = [name for name in names if self.has(name)]
        return self.raw(present[0]) if len(present) == 1 else self.text(*present)

    def time(self, name: str, *, unit: str | None = None, time_zone: str | None = None) -> pl.Expr:
        """Return a field as a UTC time."""
        self._refuse_numbers([name], unit)
        expr = self.raw(name)
        return TimeParser(unit=unit, time_zone=time_zone).parse(expr, self.dtype(name), column=name)

    def first_time(self, *names: str) -> pl.Expr:
        """Return the first of these fields that is a time, as a UTC time; the later ones are read only where needed."""
        present = [name for name in names if self.has(name)]
        self._refuse_numbers(present, None)
        dtypes = [self.dtype(name) for name in present]
        values = pl.struct(self.raw(name).alias(f"{place}") for place, name in enumerate(present))

        def convert_batch(batch: pl.Series) -> pl.Series:
            rows = batch.struct.unnest()
            found = pl.Series([None] * rows.height, dtype=UTC_TIME)
            for column, dtype, name in zip(rows, dtypes, present, strict=True):
                missing = found.is_null()
                if not missing.any():
                    break
                unread = column.set(~missing, None).to_frame()
                parsed = unread.select(TimeParser().parse(pl.first(), dtype, column=name)).to_series()
                found = found.zip_with(~missing, parsed)
            return found

        return values.map_batches(convert_batch, return_dtype=UTC_TIME, is_elementwise=True)

    def epoch(self, raw: RawTable, name: str, *, unit: str, has_unit_option: bool = False) -> pl.Expr:
        """Return a field that counts from 1970, as numbers or as digits, as a UTC time; dates as text are read as well.

        `has_unit_option`: the caller can choose another unit.

        Raises
        ------
        SourceError
            The numbers count another unit.
        """
        if not self.has(name):
            return self.time(name)
        values = raw.rows.select(self.raw(name).alias("v")).filter(pl.col("v").is_not_null()).head(1000)
        with translate_source_errors(raw.name):
            sample = values.collect().to_series()
        if not sample.dtype.is_numeric():
            digits = sample.filter(sample.cast(pl.String).str.contains(r"^\d+$"))
            if sample.len() == 0 or 2 * digits.len() < sample.len():
                return self.time(name)
            sample = digits.cast(pl.String)
        check_unit_fits(sample, column=name, unit=unit, has_unit_option=has_unit_option)
        wrong = explain_wrong_unit(self.raw(name), self.dtype(name), column=name, unit=unit)
        self.problem = pl.coalesce(self.problem, wrong)
        return self.time(name, unit=unit)

    def _refuse_numbers(self, names: Iterable[str], unit: str | None) -> None:
        numbers = [name for name in names if self.dtype(name).is_numeric()]
        if numbers and unit is None:
            raise SourceError(
                f"column {numbers[0]!r} holds numbers where this system writes date and time, and their unit is not "
                "known: turn them into times first (pl.from_epoch), or read the table with read_table(…, unit='ms')."
            )

    def rest(
        self,
        root: str | None = None,
        *,
        prefix: str = "",
        skip: Iterable[str] = (),
        rename: Callable[[str], str] = snake_case,
    ) -> Named:
        """List the fields (under a root) that are not used yet, with flat names; they count as used afterwards."""
        skipped = {field_path(name) for name in skip}
        found: Named = []
        for path, (expr, _) in self.leaves.items():
            if root is not None and path[0] != root:
                continue
            if path in self.used or any(path[: len(one)] == one for one in skipped):
                continue
            self.used.add(path)
            own = prefix + "_".join(rename(part) for part in path[1:]) if root is not None and path[1:] else ""
            found.append((own or "_".join(rename(part) for part in path), expr))
        return found

    def _first_found(self, names: Iterable[str], convert: Callable[[pl.Expr, pl.DataType], pl.Expr]) -> pl.Expr:
        found = []
        for name in names:
            self.used.add(field_path(name))
            if self.has(name):
                found.append(convert(*self.leaves[field_path(name)]))
        return pl.coalesce(found) if found else NOTHING


def replace_names(value: pl.Expr, names: Mapping[str, str], *, default: pl.Expr = NOTHING) -> pl.Expr:
    """Replace texts by their names, batch by batch: `replace_strict` would wait for all rows."""

    def read(batch: pl.Series) -> pl.Series:
        return batch.replace_strict(names, default=None, return_dtype=pl.String)

    return pl.coalesce(value.map_batches(read, return_dtype=pl.String, is_elementwise=True), default)


def null_if_direct(value: pl.Expr) -> pl.Expr:
    """Leave out the referrer "$direct", which stands for none; `replace` would wait for all rows."""
    return pl.when(value != "$direct").then(value)


def field_path(name: str) -> Path:
    """Return the path of a field by its name: "a.b" is ("a", "b")."""
    return tuple(name.split("."))


def _list_leaves(path: Path, expr: pl.Expr, dtype: pl.DataType) -> Iterator[tuple[Path, tuple[pl.Expr, pl.DataType]]]:
    if isinstance(dtype, pl.Struct):
        for field in dtype.fields:
            # What other rows have in the object's place is called like the object.
            inner = path if field.name == NON_OBJECT else (*path, field.name)
            yield from _list_leaves(inner, expr.struct.field(field.name), pl.Series(dtype=field.dtype).dtype)
    elif isinstance(dtype, pl.List | pl.Array):
        yield path, (as_json(expr), pl.String())
    else:
        yield path, (expr, dtype)


End = tuple[str | pl.Expr, pl.Expr]


class IdLink(NamedTuple):
    """A call and the two identifiers that it links.

    Attributes
    ----------
    call
        The kind of fact that makes the link; None for any row.
    a, b
        The two ends, each as (identifier type, identifier). Where a call does not say of which type an identifier is,
        the type is "user_id", and stitching finds the right one.
    kind
        "alias" or "merge"; or "identify", which links nothing: it states that `a` is anonymous and `b` is known. With
        one identifier as both, it states only that it is known.
    """

    call: str | None
    a: End
    b: End
    kind: str


def build_links(wanted: Sequence[tuple[pl.LazyFrame, IdLink]]) -> pl.LazyFrame:
    """Build the table of links in its canonical columns; a call that lacks one end links nothing.

    Links from an identifier to itself are kept: stitching counts them.
    """
    frames = []
    for rows, link in wanted:
        ends = []
        for which, (id_type, value) in (("a", link.a), ("b", link.b)):
            ends += [
                (pl.lit(id_type) if isinstance(id_type, str) else id_type).alias(f"id_type_{which}"),
                value.alias(f"id_{which}"),
            ]
        calls = rows if link.call is None else rows.filter(pl.col("_kind") == link.call)
        frame = calls.select(*ends, "timestamp", "source", pl.lit(link.kind).alias("kind"))
        both = pl.col("id_a").is_not_null() & pl.col("id_b").is_not_null()
        frames.append(frame.filter(both).select(list(LINK_SCHEMA)))
    return pl.concat(frames)


def parse_link_columns(links: Mapping[str, str | tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return the identifier type and the kind of link of each column that states links.

    Examples
    --------
    >>> parse_link_columns({"previous": "anonymous_id", "merged": ("user_id", "merge")})
    {'previous': ('anonymous_id', 'alias'), 'merged': ('user_id', 'merge')}
    """
    return {column: (link, "alias") if isinstance(link, str) else link for column, link in links.items()}


def find_link_problems(links: object) -> list[str]:
    """Say which columns `parse_link_columns` cannot read."""
    if not isinstance(links, Mapping):
        return [f"links: expected a mapping from column to identifier type, got {links!r}."]
    problems = []
    for column, link in links.items():
        id_type, kind = link if isinstance(link, tuple) and len(link) == 2 else (link, "alias")
        if not isinstance(column, str):
            problems.append(f"links: expected names of columns, got {column!r}.")
        if not isinstance(id_type, str) or kind not in ("alias", "merge"):
            problems.append(f"links[{column!r}]: {link!r} is neither a type nor (type, 'alias') nor (type, 'merge').")
    return problems


def build_column_links(
    ids: Sequence[str], columns: Mapping[str, tuple[str, str]]
) -> Callable[[pl.LazyFrame], pl.LazyFrame]:
    """Link the most trusted identifier of each row with the identifiers that its link columns hold."""
    id_type = pl.coalesce(pl.when(pl.col(one).is_not_null()).then(pl.lit(one)) for one in ids)
    own = (id_type, pl.coalesce(ids))
    links = [IdLink(None, own, (stated, pl.col(column)), kind) for column, (stated, kind) in columns.items()]
    return lambda used: build_links([(used, link) for link in links])


RESERVED = {
    "timestamp",
    "event",
    "source",
    "message_id",
    "group_id",
    "replay_url",
    "person",
    *CAMPAIGN_COLUMNS,
    *PAGE_COLUMNS,
}
# Letters only: systems write `fullStoryUrl`, `fs_session_url`, "FullStory Session URL".
REPLAY = re.compile(
    r"(context)?((fullstory|hotjar|logrocket|clarity|smartlook|mouseflow)(session|recording|replay)*url"
    r"|(mixpanel|posthog|amplitude|heap|sentry|datadog)?(replay|session(replay|recording))url|fssessionurl)"
)
TIME = "_time"
"""The column that holds the parsed time while rows are mapped."""
_UNREAD = "_unread"

Named = list[tuple[str, pl.Expr]]


@dataclass(slots=True)
class ColumnMapping:
    """The canonical columns of a source, as expressions over its own columns.

    Attributes
    ----------
    timestamp, event
        `timestamp` gives UTC microseconds.
    ids
        Identifier type → expression, the most trusted first.
    time_text
        The time as it was written: one that cannot be read is a reason for quarantine.
    kind
        Null for an event, else the kind of fact.
    problem
        Why a row cannot be used, else null.
    skew
        How far the device's clock was off.
    fields
        Further canonical columns: campaign, page, `message_id`, `group_id`, `replay_url`.
    properties, traits
        The further columns of events, and of facts.
    hidden
        Columns (named with a leading underscore) from which explicit links are built.
    inexact
        Of identifiers that came as floats, those that are too large to be exact; see `inexact_ids`.
    is_date_only
        Whether the time is a date without a time of day.
    as_read
        `event` and identifier types whose text was only normalised → the text as it was read.
    """

    timestamp: pl.Expr
    event: pl.Expr
    ids: dict[str, pl.Expr]
    time_text: pl.Expr | None = None
    kind: pl.Expr | None = None
    problem: pl.Expr | None = None
    skew: pl.Expr | None = None
    fields: dict[str, pl.Expr] = field(default_factory=dict)
    properties: Named = field(default_factory=list)
    traits: Named = field(default_factory=list)
    hidden: dict[str, pl.Expr] = field(default_factory=dict)
    inexact: list[pl.Expr] = field(default_factory=list)
    is_date_only: pl.Expr | None = None
    as_read: dict[str, pl.Expr] = field(default_factory=dict)


def map_events(
    raw: RawTable,
    mapping: ColumnMapping,
    *,
    name: str,
    links: Callable[[pl.LazyFrame], pl.LazyFrame] | None = None,
    drop_exact: bool = False,
    notes: Sequence[str] = (),
) -> Events:
    """Select the canonical columns out of raw rows and build Events of them."""
    present = set(raw.schema)
    # The time is used several times, by the column and by its checks: it is parsed once.
    timed = raw.rows.with_columns(mapping.timestamp.alias(TIME))
    problem = pl.col(PROBLEM) if PROBLEM in present else pl.lit(None, dtype=pl.String)
    text = pl.col(RAW) if RAW in present else pl.lit(None, dtype=pl.String)
    if mapping.problem is not None:
        problem = pl.coalesce(problem, mapping.problem)
    if mapping.time_text is not None:
        timed = timed.with_columns(unread_text(mapping.time_text, pl.col(TIME)).alias(_UNREAD))
        problem = pl.coalesce(problem, pl.when(pl.col(_UNREAD).is_not_null()).then(pl.lit(UNREADABLE)))
        text = pl.coalesce(text, pl.col(_UNREAD))
    columns: dict[str, pl.Expr] = {"timestamp": pl.col(TIME), "event": mapping.event}
    columns |= mapping.ids | mapping.fields
    columns["_problem"] = problem
    columns["_place"] = pl.col(PLACE) if PLACE in present else pl.lit(None, dtype=pl.String)
    columns["_raw"] = text
    optional = {"_kind": mapping.kind, "_skew": mapping.skew, "_date_only": mapping.is_date_only}
    columns |= {key: expr for key, expr in optional.items() if expr is not None}
    columns |= mapping.hidden
    columns |= {f"{INEXACT}{place}": expr for place, expr in enumerate(mapping.inexact)}
    _add_replay_url(mapping, columns)
    for key, expr in mapping.properties:
        columns[_free_name(key, columns)] = expr
    for key, expr in mapping.traits:
        # Facts have columns of their own, too: a trait called like one of them keeps its value under another name.
        is_taken = key in RESERVED or key == "kind" or key in mapping.ids
        columns[_free_name(TRAIT + (f"trait_{key}" if is_taken else key), columns)] = expr
    as_read = None
    if mapping.as_read:
        # A time that cannot be read is null, so that only other problems have to be listed.
        stated = [pl.col(PROBLEM)] * (PROBLEM in present) + [mapping.problem] * (mapping.problem is not None)
        texts = {**columns, **mapping.as_read, "_problem": pl.coalesce(stated or [None])}
        left_out = {"_place", "_raw"} if stated else {"_place", "_raw", "_problem"}
        rows = timed.select(expr.alias(key) for key, expr in texts.items() if key not in left_out)
        as_read = add_campaign_columns(rows)
    return build_events(
        add_campaign_columns(timed.select(expr.alias(key) for key, expr in columns.items())),
        ids=list(mapping.ids),
        name=name,
        links=links,
        keep_in_memory=raw.in_memory,
        drop_exact=drop_exact,
        notes=[*raw.notes, *notes],
        as_read=as_read,
    )


def _add_replay_url(mapping: ColumnMapping, columns: dict[str, pl.Expr]) -> None:
    """Find links to session recordings by the names of properties, whatever tool recorded them.

    Where there are several, the first that is not empty is the link, and all of them stay properties.
    """
    found = [expr for key, expr in mapping.properties if REPLAY.fullmatch(re.sub(r"[^a-z]", "", key.lower()))]
    if not found:
        return
    links = [columns["replay_url"]] if "replay_url" in columns else []
    links += [as_text(expr, pl.Null()) for expr in found]
    columns["replay_url"] = pl.coalesce(links)
    if len(links) == 1:
        mapping.properties = [(key, expr) for key, expr in mapping.properties if expr is not found[0]]


def _free_name(key: str, taken: Mapping[str, object]) -> str:
    """Find a name for a property that no canonical column, no other property and no hidden column has."""
    name = f"property_{key.lstrip('_')}" if key in RESERVED or key.startswith("_") else key
    candidates = [name, f"property_{name}", *(f"{name}_{n}" for n in range(2, len(taken) + 3))]
    return next(candidate for candidate in candidates if candidate not in taken)


def as_id(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write an identifier as text: 123, 123.0 and "123" are "123"; blank text is null.

    A float of 2^53 or more stands for several whole numbers, which may be the identifiers of others: it is null.
    """
    if dtype.is_float():
        return pl.when(value.abs() < _exact_limit(dtype)).then(as_key(value, dtype))
    return as_key(value, dtype)


def as_key(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a value as text that depends on the value alone and not on the type of its column; blank text is null.

    Examples
    --------
    >>> table = pl.DataFrame({"whole": [1719835200], "float": [1719835200.0], "text": [" 1719835200 "]})
    >>> table.select(as_key(pl.col(name), dtype) for name, dtype in table.schema.items()).row(0)
    ('1719835200', '1719835200', '1719835200')
    """
    if dtype.is_float():
        whole = pl.when(value == value.floor()).then(value.cast(pl.Int64, strict=False).cast(pl.String))
        return pl.coalesce(whole, value.cast(pl.String))
    if isinstance(dtype, pl.Decimal) and dtype.scale:
        return as_key(value.cast(pl.String).str.replace(r"\.?0+$", ""), pl.String())
    if dtype == pl.String:
        return value.map_batches(normalise_ids, return_dtype=pl.String, is_elementwise=True)
    if dtype == pl.Binary:
        return value.bin.encode("hex")
    return value.cast(pl.String)


def name_actor(is_person: pl.Expr) -> pl.Expr:
    """Return for each event whether the person did it or the system, as with a delivery or a stage that a CRM sets."""
    return pl.when(is_person).then(pl.lit("person")).otherwise(pl.lit("system"))


DECIMAL_COMMA = r"^-?(\d+|\d{1,3}(\.\d{3})+)(,\d+)?$"


def inexact_ids(value: pl.Expr, dtype: pl.DataType) -> list[pl.Expr]:
    """Return the identifiers of a column of floats that `as_id` leaves out; nothing for other columns."""
    if not dtype.is_float():
        return []
    return [pl.when(value.is_not_nan() & (value.abs() >= _exact_limit(dtype))).then(value.cast(pl.Float64))]


def _exact_limit(dtype: pl.DataType) -> int:
    """Return the number below which floats hold every whole number."""
    return 2**24 if dtype == pl.Float32 else 2**53


def as_text(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Write a value as text, null where it is empty."""
    text = value if dtype == pl.String else value.cast(pl.String)
    return pl.when(text != "").then(text)


def read_decimal_comma(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Read amounts with a decimal comma, with or without dots between thousands and a currency; else null.

    Examples
    --------
    >>> amounts = pl.DataFrame({"Betrag": ["1.234,50 €", "-12,5", "12,50-", "EUR 7", "1.5", "many"]})
    >>> amounts.select(read_decimal_comma(pl.col("Betrag"), pl.String()))["Betrag"].to_list()
    [1234.5, -12.5, -12.5, 7.0, None, None]
    """
    if dtype.is_numeric():
        return value.cast(pl.Float64)
    text = value.cast(pl.String).str.replace_all(r"[\s\u{a0}\u{202f}'’€$£+]|^[A-Z]{3}|[A-Z]{3}$", "")
    text = text.str.replace("\u2212", "-", literal=True).str.replace(r"^(.+)-$", "-$1")
    plain = text.str.replace_all(".", "", literal=True).str.replace(",", ".", literal=True)
    return pl.when(text.str.contains(DECIMAL_COMMA)).then(plain.cast(pl.Float64, strict=False))
