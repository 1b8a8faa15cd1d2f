"""What stitching found, as an analyst reads it: who is who, what was refused, and what stitching changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import polars as pl

from journeys.errors import ArgumentError, StoreError, UnknownNameError, find_closest, raise_all, unknown_message
from journeys.events import Events
from journeys.events.issues import ALARMING_SHARE
from journeys.identity.explain import IdLike, LinkExplanation, explain_link, find_similar
from journeys.identity.graph import IdentityGraph, order_edges
from journeys.identity.rules import IdentityRules, normalise_series
from journeys.identity.stitching_impact import StitchingImpact, compare_answers
from journeys.result import Result

if TYPE_CHECKING:
    import plotly.graph_objects as go


_GRAPH_FRAMES = ("ids", "evidence", "junk", "shared_events")
_FRAMES = ("rows", "figures", "memberships", "accounts", "changes")


@dataclass(frozen=True, eq=False, repr=False)
class Identity(Result):
    """Who is who, and by which evidence.

    Attributes
    ----------
    table : pl.DataFrame
        One row per identifier: `id_type`, `id`, `person` (Int64), `first_seen`, `last_seen`; sorted by person, then
        trust, then value. An identifier that several people share is listed with the person of its first link; with
        ``shared="last"``, of its last.
    figures : pl.DataFrame
        `measure`, `count`: what stitching did, in numbers.
    rows : pl.DataFrame
        One row per source: what became of every row that was read, and the times of its `first` and `last` event.
        `read` = `events` + `facts` + `duplicates` + `quarantined`, always.
    memberships : pl.DataFrame
        `person`, `timestamp`, `group_id`: who joined which account when.
    accounts : pl.DataFrame
        `group_id` and the latest traits that group calls have for each account.
    changes : pl.DataFrame
        After later data was added: `person`, its number `before`, `change` ("merged" or "split").

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> table = pl.DataFrame({
    ...     "at": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-04"],
    ...     "user_id": ["ann", None, "bob", None], "device": ["d1"] * 4,
    ... })
    >>> events = jn.read_table(table, timestamp="at", event=pl.lit("x"), ids=["user_id", "device"], name="web")
    >>> identity = jn.stitch(events).identity
    >>> identity.table.select("id_type", "id", "person").rows()
    [('user_id', 'ann', 1), ('device', 'd1', 1), ('user_id', 'bob', 2)]
    >>> identity.shared.select("id", "people", "events").rows()
    [('d1', 2, 2)]
    """

    figures: pl.DataFrame
    rows: pl.DataFrame
    memberships: pl.DataFrame
    accounts: pl.DataFrame
    changes: pl.DataFrame
    _graph: IdentityGraph
    _highest: int  # the highest number that any person ever had, people merged since included
    _traits: Literal["latest", "as_of"] = "latest"
    _is_selection: bool = False
    _restitch: Callable[..., Stitched] | None = None
    _build: Callable[[Stitched], Any] | None = None

    @cached_property
    def table(self) -> pl.DataFrame:
        """One row per identifier: `id_type`, `id`, `person`, `first_seen`, `last_seen`."""
        # the identifiers are in order of trust and value already
        return (
            self._graph.ids.with_row_index("code")
            .sort("person", "code")
            .select(pl.col("id_type").cast(pl.String), "id", "person", "first_seen", "last_seen")
        )

    @property
    def rules(self) -> IdentityRules:
        """The rules that were followed."""
        return self._graph.rules

    @property
    def types(self) -> tuple[str, ...]:
        """The identifier types, most trusted first."""
        return self._graph.types

    @property
    def junk(self) -> pl.DataFrame:
        """Placeholder values, which link nothing: `id_type`, `id`, `reason`, `rows`."""
        return self._graph.junk

    @cached_property
    def links(self) -> pl.DataFrame:
        """Every link that holds: both identifiers, `kind`, `first_seen`, `last_seen`, `rows`, `source`."""
        return self._decode_edges(pl.col("reason").is_null()).drop("reason")

    @cached_property
    def refused(self) -> pl.DataFrame:
        """Every link that was refused, with the `reason`, in the order of the rules."""
        return self._decode_edges(pl.col("reason").is_not_null())

    @cached_property
    def shared(self) -> pl.DataFrame:
        """Identifiers of several people: `id_type`, `id`, `people` who used it, anonymous `events` on it.

        One with a single person is a shared mailbox that only this person has used so far; it links nothing either.
        """
        ids, evidence = self._graph.ids, self._graph.evidence
        used = [
            evidence.select(code=pl.col(end).cast(pl.Int64), person=ids["person"].gather(evidence[other_end]))
            for end, other_end in (("a", "b"), ("b", "a"))
        ]
        shared_ids = ids.with_row_index("code").filter("shared").select(pl.col("code").cast(pl.Int64), "person")
        used.append(self._graph.shared_events.select("code", "person").drop_nulls())
        people = pl.concat(used).join(shared_ids.select("code"), on="code", how="semi").unique()
        # a person who is nothing but the shared identifier itself did not use it
        alone = ids.group_by("person").len().filter(pl.col("len") == 1)
        people = people.join(shared_ids.join(alone, on="person", how="semi"), on=["code", "person"], how="anti")
        counted = people.group_by("code").agg(pl.len().cast(pl.Int64).alias("people"))
        events = self._graph.shared_events.group_by("code").agg(pl.col("events").sum())
        return (
            shared_ids.join(counted, on="code", how="left")
            .join(events, on="code", how="left")
            .with_columns(
                pl.lit(ids[name]).gather(pl.col("code")).cast(pl.String).alias(name) for name in ("id_type", "id")
            )
            .with_columns(pl.col("people").fill_null(1), pl.col("events").fill_null(0))
            .sort("people", "code", descending=[True, False])
            .select("id_type", "id", "people", "events")
        )

    @cached_property
    def sizes(self) -> pl.DataFrame:
        """How many identifiers people have: `identifiers`, `people`."""
        return (
            self._graph.ids.group_by("person")
            .agg(pl.len().cast(pl.Int64).alias("identifiers"))
            .group_by("identifiers")
            .agg(pl.len().cast(pl.Int64).alias("people"))
            .sort("identifiers")
        )

    @cached_property
    def giants(self) -> pl.DataFrame:
        """People with suspiciously many identifiers: `person`, `identifiers`, one count per type; the largest first.

        Lists people with more than 10 identifiers and more than ten times the median, the largest people left out.
        """
        taken = ("person", "identifiers")  # names of other columns
        counts = self._graph.ids.group_by("person").agg(
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
    def linked_share(self) -> float | None:
        """Share of anonymous events that were linked to a known person; None if there are no anonymous events."""
        anonymous = self.figure("anonymous events")
        return self.figure("of these linked to a known person") / anonymous if anonymous else None

    def figure(self, measure: str) -> int:
        """Return one of the `figures` by its name."""
        names = self.figures["measure"].to_list()
        if measure not in names:
            raise UnknownNameError(unknown_message("measure", str(measure), available=names, what="figure"))
        return int(self.figures.filter(pl.col("measure") == measure)["count"].item())

    def explain(self, a: IdLike, b: IdLike, *, salt: str | None = None) -> LinkExplanation:
        """Explain why two identifiers are one person, or what keeps them apart.

        Parameters
        ----------
        a, b : str, int or (str, str or int)
            Identifiers; with their type in front, ``("user_id", "42")``, where two types have the same value.
        salt : str, optional
            The salt of hashed addresses, where the journeys were opened from a store, which does not keep it.

        Returns
        -------
        LinkExplanation
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
        return explain_link(self._graph, a, b, salt=salt)

    def compare_unstitched(self, ask: Callable[[Any], Any]) -> StitchingImpact:
        """Ask the same question of stitched and of unstitched journeys, and compare the answers.

        Unstitched, every identifier is a person of its own, as a tool without identity resolution would see them.

        Parameters
        ----------
        ask : callable
            Takes journeys, returns a result or a table: ``lambda j: j.funnel([...])``.

        Returns
        -------
        StitchingImpact
            Its `finding` states the largest difference, `changes` has every number that differs, `table` each number
            twice, with stitching and `_without`; `.stitched` and `.unstitched` are the answers.

        Raises
        ------
        ArgumentError
            When the journeys are a selection, `ask` is no function, or returns neither a result, nor a table, nor a
            number.
        StoreError
            When the raw events are not available because the journeys were opened from a store, or because the files
            that they were read from have changed.
        """
        if not callable(ask):
            raise ArgumentError(
                f"ask: expected a function that takes journeys, such as lambda j: j.funnel([...]), got {ask!r}."
            )
        if self._is_selection:
            raise ArgumentError(
                "compare_unstitched: these journeys are a selection, which would be another one unstitched; ask all of "
                "them, and select in the question: lambda j: j.only(...).funnel([...])."
            )
        if self._restitch is None or self._build is None or not self._graph.sources:
            raise StoreError(
                "compare_unstitched: these journeys came from a store, which does not hold the raw events; stitch them "
                "again with jn.stitch(...) and ask there."
            )
        unstitched = self._build(self._restitch(self._graph.sources, link=False))
        again = self._restitch(self._graph.sources)
        _check_unchanged(again.identity.rows, before=self.rows, what="compare_unstitched")
        stitched = self._build(again)
        return compare_answers(ask(stitched), ask(unstitched))

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw how many events name their user, were linked to a known person, or are unidentified."""
        from journeys.charts.identity import draw_linked_events

        title = self._linked_finding() or self.finding.removesuffix(".")
        return draw_linked_events(self.figures, title=title, subtitle=self.row_summary, dark=dark, narrow=narrow)

    def plot_sizes(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw how many identifiers people have."""
        from journeys.charts.identity import draw_identifier_counts

        return draw_identifier_counts(self.sizes, finding=self._sizes_finding(), dark=dark, narrow=narrow)

    def _sizes_finding(self) -> str:
        from journeys.display import format_number, format_percent

        total = int(self.sizes["people"].sum())
        if not total:
            return ""
        single = int(self.sizes.filter(pl.col("identifiers") == 1)["people"].sum())
        most = self.sizes["identifiers"][-1]
        if most == 1:
            return "Everybody has one identifier"
        share = f"{format_percent((total - single) / total)} of people have" if single else "Everybody has"
        return f"{share} several identifiers, at most {format_number(most)}"

    def _linked_finding(self) -> str:
        """Return how many anonymous events were linked to a known person, as a title; empty if nobody is known."""
        from journeys.display import format_percent

        if self.linked_share is None or not self.figure("known people"):
            return ""
        return f"{format_percent(self.linked_share)} of anonymous events were linked to a known person"

    @property
    def finding(self) -> str:
        """What stitching did, in one sentence."""
        from journeys.display import choose_form, format_count, format_number

        people, known = self.figure("people"), self.figure("known people")
        ids = self._graph.ids.height
        text = (
            f"{format_count(ids, 'identifier')} {choose_form(ids, 'belongs', 'belong')} "
            f"to {format_count(people, 'person')}"
        )
        if known:
            by = [name for name in self.types if name in self.rules.identifying_types]
            text += f", {format_number(known)} of them known by {' or '.join(by)}"
        linked = self._linked_finding()
        text += f"; {linked}" if linked else ""
        refused = self.figure("links refused")
        text += f"; {format_count(refused, 'link')} {choose_form(refused, 'was', 'were')} refused." if refused else "."
        return text

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be wrong with the result, in sentences: also shown by the journeys themselves."""
        from journeys.display import choose_form, format_count, format_number, format_percent

        found = []
        if not set(self.rules.exclusive) & set(self.types) and self.figure("links taken"):
            wanted = f" (no source has {' or '.join(self.rules.exclusive)})" if self.rules.exclusive else ""
            found.append(
                f"No identifier type is exclusive{wanted}, so nothing kept two known people apart: name one in "
                "rules=jn.IdentityRules(exclusive=...)."
            )
        if self.giants.height:
            people, most = self.giants.height, self.giants["identifiers"][0]
            size = format_number(most) if people == 1 else f"up to {format_number(most)}"
            found.append(
                f"{format_count(people, 'person')} {choose_form(people, 'has', 'have')} "
                f"suspiciously many identifiers ({size}): "
                "see identity.giants."
            )
        counts = self.rows.group_by("source").agg(pl.col("read", "quarantined").sum()).sort("source")
        found += [
            f"{format_percent(quarantined / read)} of the {format_count(read, 'row')} of "
            f"{source} were quarantined: see quarantine."
            for source, read, quarantined in counts.iter_rows()
            if read and quarantined / read > ALARMING_SHARE
        ]
        return tuple(found)

    def _find_people(self, ids: pl.Series) -> pl.DataFrame:
        """Return `id` (as asked) and `person` of identifiers, which may be written as the sources write them."""
        written = [ids.to_frame("id").with_columns(form="id", id_type=pl.lit(name)) for name in self.types]
        for name in self.types:
            form = normalise_series(ids, id_type=name, rules=self.rules).alias("form")
            written.append(pl.DataFrame([ids.alias("id"), form]).with_columns(id_type=pl.lit(name)))
        known = self.table.select(pl.col("id_type").cast(pl.String), form="id", person="person").drop_nulls()
        return pl.concat(written).join(known, on=["id_type", "form"]).select("id", "person").unique()

    def _find_near(self, name: str) -> list[str]:
        """Return the identifier closest to one that nobody has, if any is close; hashes of addresses are not."""
        hidden = [one for one in self.rules.emails if self.rules.hash_emails]
        readable = self.table.filter(~pl.col("id_type").cast(pl.String).is_in(hidden))["id"].unique()
        return find_closest(name, find_similar(readable, name))[:1]

    @property
    def settings(self) -> dict[str, object]:
        """Which sources were stitched, by which rules, and how many people and events there are."""
        span = self.rows.select(pl.col("first").min(), pl.col("last").max()).row(0)
        return {
            "sources": self.rows["source"].unique().sort().to_list(),
            "rules": self.rules,
            "traits": self._traits,
            "people": self.figure("people"),
            "events": self.figure("events"),
            "first": span[0],
            "last": span[1],
        }

    @property
    def row_summary(self) -> str:
        """What became of all rows, in one sentence."""
        from journeys.display import format_count, format_number

        total = self.rows.select(pl.col(pl.Int64).sum()).row(0, named=True)
        return (
            f"{format_count(total['read'], 'row')} read = {format_count(total['events'], 'event')} + "
            f"{format_count(total['facts'], 'fact')} + {format_count(total['duplicates'], 'duplicate')} + "
            f"{format_number(total['quarantined'])} in quarantine."
        )

    def _displayed_table(self) -> pl.DataFrame:
        """Return what stitching did in numbers, without the identifiers of people."""
        return self.figures

    def __repr__(self) -> str:
        return "\n".join([f"Identity: {self.finding}", self.row_summary, *self.warnings])

    def _repr_html_(self) -> str:
        from journeys.display import render_card, render_html_table

        top = render_card(
            "Identity", sentence=" ".join([self.finding, self.row_summary, *self.warnings]), table=self.figures
        )
        more = {"Refused links": self.refused, "Shared identifiers": self.shared, "Placeholder values": self.junk}
        more |= {"Suspiciously many identifiers": self.giants, "Rows by source": self.rows}
        details = "".join(
            f"<details><summary>{name} ({df.height:,})</summary>{render_html_table(df, rows=10, style=False)}</details>"
            for name, df in more.items()
            if df.height
        )
        return f'{top}<div class="jn">{details}</div>'  # so that the headings look as the card does

    def _to_frames(self) -> dict[str, pl.DataFrame]:
        """Return everything but the raw events as frames, for a store."""
        rules = {one.name: getattr(self.rules, one.name) for one in fields(self.rules) if one.name != "salt"}
        salted = self._graph.salted or bool(self.rules.salt)
        settings = {"types": list(self.types), "rules": rules, "salted": salted, "highest": self._highest}
        frames = {name: getattr(self._graph, name) for name in _GRAPH_FRAMES}
        frames |= {name: getattr(self, name) for name in _FRAMES}
        # edges come in no particular order, and saving them again must give the same bytes
        frames["evidence"] = self._graph.evidence.sort("a", "b", pl.col("kind").cast(pl.String))
        return frames | {"settings": pl.DataFrame({"json": [json.dumps(settings)]})}

    @classmethod
    def _from_frames(cls, frames: Mapping[str, pl.DataFrame]) -> Self:
        """Restore an identity from a store; without the raw events, it cannot be stitched again."""
        settings = json.loads(frames["settings"]["json"][0])
        frames_of_graph: dict[str, Any] = {name: frames[name] for name in _GRAPH_FRAMES}
        frames_of_identity: dict[str, Any] = {name: frames[name] for name in _FRAMES}
        graph = IdentityGraph(
            **frames_of_graph,
            types=tuple(settings["types"]),
            rules=IdentityRules(**settings["rules"]),
            salted=settings["salted"],
        )
        return cls(**frames_of_identity, _graph=graph, _highest=settings["highest"])

    def _stitch_more(self, events: Sequence[Events], *, traits: Literal["latest", "as_of"] | None) -> Stitched:
        """Stitch the sources again together with later ones; people keep their numbers."""
        if self._restitch is None or not self._graph.sources:
            raise StoreError(
                "add: these journeys came from a store, which does not hold the raw events; stitch everything with "
                "jn.stitch(...) and save it again."
            )
        again = self._restitch([*self._graph.sources, *events], traits=traits or self._traits, before=self)
        _check_unchanged(again.identity.rows, before=self.rows, what="add")
        return again

    def _decode_edges(self, which: pl.Expr) -> pl.DataFrame:
        """Return some edges with the identifiers in place of their codes."""
        edges = order_edges(self._graph.evidence.filter(which), rules=self.rules)
        ends = [
            self._graph.ids[name].gather(edges[end]).cast(pl.String).alias(f"{name}_{end}")
            for end in "ab"
            for name in ("id_type", "id")
        ]
        texts = pl.col("kind", "source", "reason").cast(pl.String)
        return edges.with_columns(texts).select(*ends, "kind", "first_seen", "last_seen", "rows", "source", "reason")


@dataclass(frozen=True, eq=False, slots=True)
class Stitched:
    """What stitching returns.

    Attributes
    ----------
    table : pl.DataFrame
        One row per event, in order of arrival: `person` (a whole number), `timestamp`, `event`, properties.
    identity : Identity
        Who is who, and by which evidence.
    people : pl.DataFrame
        One row per person: `person`, for each identifier type the value seen first, traits; sorted by person.
    quarantine : pl.DataFrame
        The events without a person, with the `reason`.
    """

    table: pl.DataFrame
    identity: Identity
    people: pl.DataFrame
    quarantine: pl.DataFrame


def _check_unchanged(now: pl.DataFrame, *, before: pl.DataFrame, what: str) -> None:
    """Refuse to answer from sources whose number of rows, or period, has changed.

    `now` and `before` have `source`, `read`, `first` and `last`, as in `Identity.rows`; later sources are below.
    """
    columns = ("source", "read", "first", "last")
    problems = []
    for (name, then, *span), (_, found, *spans) in zip(
        before.select(columns).rows(), now.select(columns).rows(), strict=False
    ):
        if then != found:
            changed = f"had {then:,} rows when it was stitched and has {found:,} now"
        elif span != spans:
            changed = (
                f"had events {_describe_span(*span)} when it was stitched and has them {_describe_span(*spans)} now"
            )
        else:
            continue
        problems.append(
            f"{what}: {name!r} {changed}, so its files were changed; read them again and stitch everything."
        )
    raise_all(problems, StoreError)


def _describe_span(first: datetime | None, last: datetime | None) -> str:
    if first is None or last is None:
        return "at no time"
    return f"from {first:%Y-%m-%d %H:%M:%S} to {last:%Y-%m-%d %H:%M:%S}"
