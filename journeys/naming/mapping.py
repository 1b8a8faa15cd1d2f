"""Rename events by a mapping, which may be kept in a small TOML file, and report what changed."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from journeys.errors import ArgumentError, SourceError, find_closest, first_line, raise_all
from journeys.naming.check import names_and_counts

TABLE = "rename"


@dataclass(frozen=True, eq=False, slots=True)
class Renamed:
    """Events under their new names, and what was changed.

    Attributes
    ----------
    events
        A copy of the events with the new names; the given ones are unchanged.
    changes
        `old`, `new`, `rows` (Int64): each name of the mapping, with 0 rows where it does not occur; sorted by `old`.
    merged
        New names that several old ones now share.
    missing
        Old names of the mapping that do not occur, with the names that do and are closest.
    """

    events: Any
    changes: pl.DataFrame
    merged: dict[str, list[str]]
    missing: dict[str, list[str]]

    def __repr__(self) -> str:
        from journeys.display import render_text_table

        return f"{self._describe_renames()}\n{render_text_table(self.changes)}"

    def _repr_html_(self) -> str:
        from journeys.display import render_card

        return render_card("Renamed events", sentence=self._describe_renames(), table=self.changes)

    def _describe_renames(self) -> str:
        from journeys.display import format_count

        rows = int(self.changes["rows"].sum() or 0)
        counts = (
            f"{format_count(rows, 'event')} renamed by {format_count(self.changes.height, 'entry', 'entries')} "
            "of the mapping"
        )
        like = [f"{old!r} (did you mean {near[0]!r}?)" for old, near in self.missing.items() if near]
        return f"{counts}; there is no {', no '.join(like)}" if like else counts


def apply(events: Any, *, mapping: Mapping[str, str] | str | Path) -> Renamed:
    """Rename events by a mapping from old to new name, or by the TOML file that holds one.

    Parameters
    ----------
    events
        `Events` of any reader.
    mapping
        Old name → new name; other names are unchanged.

    Raises
    ------
    ArgumentError
        A name that is not text or is empty, or something that is not Events.

    Examples
    --------
    >>> import polars as pl
    >>> import journeys as jn
    >>> log = pl.DataFrame({"at": ["2026-03-01"] * 2, "what": ["signup", "Sign Up"], "user_id": ["1", "2"]})
    >>> events = jn.read_table(log, timestamp="at", event="what", ids=["user_id"])
    >>> renamed = apply(events, mapping={"signup": "Signed Up", "Sign Up": "Signed Up"})
    >>> renamed.changes.rows()
    [('Sign Up', 'Signed Up', 1), ('signup', 'Signed Up', 1)]
    >>> renamed.events.table.select("event").collect().to_series().to_list()
    ['Signed Up', 'Signed Up']
    """
    if not hasattr(events, "rows") or not hasattr(events, "issues"):
        raise ArgumentError(f"events: {type(events).__name__} is not Events; rename before stitching.")
    names = load_mapping(mapping) if isinstance(mapping, str | Path) else _check_mapping(mapping)
    empty = [old for old, new in names.items() if not new.strip()]
    if empty:
        raise ArgumentError(f"mapping: the new name of {', '.join(map(repr, empty))} is empty.")
    counted = names_and_counts(events)
    changes = pl.DataFrame(
        [(old, new, counted.get(old) or 0) for old, new in sorted(names.items())],
        schema={"old": pl.String(), "new": pl.String(), "rows": pl.Int64()},
        orient="row",
    )
    sharing: dict[str, list[str]] = {}
    for old in sorted(counted):
        sharing.setdefault(names.get(old, old), []).append(old)

    def rename_all(batch: pl.Series) -> pl.Series:
        return batch.replace(names)

    # Batch by batch: `replace` as an expression would wait for all rows.
    new = pl.col("event").map_batches(rename_all, return_dtype=pl.String, is_elementwise=True)
    with_repeats = None if events._with_repeats is None else events._with_repeats.with_columns(new)
    renamed = replace(events, rows=events.rows.with_columns(new), _as_read=None, _with_repeats=with_repeats)
    merged = {name: olds for name, olds in sharing.items() if len(olds) > 1}
    missing = {
        old: find_closest(old, [n for n in counted if n not in names]) for old in sorted(names) if old not in counted
    }
    return Renamed(renamed, changes, merged, missing)


def load_mapping(path: str | Path) -> dict[str, str]:
    """Read a mapping from its TOML file: a table `[rename]` of `"old name" = "New Name"`.

    Raises
    ------
    SourceError
        No such file, not TOML, no such table, or a new name that is not text.
    """
    place = Path(path)
    try:
        read = tomllib.loads(place.read_text(encoding="utf-8-sig"))
    except OSError:
        raise SourceError(f"mapping: there is no file {str(place)!r}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"mapping: {str(place)!r} is not TOML: {first_line(error)}.") from None
    table = read.get(TABLE)
    if not isinstance(table, dict):
        raise SourceError(f'mapping: {str(place)!r} has no table [{TABLE}] of "old name" = "New Name".')
    wrong = [old for old, new in table.items() if not isinstance(new, str)]
    if wrong:
        raise SourceError(f"mapping: {str(place)!r}: the new name of {', '.join(map(repr, wrong))} is not text.")
    return dict(table)


def save_mapping(mapping: Mapping[str, str], *, path: str | Path) -> Path:
    """Write a mapping as a TOML file, sorted by old name, to review it and keep it with the analysis.

    Raises
    ------
    ArgumentError
        A name that is not text, or a folder that does not exist.
    """
    names = _check_mapping(mapping)
    place = Path(path)
    if not place.parent.is_dir():
        raise ArgumentError(f"path: there is no folder {str(place.parent)!r}; create it first.")
    lines = ["# Old event name = new event name: Verb + Object, no place and no manner.", f"[{TABLE}]"]
    # TOML's basic strings are those of JSON, except for one control character.
    quoted = {
        old: (json.dumps(old, ensure_ascii=False), json.dumps(new, ensure_ascii=False)) for old, new in names.items()
    }
    lines += [f"{old} = {new}".replace("\x7f", "\\u007f") for _, (old, new) in sorted(quoted.items())]
    place.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


def _check_mapping(mapping: object) -> dict[str, str]:
    """Refuse what is not a mapping from text to text."""
    if not isinstance(mapping, Mapping):
        raise ArgumentError(f"mapping: {type(mapping).__name__} is not a mapping from old name to new name.")
    raise_all(
        [f"mapping: the old name {old!r} is not text." for old in mapping if not isinstance(old, str)]
        + [
            f"mapping: the new name of {old!r} is not text: {new!r}."
            for old, new in mapping.items()
            if not isinstance(new, str)
        ]
    )
    return dict(mapping)
