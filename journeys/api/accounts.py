"""From people to accounts, and back to the people one can write to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import polars as pl

from journeys.api.people_sets import add_people_column
from journeys.api.selection import Selection
from journeys.errors import (
    ArgumentError,
    StoreError,
    UnknownNameError,
    describe_wrong_number,
    raise_all,
    unknown_message,
)

S = TypeVar("S", bound=Selection)


def by_account(journeys: S) -> S:
    """Combine people into accounts: one timeline per account, with the events of all its members.

    An event belongs to the account that it names itself, else to the one that its person joined last before it
    (by Segment's group calls, the CRM's companies), else to the first that the person joined later. Events of
    people without an account are left out, and counted in `unusual_rows`. Account ids are normalised like other
    identifiers: 42, 42.0 and " 42 " are one account, "null" and the like are none.

    Returns
    -------
    Journeys
        `person` is the account, `member` the person; `people` has the column `account` (the same as `person`),
        `members` and the account's traits. A property of events that is itself called `member` stays as
        `property_member`. See also `activity` and `contacts`.

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
    from journeys.identity.person_table import group_by_account, normalise_accounts
    from journeys.log import build_log

    people: Any = journeys
    identity = people._identity(what="by_account")
    events = normalise_accounts(people.events.collect(), rules=identity.rules)
    joined = identity.memberships
    named = "group_id" in events.columns and events["group_id"].null_count() < events.height
    if not joined.height and not named:
        raise ArgumentError(
            "by_account: nothing names an account; accounts come from group calls, CRM companies or a column "
            "'group_id'."
        )
    table = group_by_account(events, joined)
    members = table.group_by("person").agg(pl.col("member").n_unique().cast(pl.Int64).alias("members")).sort("person")
    traits = identity.accounts.rename({"group_id": "person"})
    built = build_log(table, people=members.join(traits, on="person", how="left", maintain_order="left"))
    left_out = events.height - table.height
    unusual = dict(built.unusual_rows) | ({"of people without an account, left out": left_out} if left_out else {})
    accounts: S = type(people)(
        built.log,
        quarantine=built.quarantine,
        unusual_rows=unusual,
        _engine=people._engine,
        _member_ids=identity.table,
        _member_journeys=people,
    )
    return accounts


def contacts(
    accounts: S, *, role: str | Sequence[str] | None = None, per_account: int | None = None, column: str = "role"
) -> S:
    """Return the members of accounts as people, whom one can write to.

    Parameters
    ----------
    role : str or sequence of str, optional
        Only members with one of these roles; all by default.
    per_account : int, optional
        At most so many members of each account, those who were active last.
    column : str
        The column of people that holds the role.

    Returns
    -------
    Journeys
        One row of `people` per member, with identifiers and traits, and as `account` the account of their latest
        activity; the events are those of the people, of all accounts.

    Raises
    ------
    ArgumentError
        When these are not journeys of accounts, or `per_account` is not a positive whole number.
    UnknownNameError
        When people have no such column, or nobody has such a role.
    StoreError
        When the accounts were opened from a store, which has the members' events but not their own journeys.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [("ann", "a", "2026-03-01"), ("bob", "a", "2026-03-02"), ("ann", "b", "2026-03-03")]
    >>> table = pl.DataFrame(rows, schema=["user_id", "group_id", "at"], orient="row")
    >>> events = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=["user_id"], name="app")
    >>> jn.stitch(events).by_account().contacts().people.select("user_id", "account").rows()
    [('ann', 'b'), ('bob', 'a')]
    """
    if accounts._log.unit != "account":
        raise ArgumentError("contacts: these are journeys of people; use j.by_account().contacts(...).")
    raise_all(describe_wrong_number("per_account", per_account, otherwise="None for all"))
    owner: Any = accounts
    people: S | None = owner._member_journeys
    if people is None:
        raise StoreError(
            "contacts: accounts from a store do not hold the journeys of their members; save the journeys of people, "
            "and use jn.open(...).by_account()."
        )
    latest = accounts.events.select("member", "timestamp", pl.col("person").alias("account"))
    # of two accounts at one moment the larger name counts, as in exports
    members = (
        latest.sort("timestamp", "account")
        .group_by("member")
        .agg(pl.col("account", "timestamp").last())
        .rename({"member": "person"})
        .collect()
    )
    if role is not None:
        members = members.join(_list_with_role(people, role=role, column=column), on="person", how="semi")
    members = members.sort("timestamp", "person", descending=[True, False])
    if per_account is not None:
        members = members.group_by("account", maintain_order=True).head(per_account)
    labelled = add_people_column(people._log, members.select("person", "account"), on="person")
    return replace(people, _log=labelled).only(members.select("person"))


def _list_with_role(people: Selection, *, role: str | Sequence[str], column: str) -> pl.DataFrame:
    """Return the people who have one of some roles; all roles that nobody has are reported."""
    table = people.people
    if column not in table.columns:
        raise UnknownNameError(unknown_message("column", column, available=table.columns, what="column"))
    known = table[column].cast(pl.String)
    roles = [role] if isinstance(role, str) else list(role)
    available = known.drop_nulls().unique().sort().to_list()
    missing = [name for name in roles if name not in available]
    raise_all([unknown_message("role", missing, available=available, what=column)] if missing else [], UnknownNameError)
    return table.filter(known.is_in(roles)).select("person")
