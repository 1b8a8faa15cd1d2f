"""A report in the reader's own colours, with their logo, as parts of the page."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

from plotly.colors import hex_to_rgb

from journeys.charts.theme import DARK, LIGHT, compute_contrast
from journeys.errors import ArgumentError, raise_all, unknown_message

_ROLES = ("goal", "worse")
_MEDIA = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".gif": "gif", ".webp": "webp", ".svg": "svg+xml"}
_LARGEST, _LEAST_CONTRAST = 500_000, 4.5


def check_colours(colours: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Return the given colours by role: on white, and the lighter tone for dark pages.

    Examples
    --------
    >>> check_colours({"goal": "#7A1FA2"})
    {'goal': ('#7a1fa2', '#a96dc3')}
    >>> check_colours({"goal": "#ffee00"})
    Traceback (most recent call last):
    ...
    journeys.errors.ArgumentError: colours: 'goal' '#ffee00' has a contrast of 1.2 : 1 to white; text needs 4.5 : 1.
    """
    wrong = [name for name in colours if name not in _ROLES]
    problems = [unknown_message("colours", wrong, available=_ROLES, what="role")] if wrong else []
    chosen = {}
    for role, colour in colours.items():
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
            problems.append(f"colours: {role!r} {colour!r} must be six digits after a #, such as '#0b57d0'.")
            continue
        light = colour.lower()
        found = compute_contrast(light, LIGHT.paper)
        if found < _LEAST_CONTRAST:
            problems.append(
                f"colours: {role!r} {colour!r} has a contrast of {found:.1f} : 1 to white; text needs 4.5 : 1."
            )
        chosen[role] = light, _lighten_colour(light)
    raise_all(problems, ArgumentError)
    return chosen


def _lighten_colour(colour: str) -> str:
    """Mix a colour with white until it is legible on the dark theme's paper."""
    channels = hex_to_rgb(colour)
    for part in range(0, 101, 5):
        mixed = "#" + "".join(f"{round(c + (255 - c) * part / 100):02x}" for c in channels)
        if compute_contrast(mixed, DARK.paper) >= _LEAST_CONTRAST:
            return mixed
    return "#ffffff"


def embed_logo(logo: str | Path | None) -> str:
    """Return a picture file as a data: address; empty for none.

    Raises
    ------
    ArgumentError
        The file does not exist, is no picture, or is larger than 500 kB.
    """
    if logo is None:
        return ""
    file = Path(logo).expanduser()
    kind = _MEDIA.get(file.suffix.lower())
    if kind is None:
        raise ArgumentError(f"logo: {file.name!r} must be a file that ends in {', '.join(_MEDIA)}.")
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ArgumentError(f"logo: {str(logo)!r} cannot be read: {error.strerror}.") from error
    if len(content) > _LARGEST:
        raise ArgumentError(f"logo: {file.name!r} has {len(content):,} bytes; at most {_LARGEST:,} fit a page.")
    return f"data:image/{kind};base64,{b64encode(content).decode()}"
