"""Write the tables of a definition file as TOML."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, time
from typing import Any


def write_toml(content: Mapping[str, Any]) -> str:
    """Write sections of tables as TOML, one header per table; deeper tables stand on one line.

    Examples
    --------
    >>> print(write_toml({"rename": {"signup": "Signed Up"}, "funnels": {"main": {"steps": ["A", "B"]}}}), end="")
    [rename]
    signup = "Signed Up"
    <BLANKLINE>
    [funnels.main]
    steps = ["A", "B"]
    """
    blocks = []
    for section, table in content.items():
        if table and all(isinstance(value, Mapping) for value in table.values()):
            blocks += [(f"{write_key(section)}.{write_key(name)}", entries) for name, entries in table.items()]
        else:
            blocks.append((write_key(section), table))
    lines = [
        "\n".join([f"[{header}]", *(f"{write_key(key)} = {write_value(value)}" for key, value in entries.items())])
        for header, entries in blocks
    ]
    return "\n\n".join(lines) + "\n" if lines else ""


def write_value(value: Any) -> str:
    """Write a value on one line.

    Examples
    --------
    >>> write_value({"column": "plan", "in": ["pro", 2, 0.5, True]})
    '{ column = "plan", in = ["pro", 2, 0.5, true] }'
    """
    if isinstance(value, Mapping):
        return (
            f"{{ {', '.join(f'{write_key(key)} = {write_value(one)}' for key, one in value.items())} }}"
            if value
            else "{}"
        )
    if isinstance(value, list):
        return f"[{', '.join(map(write_value, value))}]"
    if isinstance(value, str):
        # TOML's basic strings are those of JSON, but for more control characters, of which some reorder a line's text
        return "".join(c if c.isprintable() else _escape_character(c) for c in json.dumps(value, ensure_ascii=False))
    if isinstance(value, bool):
        return str(value).lower()
    return value.isoformat() if isinstance(value, date | time) else repr(value)


def _escape_character(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def write_key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    return name if name and all(c.isascii() and (c.isalnum() or c in "_-") for c in name) else write_value(name)
