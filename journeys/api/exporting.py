"""Journeys → files for other systems: the thin methods over `journeys.exports`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

    from journeys.exports import Written

__all__ = ["Exports"]

Extra = pl.DataFrame | Iterable[pl.DataFrame]


class Exports:
    """Write these people as an audience. Only files are written; nothing is sent."""

    def to_people(self, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()) -> Written:
        """Who are these people, as a plain table with every identifier and trait?

        A person's first identifier of each type stands in its column; where anybody has more, `other_email` lists them.

        Parameters
        ----------
        path : str or Path
            ".csv", ".parquet", ".ndjson" or ".jsonl".
        traits : sequence of str, optional
            Columns of `people` to write; all by default.
        extra : pl.DataFrame or several
            Further traits, a row a person, as `journeys.exports.last_before` gives.

        Returns
        -------
        Written
            `path`, `people` written, `left_out` and the `reason`.

        Raises
        ------
        ArgumentError
            Another ending.
        UnknownNameError
            There are no such traits.

        Examples
        --------
        >>> import polars as pl, journeys as jn, tempfile, pathlib
        >>> log = pl.DataFrame({"person": ["a", "b"], "timestamp": ["2026-03-01"] * 2, "event": ["x", "y"]})
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     jn.Journeys.from_table(log).to_people(pathlib.Path(folder) / "people.csv").people
        2
        """
        from journeys.exports import to_people

        return to_people(self, path=path, traits=traits, extra=extra)

    def to_customerio(self, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()) -> Written:
        """Who of these people goes into a campaign of Customer.io?

        Parameters
        ----------
        path : str or Path
            ".csv" to import, or ".ndjson" of identify calls; times are Unix seconds.
        traits : sequence of str, optional
            Columns of `people` to write; all by default.
        extra : pl.DataFrame or several
            Further traits, a row a person, as `journeys.exports.last_before` gives.

        Returns
        -------
        Written
            People without `user_id`, `email` and `customerio_id` are left out and counted, with the `reason`.

        Raises
        ------
        ArgumentError
            Another ending.
        UnknownNameError
            There are no such traits.

        Examples
        --------
        >>> import polars as pl, journeys as jn, tempfile, pathlib
        >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
        >>> ids = {"user_id": "user", "email": "mail"}
        >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = jn.stitch(read).to_customerio(pathlib.Path(folder) / "people.csv")
        >>> written.people, written.left_out
        (2, 0)
        """
        from journeys.exports import to_customerio

        return to_customerio(self, path=path, traits=traits, extra=extra)

    def to_hubspot(self, path: str | Path, *, traits: Sequence[str] | None = None, extra: Extra = ()) -> Written:
        """Who of these people goes into a list of HubSpot's contacts?

        Parameters
        ----------
        path : str or Path
            A CSV with "Email", "Record ID" and traits; times are days.
        traits : sequence of str, optional
            Columns of `people` to write; all by default.
        extra : pl.DataFrame or several
            Further traits, a row a person, as `journeys.exports.last_before` gives.

        Returns
        -------
        Written
            People without `email` and `hubspot_id` are left out and counted, with the `reason`.

        Raises
        ------
        UnknownNameError
            There are no such traits.

        Examples
        --------
        >>> import polars as pl, journeys as jn, tempfile, pathlib
        >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
        >>> ids = {"user_id": "user", "email": "mail"}
        >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = jn.stitch(read).to_hubspot(pathlib.Path(folder) / "people.csv")
        >>> written.people, written.left_out
        (1, 1)
        """
        from journeys.exports import to_hubspot

        return to_hubspot(self, path=path, traits=traits, extra=extra)

    def to_segment(
        self,
        path: str | Path,
        *,
        call: Literal["identify", "track"] = "identify",
        event: str | None = None,
        at: datetime | None = None,
        traits: Sequence[str] | None = None,
        extra: Extra = (),
    ) -> Written:
        """Which calls of Segment's spec tell other tools of these people?

        Parameters
        ----------
        path : str or Path
            An NDJSON file, a call a line.
        call : {"identify", "track"}
            With traits, or an `event` for each ("Entered Audience") with the traits as its properties.
        event : str, optional
            The event to track.
        at : datetime, optional
            The time of the calls, in UTC where it names no zone; now by default.
        traits : sequence of str, optional
            Columns of `people` to write; all by default.
        extra : pl.DataFrame or several
            Further traits, a row a person, as `journeys.exports.last_before` gives.

        Returns
        -------
        Written
            People with neither `user_id` nor `anonymous_id` are left out and counted, with the `reason`.

        Raises
        ------
        ArgumentError
            Another call, or a track call without an event.
        UnknownNameError
            There are no such traits.

        Examples
        --------
        >>> import polars as pl, journeys as jn, tempfile, pathlib
        >>> table = pl.DataFrame({"at": ["2026-03-01"] * 2, "user": ["u1", "u2"], "mail": ["a@x.example", None]})
        >>> ids = {"user_id": "user", "email": "mail"}
        >>> read = jn.read_table(table, timestamp="at", event=pl.lit("Signed Up"), ids=ids, name="app")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder) / "calls.ndjson"
        ...     written = jn.stitch(read).to_segment(path, call="track", event="Entered")
        >>> written.people, written.left_out
        (2, 0)
        """
        from journeys.exports import to_segment

        return to_segment(self, path=path, call=call, event=event, at=at, traits=traits, extra=extra)
