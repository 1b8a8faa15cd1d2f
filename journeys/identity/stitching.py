"""Events of many systems → one table with a `person`, and the identity that says why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import polars as pl

from journeys.errors import UnknownNameError, raise_all, unknown
from journeys.identity.assign import Assigned, assign_rows
from journeys.identity.coding import Coded, code_ids, order_types
from journeys.identity.links import list_links
from journeys.identity.merge import Clusters, cluster
from journeys.identity.report import Identity
from journeys.identity.rules import IdentityRules

if TYPE_CHECKING:
    from journeys.events import Events

__all__ = ["Stitched", "stitch_events"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, slots=True)
class Stitched:
    """What stitching gives.

    Attributes
    ----------
    table : pl.LazyFrame
        One row an event, in order of arrival: `person` (Int64), `timestamp`, `event`, properties.
    identity : Identity
        Who is who, and by which evidence.
    people : pl.DataFrame
        One row a person: `person`, the most trusted value of each identifier type, traits; sorted by person.
    """

    table: pl.LazyFrame
    identity: Identity
    people: pl.DataFrame


def stitch_events(events: Sequence[Events], *, rules: IdentityRules | None = None) -> Stitched:
    """Answer "who is who, and whose is each event?" for any number of sources.

    Parameters
    ----------
    events : sequence of Events
        What the readers return. Their order decides only which of two rows with one message id stays.
    rules : IdentityRules, optional
        What links, and what is refused; the library's own rules by default.

    Raises
    ------
    UnknownNameError
        When the rules name an identifier type that no source has.
    """
    rules = rules or IdentityRules()
    links = _explicit_links(events)
    types = order_types(events, rules=rules, explicit=_types_of(links))
    _check_types(rules, types=types)
    tables, repeated = _without_repeats(events)
    parts = [(table, _source_of(one), True) for one, table in zip(events, tables, strict=True)]
    parts += [(one.facts, _source_of(one), False) for one in events]
    coded = code_ids(parts, links=links, types=types, rules=rules)
    evidence = list_links(coded, rules=rules)
    clusters = cluster(coded, evidence, rules=rules)
    assigned = assign_rows(coded, clusters, rules=rules)
    person, first_seen = _number(coded, clusters, assigned)
    ids = _table(coded, evidence, clusters=clusters, person=person)
    log = pl.concat(
        [
            _with_person(part.rows, owner=owner, person=person, drop=[*types, "message_id"])
            for part, owner in zip(coded.parts, assigned.owners, strict=True)
            if part.is_events
        ],
        how="diagonal_relaxed",
    )
    identity = Identity(
        table=ids,
        rules=rules,
    )
    return Stitched(log, identity, _people(ids, types=types))


def _types_of(links: pl.DataFrame) -> list[str]:
    return sorted(set(links["id_type_a"]) | set(links["id_type_b"]))


def _explicit_links(events: Sequence[Events]) -> pl.DataFrame:
    wanted = dict.fromkeys(("id_type_a", "id_a", "id_type_b", "id_b"), pl.String)
    rest = {"timestamp": pl.Datetime("us", "UTC"), "source": pl.String, "kind": pl.String}
    return pl.concat(
        [one.links.select(pl.col(n).cast(t) for n, t in (wanted | rest).items()) for one in events]
    ).collect()


def _check_types(rules: IdentityRules, *, types: tuple[str, ...]) -> None:
    plain = IdentityRules()
    asked = {
        "exclusive": rules.exclusive,
        "priority": rules.priority,
        "limits": [*rules.limits],
        "emails": rules.emails,
        "fold_case": rules.fold_case,
    }
    known = {*types, *plain.exclusive, *plain.priority, *plain.emails, "*"}
    wrong = {argument: [name for name in names if name not in known] for argument, names in asked.items()}
    raise_all(
        [
            unknown(f"rules.{argument}", names, available=types, what="identifier type")
            for argument, names in wrong.items()
            if names
        ],
        UnknownNameError,
    )


def _source_of(one: Events) -> str:
    """Name the system that the events come from."""
    for frame in (one.table, one.facts, one.links):
        name = frame.select("source").head(1).collect()
        if name.height and name["source"][0] is not None:
            return str(name["source"][0])
    return "unknown"


def _without_repeats(events: Sequence[Events]) -> tuple[list[pl.LazyFrame], list[int]]:
    """Leave out rows whose message an earlier source has brought; say how many each time."""
    tables = [one.table for one in events]
    repeated = [0] * len(tables)
    with_ids = [at for at, table in enumerate(tables) if "message_id" in table.collect_schema()]
    if len(with_ids) < 2:
        return tables, repeated
    messages = (
        pl.concat(
            [
                tables[at]
                .select("message_id", "source", "event", "timestamp")
                .with_row_index("row")
                .with_columns(pl.lit(at).alias("at"))
                for at in with_ids
            ]
        )
        .filter(pl.col("message_id").is_not_null())
        .collect()
    )
    # one system may send a message twice at slightly different times; two names may stand for one system
    gone = pl.DataFrame(schema={"at": pl.Int32, "row": messages.schema["row"]})
    for same in (["message_id", "source"], ["message_id", "event", "timestamp"]):
        earliest = messages.group_by(same).agg(pl.col("at").min().alias("home"))
        late = messages.join(earliest, on=same).filter(pl.col("at") > pl.col("home")).select("at", "row")
        gone = pl.concat([gone, late])
    gone = gone.unique()
    for at in with_ids:
        rows = gone.filter(pl.col("at") == at)["row"].sort()
        if rows.len():
            repeated[at] = rows.len()
            tables[at] = tables[at].with_row_index("__row").filter(~pl.col("__row").is_in(rows.implode())).drop("__row")
    return tables, repeated


def _number(coded: Coded, clusters: Clusters, assigned: Assigned) -> tuple[Ints, pl.DataFrame]:
    """Number people by (first event, smallest identifier); those without events follow.

    Returns the number at each owner's code, and the people.
    """
    sums = []
    for part, owner in zip(coded.parts, assigned.owners, strict=True):
        if part.is_events:
            time = part.rows.select(pl.col("timestamp").dt.timestamp("us")).collect()["timestamp"]
            sums.append(pl.DataFrame({"owner": owner, "time": time}).group_by("owner").agg(pl.col("time").min()))
    active = (
        pl.concat(sums).group_by("owner").agg(pl.col("time").min())
        if sums
        else pl.DataFrame(schema={"owner": pl.Int64, "time": pl.Int64})
    )
    everyone = pl.DataFrame({"owner": np.unique(clusters.owner)}, schema={"owner": pl.Int64})
    people = (
        everyone.join(active, on="owner", how="left")
        .sort("time", "owner", nulls_last=True)
        .with_row_index("person", offset=1)
        .with_columns(pl.col("person").cast(pl.Int64))
    )
    person = np.zeros(clusters.owner.size, dtype=np.int64)
    person[people["owner"].to_numpy()] = people["person"].to_numpy()
    return person, people


def _with_person(rows: pl.LazyFrame, *, owner: Ints, person: Ints, drop: list[str]) -> pl.LazyFrame:
    number = np.zeros(owner.size, dtype=np.int64)
    number[owner >= 0] = person[owner[owner >= 0]]
    column = pl.DataFrame({"person": number}).lazy().select(pl.when(pl.col("person") > 0).then("person"))
    return pl.concat([column, rows.drop(drop, strict=False)], how="horizontal").filter(pl.col("person").is_not_null())


def _table(coded: Coded, links: pl.DataFrame, *, clusters: Clusters, person: Ints) -> pl.DataFrame:
    """One row an identifier."""
    seen = [links.filter(pl.col("kind") != "row").select(pl.col(end).alias("code"), "first", "last") for end in "ab"]
    for at in range(len(coded.types)):
        seen.append(
            coded.facts.select("first", "last")
            .with_columns(code=coded.combinations[:, at].astype(np.int64))
            .filter(pl.col("code") >= 0)
            .select("code", "first", "last")
        )
    spans = pl.concat(seen).group_by("code").agg(pl.col("first").min(), pl.col("last").max()).sort("code")
    moment = pl.Datetime("us", "UTC")
    return (
        coded.ids.with_columns(
            id_type=pl.Series(coded.types, dtype=pl.String).gather(coded.ids["rank"]),
            person=person[clusters.owner],
            first_seen=spans["first"].cast(moment),
            last_seen=spans["last"].cast(moment),
        )
        .sort("person", "rank", "id")
        .select("id_type", "id", "person", "first_seen", "last_seen")
    )


def _people(ids: pl.DataFrame, *, types: tuple[str, ...]) -> pl.DataFrame:
    """One row a person with, of each type, the value seen first."""
    people = ids.select("person").unique().sort("person")
    for name in types:
        first = (
            ids.filter(pl.col("id_type") == name)
            .sort("person", "first_seen", "id")
            .unique("person", keep="first", maintain_order=True)
            .select("person", pl.col("id").alias(name))
        )
        people = people.join(first, on="person", how="left", maintain_order="left")
    return people
