"""What journeys that were stitched can do beside being asked: take in later data, and become accounts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import polars as pl

from journeys.api.selection import Selection
from journeys.errors import ArgumentError, StoreError

if TYPE_CHECKING:
    from journeys.events import Events
    from journeys.identity import Identity, Stitched

__all__ = ["Bridges", "check_events"]


class Bridges(Selection):
    """Thin methods over the identity room."""

    _stitched: Identity | None

    @classmethod
    def _from_stitched(cls, stitched: Stitched) -> Self:
        """Build the log of what was stitched."""
        from journeys.identity.hidden import without_addresses
        from journeys.log import build_log

        stitched = without_addresses(stitched)
        identity, people = stitched.identity.built_by(cls._from_stitched), stitched.people
        settings: dict[str, Any] = {"quarantine": stitched.quarantine, "_stitched": identity}
        rows = [stitched.table]
        del stitched  # so that nobody holds the rows as they came while they are sorted
        built = build_log(rows.pop(), people=people)
        settings["unusual_rows"] = built.unusual_rows
        return cls(built.log, **settings)

    def add(self, *events: Events, traits: Literal["latest", "as_of"] | None = None) -> Self:
        """Stitch later data in: the answer is that of stitching everything at once.

        People keep their number where they did not merge; of those who merged the smallest number stays, and the
        others are never given again. `identity.changes` lists who merged, and who turned out to be two.

        Parameters
        ----------
        *events : Events
            What the readers returned for the new data.
        traits : {"latest", "as_of"}, optional
            As in `stitch`; as it was said there, when not given.

        Raises
        ------
        StoreError
            When the raw events are not at hand because these journeys were opened from a store or came with their
            people known, or because the files they were read from have changed.
        ArgumentError
            When these journeys are a selection, or there is nothing to add.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> def read(rows):
        ...     table = pl.DataFrame(rows, schema=["at", "user_id", "device"], orient="row")
        ...     return jn.read_table(table, timestamp="at", event=pl.lit("x"), ids=["user_id", "device"], name="web")
        >>> j = jn.stitch(read([("2026-03-01", None, "d1"), ("2026-03-02", "ann", None)]))
        >>> j.people.height
        2
        >>> later = j.add(read([("2026-03-03", "ann", "d1")]))
        >>> later.identity.changes.rows()
        [(1, 2, 'merged')]
        """
        check_events(events)
        identity = self._identity(what="add")
        if not identity.sources:
            raise StoreError(
                "add: these journeys came from a store, which does not hold the raw events; stitch everything with "
                "jn.stitch(...) and save it again."
            )
        if self._filters:
            raise ArgumentError("add: these journeys are a selection; add to all of them and select again.")
        from journeys.identity import stitch_events
        from journeys.identity.again import check_unchanged

        again = stitch_events(
            [*identity.sources, *events], rules=identity.rules, traits=traits or identity.traits, before=identity
        )
        check_unchanged(again.identity.rows, before=identity.rows, what="add")
        again = replace(again, identity=replace(again.identity, highest=identity.highest))
        return replace(self._from_stitched(again), _engine=self._engine)

    def by_account(self) -> Self:
        """Ask accounts instead of people: each account's timeline holds the events of all its members.

        An event belongs to the account that it names itself, else to the one that its person had joined last before
        it (Segment's group calls, the CRM's companies), else to the first that the person joined later. Events of
        people without an account are left out, and counted in `unusual_rows`. Account ids are normalised like other
        identifiers: 42, 42.0 and " 42 " are one account, "null" and the like are none.

        Returns
        -------
        Journeys
            `person` is the account, `member` who did it; `people` has `members` and the account's traits. A property
            of events that is itself called `member` stays as `property_member`.

        Raises
        ------
        ArgumentError
            When nothing names an account.

        Examples
        --------
        >>> import polars as pl, journeys as jn
        >>> days = ["2026-03-01", "2026-03-02"]
        >>> table = pl.DataFrame({"at": days, "user_id": ["ann", "bob"], "group_id": ["a", "a"]})
        >>> events = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=["user_id"], name="app")
        >>> jn.stitch(events).by_account().people.select("person", "members", "event_count").rows()
        [('a', 2, 2)]
        """
        from journeys.identity.accounts import to_accounts, write_accounts
        from journeys.log import build_log

        identity = self._identity(what="by_account")
        events = write_accounts(self.events.collect(), rules=identity.rules)
        joined = identity.memberships
        named = "group_id" in events.columns and events["group_id"].null_count() < events.height
        if not joined.height and not named:
            raise ArgumentError(
                "by_account: nothing names an account; accounts come from group calls, CRM companies or a column "
                "'group_id'."
            )
        table = to_accounts(events, joined)
        members = (
            table.group_by("person").agg(pl.col("member").n_unique().cast(pl.Int64).alias("members")).sort("person")
        )
        traits = identity.accounts.rename({"group_id": "person"})
        people = members.join(traits, on="person", how="left", maintain_order="left")
        built = build_log(table, people=people)
        left_out = events.height - table.height
        noticed = dict(built.unusual_rows) | ({"of people without an account, left out": left_out} if left_out else {})
        settings: dict[str, Any] = {"quarantine": built.quarantine, "unusual_rows": noticed, "_engine": self._engine}
        return type(self)(built.log, **settings)

    def _identity(self, *, what: str) -> Identity:
        if self._stitched is None:
            raise StoreError(f"{what}: these journeys came with their people known; only jn.stitch finds identities.")
        return self._stitched


def check_events(events: tuple[Events, ...]) -> None:
    """Refuse what no reader returned."""
    from journeys.events import Events

    wrong = [type(cast("Any", one)).__name__ for one in events if not isinstance(one, Events)]
    if not events or wrong:
        got = f"got {', '.join(wrong)}" if wrong else "got nothing"
        raise ArgumentError(f"events: expected what jn.read_segment, jn.read_table … return, {got}.")
