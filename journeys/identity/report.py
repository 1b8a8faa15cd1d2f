"""What stitching found, as an analyst reads it: who is who, what was refused, and what the bridge is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from journeys.errors import ArgumentError, StoreError, UnknownNameError, unknown
from journeys.identity.explain import Explanation, explain
from journeys.identity.finding import Wanted
from journeys.identity.links import in_order
from journeys.identity.rules import IdentityRules
from journeys.identity.worth import Worth, compare

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.events import Events

__all__ = ["Identity"]

_FRAMES = ("ids", "evidence", "junk", "split", "rows", "figures", "memberships", "accounts", "changes")


@dataclass(frozen=True, eq=False, repr=False)
class Identity:
    """Who is who, and by which evidence.

    Attributes
    ----------
    table : pl.DataFrame
        One row an identifier: `id_type`, `id`, `person` (Int64), `first_seen`, `last_seen`; sorted by person, then
        trust, then value. An identifier that several people share stands with the one of its first link; with
        ``shared="last"`` of its last.
    rows : pl.DataFrame
        One row a source: what became of every row that was read, and the times of its `first` and `last` event.
        `read` = `events` + `facts` + `duplicates` + `quarantined`, always.
    figures : pl.DataFrame
        `measure`, `count`: what the bridge did, in numbers.
    junk : pl.DataFrame
        `id_type`, `id`, `reason`, `rows`: values that name nobody, so that they link nothing.
    memberships : pl.DataFrame
        `person`, `timestamp`, `group_id`: who belonged to which account from when on.
    accounts : pl.DataFrame
        `group_id` and the latest traits that group calls told of each account.
    changes : pl.DataFrame
        After later data was added: `person`, its number `before`, `change` ("merged" or "split").
    rules : IdentityRules
        The rules that were followed.
    salted : bool
        Whether addresses were hashed with a salt that is not among the rules any more, since a store does not keep it.
    traits : {"latest", "as_of"}
        How traits were asked for.
    selected : bool
        Whether this was asked of a selection; what it tells is of everybody all the same.
    highest : int
        The highest number that was ever given to a person, also to one who is another's now.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> seen = pl.DataFrame({
    ...     "at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    ...     "device": ["d1", "d1", "d1", "d1"], "user": [None, "ann", None, "bob"],
    ... }).with_columns(what=pl.lit("Loaded a Page"))
    >>> events = jn.read_table(seen, timestamp="at", event="what", ids={"user_id": "user", "device": "device"})
    >>> identity = jn.stitch(events).identity
    >>> identity.table.select("id_type", "id", "person").rows()
    [('user_id', 'ann', 1), ('device', 'd1', 1), ('user_id', 'bob', 2)]
    >>> identity.shared.select("id", "people", "events").rows()
    [('d1', 2, 2)]
    """

    ids: pl.DataFrame
    types: tuple[str, ...]
    evidence: pl.DataFrame
    junk: pl.DataFrame
    split: pl.DataFrame
    rows: pl.DataFrame
    figures: pl.DataFrame
    memberships: pl.DataFrame
    accounts: pl.DataFrame
    changes: pl.DataFrame
    rules: IdentityRules
    sources: tuple[Events, ...] = ()
    build: Callable[[Any], Any] | None = field(default=None)
    salted: bool = False
    traits: Literal["latest", "as_of"] = "latest"
    selected: bool = False
    highest: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "highest", max(self.highest, int(self.ids["person"].to_numpy().max(initial=0))))

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row an identifier: `id_type`, `id`, `person`, `first_seen`, `last_seen`."""
        # the identifiers are in order of trust and value already
        return (
            self.ids.with_row_index("code")
            .sort("person", "code")
            .select(pl.col("id_type").cast(pl.String), "id", "person", "first_seen", "last_seen")
        )

    @cached_property
    def links(self) -> pl.DataFrame:
        """Every link that holds: both identifiers, `kind`, `first_seen`, `last_seen`, `rows`, `source`; as taken."""
        return self._decoded(pl.col("reason").is_null()).drop("reason")

    @cached_property
    def refused(self) -> pl.DataFrame:
        """Every link that was refused, with the `reason`, in the order of the rules."""
        return self._decoded(pl.col("reason").is_not_null())

    @cached_property
    def shared(self) -> pl.DataFrame:
        """Identifiers of several people: `id_type`, `id`, `people` met on it, `events` that named nobody.

        Those of one person are mailboxes that nobody else was seen to use yet: they link nothing all the same.
        """
        owner = self.ids["person"]
        met = [
            self.evidence.select(code=pl.col(one).cast(pl.Int64), person=owner.gather(self.evidence[other]))
            for one, other in (("a", "b"), ("b", "a"))
        ]
        mine = self.ids.with_row_index("code").filter("shared").select(pl.col("code").cast(pl.Int64), "person")
        given = self.split.select("code", "person").drop_nulls()
        people = pl.concat([*met, given]).join(mine.select("code"), on="code", how="semi").unique()
        # an identifier that stands alone is nobody, so it is no person who was met
        heads = self.ids.group_by("person").len().filter(pl.col("len") == 1)
        people = people.join(mine.join(heads, on="person", how="semi"), on=["code", "person"], how="anti")
        counted = people.group_by("code").agg(pl.len().cast(pl.Int64).alias("people"))
        events = self.split.group_by("code").agg(pl.col("events").sum())
        return (
            mine.join(counted, on="code", how="left")
            .join(events, on="code", how="left")
            .with_columns(self._name("code"), self._name("code", of="id"))
            .with_columns(pl.col("people").fill_null(1), pl.col("events").fill_null(0))
            .sort("people", "code", descending=[True, False])
            .select("id_type", "id", "people", "events")
        )

    @cached_property
    def sizes(self) -> pl.DataFrame:
        """How many identifiers people have: `identifiers`, `people`."""
        return (
            self.ids.group_by("person")
            .agg(pl.len().cast(pl.Int64).alias("identifiers"))
            .group_by("identifiers")
            .agg(pl.len().cast(pl.Int64).alias("people"))
            .sort("identifiers")
        )

    @cached_property
    def giants(self) -> pl.DataFrame:
        """The people with the most identifiers, suspicious from the top: `person`, `identifiers`, one count a type.

        Listed are those with more than 10 identifiers and more than ten times as many as the one in the middle of
        those who are not the largest: a giant would move an average.
        """
        taken = ("person", "identifiers")  # by the other columns
        counts = self.ids.group_by("person").agg(
            pl.len().cast(pl.Int64).alias("identifiers"),
            *(
                (pl.col("id_type") == name).sum().cast(pl.Int64).alias(f"{name} ids" if name in taken else name)
                for name in self.types
            ),
        )
        others = counts.filter(pl.col("identifiers") < pl.col("identifiers").max())["identifiers"].median()
        many = max(10.0, 10 * float(others or 0))  # type: ignore[arg-type]
        return counts.filter(pl.col("identifiers") > many).sort("identifiers", "person", descending=[True, False])

    @property
    def bridged(self) -> float | None:
        """Share of the events that name nobody which were bridged to a known person; None if there are none."""
        nameless = self.figure("events that name nobody")
        return self.figure("of these bridged to a known person") / nameless if nameless else None

    def figure(self, measure: str) -> int:
        """Return one of the `figures` by its name."""
        names = self.figures["measure"].to_list()
        if measure not in names:
            raise UnknownNameError(unknown("measure", str(measure), available=names, what="figure"))
        return int(self.figures.filter(pl.col("measure") == measure)["count"].item())

    def explain(self, a: Wanted, b: Wanted, *, salt: str | None = None) -> Explanation:
        """Answer "why are these two one person?" or "what keeps them apart?".

        Parameters
        ----------
        a, b : str, int or (str, str or int)
            Identifiers; with their type in front, ``("user_id", "42")``, where two types have the same value.
        salt : str, optional
            Of hashed addresses, where the journeys were opened from a store, which does not keep it.

        Returns
        -------
        Explanation
            Its `table` is the chain of links, the shortest with the fewest refusals; `joined` says whether they are
            one person.

        Raises
        ------
        UnknownNameError
            When there is no such identifier; the closest are named.
        ArgumentError
            When a value is found under two types, or cannot be an identifier.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> seen = pl.DataFrame({"at": ["2026-03-01"], "device": ["d1"], "user": ["ann"], "what": ["Signed Up"]})
        >>> events = jn.read_table(
        ...     seen, timestamp="at", event="what", ids={"user_id": "user", "device": "device"}, name="web"
        ... )
        >>> jn.stitch(events).identity.explain("ann", "d1")
        'ann' and 'd1' are one person:
          user_id 'ann' with device 'd1': in 1 row of web since 2026-03-01 00:00 ("Signed Up")
        """
        return explain(self, a, b, salt=salt)

    def worth(self, ask: Callable[[Any], Any]) -> Worth:
        """Answer "what does the bridge change?": the same question with it and without.

        Parameters
        ----------
        ask : callable
            Takes journeys, returns a result or a table: ``lambda j: j.funnel([...])``.

        Returns
        -------
        Worth
            Its `finding` says the largest difference, `changes` has every number that differs, `table` each number
            twice, with and `_without`; `.bridged` and `.unbridged` are the answers.

        Raises
        ------
        ArgumentError
            When the journeys are a selection, `ask` is no function, or returns neither a result, nor a table, nor a
            number.
        StoreError
            When the raw events are not at hand because the journeys were opened from a store, or because the files
            that they were read from have changed.
        """
        if not callable(ask):
            raise ArgumentError(
                f"ask: expected a function that takes journeys, such as lambda j: j.funnel([...]), got {ask!r}."
            )
        if self.selected:
            raise ArgumentError(
                "worth: these journeys are a selection, which is another without the bridge; ask all of them, and "
                "select in the question: lambda j: j.only(...).funnel([...])."
            )
        if self.build is None or not self.sources:
            raise StoreError(
                "worth: these journeys came from a store, which does not hold the raw events; stitch them again with "
                "jn.stitch(...) and ask there."
            )
        from journeys.identity.again import check_unchanged
        from journeys.identity.stitching import stitch_events

        apart = self.build(stitch_events(self.sources, rules=self.rules, traits=self.traits, bridge=False))
        whole = stitch_events(self.sources, rules=self.rules, traits=self.traits)
        check_unchanged(whole.identity.rows, before=self.rows, what="worth")
        one = self.build(whole)
        return compare(ask(one), ask(apart))

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw whose the events are: of people named in them, of people known by the bridge, of nobody known."""
        from journeys.charts.identity import draw_bridge

        return draw_bridge(self.figures, title=self.finding, subtitle=self.account, dark=dark, narrow=narrow)

    def plot_sizes(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw how many identifiers people have."""
        from journeys.charts.identity import draw_sizes

        return draw_sizes(self.sizes, finding=self._sizes_finding(), dark=dark, narrow=narrow)

    def _sizes_finding(self) -> str:
        from journeys.display import number, percent

        total = int(self.sizes["people"].sum())
        if not total:
            return ""
        single = int(self.sizes.filter(pl.col("identifiers") == 1)["people"].sum())
        most = self.sizes["identifiers"][-1]
        if most == 1:
            return "Everybody has one identifier"
        share = f"{percent((total - single) / total)} of people have" if single else "Everybody has"
        return f"{share} several identifiers, at most {number(most)}"

    @property
    def finding(self) -> str:
        """What the bridge did, in one sentence."""
        from journeys.display import agree, number, percent, plural

        people, known = self.figure("people"), self.figure("known people")
        ids = self.ids.height
        said = f"{plural(ids, 'identifier')} {agree(ids, 'is', 'are')} {plural(people, 'person')}"
        if known:
            by = [name for name in self.types if name in self.rules.naming]
            said += f", {number(known)} of them known by {' or '.join(by)}"
        if self.bridged is not None and known:
            said += f"; {percent(self.bridged)} of the events that name nobody were bridged to somebody known"
        refused = self.figure("links refused")
        said += f"; {plural(refused, 'link')} {agree(refused, 'was', 'were')} refused." if refused else "."
        absent = not set(self.rules.exclusive) & set(self.types) and self.figure("links taken")
        if self.rules.exclusive and absent:
            names = " or ".join(self.rules.exclusive)
            said += f" No identifier is a {names}, so that nothing kept users apart: name theirs in rules.exclusive."
        return said

    @property
    def account(self) -> str:
        """Where all rows went, in one sentence."""
        from journeys.display import number, plural

        total = self.rows.select(pl.col(pl.Int64).sum()).row(0, named=True)
        return (
            f"{plural(total['read'], 'row')} read = {plural(total['events'], 'event')} + "
            f"{plural(total['facts'], 'fact')} + {plural(total['duplicates'], 'duplicate')} + "
            f"{number(total['quarantined'])} in quarantine."
        )

    def __repr__(self) -> str:
        return f"Identity: {self.finding}\n{self.account}"

    def _repr_html_(self) -> str:
        from journeys.display import card, html_table

        top = card("Identity", sentence=f"{self.finding} {self.account}", table=self.figures)
        more = {"Refused links": self.refused, "Shared identifiers": self.shared, "Values that are nobody": self.junk}
        more |= {"Suspiciously many identifiers": self.giants, "Rows by source": self.rows}
        shown = "".join(
            f"<details><summary>{title} ({table.height:,})</summary>{html_table(table, rows=10, style=False)}</details>"
            for title, table in more.items()
            if table.height
        )
        return f'{top}<div class="jn">{shown}</div>'  # the headings are set as the card is

    def to_frames(self) -> dict[str, pl.DataFrame]:
        """Put everything but the raw events into frames, for a store."""
        told = {one.name: getattr(self.rules, one.name) for one in fields(self.rules) if one.name != "salt"}
        settings = {"types": list(self.types), "rules": told, "salted": self.salted or bool(self.rules.salt)}
        settings["highest"] = self.highest
        frames = {name: getattr(self, name) for name in _FRAMES}
        # the links were counted in no order, and what is stored once more is the same bytes
        frames["evidence"] = self.evidence.sort("a", "b", pl.col("kind").cast(pl.String))
        return frames | {"settings": pl.DataFrame({"json": [json.dumps(settings)]})}

    @classmethod
    def from_frames(cls, frames: Mapping[str, pl.DataFrame]) -> Self:
        """Take an identity out of a store; it has no raw events, so that `worth` cannot be asked."""
        settings = json.loads(frames["settings"]["json"][0])
        kept: dict[str, Any] = {name: frames[name] for name in _FRAMES}
        rules = IdentityRules(**settings["rules"])
        told = {"salted": settings["salted"], "highest": settings.get("highest", 0)}
        return cls(**kept, types=tuple(settings["types"]), rules=rules, **told)

    def built_by(self, build: Callable[[Any], Any]) -> Self:
        """Return the identity with the way to make journeys of what is stitched again."""
        return replace(self, build=build)

    def _name(self, column: str, *, of: str = "id_type") -> pl.Expr:
        return pl.lit(self.ids[of]).gather(pl.col(column)).cast(pl.String).alias(of)

    def _decoded(self, which: pl.Expr) -> pl.DataFrame:
        rows = in_order(self.evidence.filter(which), rules=self.rules)
        named: Sequence[pl.Series] = [
            self.ids[name].gather(rows[end]).cast(pl.String).alias(f"{name}_{end}")
            for end in "ab"
            for name in ("id_type", "id")
        ]
        words = pl.col("kind", "source", "reason").cast(pl.String)
        return rows.with_columns(words).select(*named, "kind", "first_seen", "last_seen", "rows", "source", "reason")
