"""Where an export may write: an ending that is meant, a folder that is there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from journeys.errors import ArgumentError

__all__ = ["place_for"]


def place_for(path: str | Path, *, endings: Sequence[str] = ()) -> Path:
    """Take a path to write to, and refuse one that cannot be meant.

    Raises
    ------
    ArgumentError
        Another ending, a folder, or a file in a folder that is not there.

    Examples
    --------
    >>> place_for("people.xls", endings=[".csv"])
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: path: 'people.xls' does not end in '.csv'
    """
    place = Path(path).expanduser()
    if endings and place.suffix.lower() not in endings:
        said = (
            f"ends in none of {', '.join(map(repr, endings))}"
            if len(endings) > 1
            else f"does not end in {endings[0]!r}"
        )
        raise ArgumentError(f"path: {place.name!r} {said}")
    if place.is_dir():
        raise ArgumentError(f"path: {str(place)!r} is a folder; name a file in it")
    if not place.parent.is_dir():
        raise ArgumentError(f"path: there is no folder {str(place.parent)!r}; make it first")
    return place
