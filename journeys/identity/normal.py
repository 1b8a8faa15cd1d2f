"""How identifiers are written, so that what is the same is written the same; and how addresses are hidden."""

from __future__ import annotations

import hashlib

import polars as pl

from journeys.identity.rules import IdentityRules

__all__ = ["hide", "hide_addresses", "normalise", "normalised"]

_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_ADDRESS = r"(?i)^\s*(mailto:)?[^@\s]+@[^@\s]+\.[^@\s]+\s*$"


def normalise(values: pl.Expr, *, id_type: str, rules: IdentityRules) -> pl.Expr:
    """Write what is the same identifier in the same way: blanks, "123.0", case of e-mails and UUIDs, plus-tags."""
    text = values.str.strip_chars()
    if id_type in rules.emails:
        text = text.str.to_lowercase().str.strip_prefix("mailto:")
        # with nothing before the "+", there would be no address without it
        return text.str.replace(r"^([^+@]+)\+[^@]*@", "${1}@") if rules.plus_tags == "drop" else text
    if id_type in rules.fold_case:
        text = text.str.to_lowercase()
    whole = text.str.replace(r"^(-?\d+)\.0+$", "${1}")
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase()).otherwise(whole)


def normalised(values: pl.Series, *, id_type: str, rules: IdentityRules) -> pl.Series:
    """Do what `normalise` says, where most texts need nothing."""
    if id_type not in (*rules.emails, *rules.fold_case):
        text = values.str.strip_chars()
        ending = text.filter(text.str.ends_with("0"))
        if not text.str.contains("[A-F]").any() and not ending.str.contains(".0", literal=True).any():
            return text
    return pl.select(normalise(pl.lit(values), id_type=id_type, rules=rules)).to_series()


def hide(address: str, *, salt: str) -> str:
    """Write an e-mail address as a hash that only who has the salt can look up."""
    return hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def hide_addresses(values: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Hash the texts that are an e-mail address and nothing else, as identifiers are hashed.

    A column without any costs a look for "@", and stays of its type; categories of which one is hashed become texts.

    Examples
    --------
    >>> hide_addresses(pl.Series(["Ann@x.org", "ask @ann", None]), rules=IdentityRules(salt="s")).str.head(8).to_list()
    ['d745925f', 'ask @ann', None]
    """
    # each category once, and only those that rows have
    texts = values if values.dtype == pl.String else values.unique().cast(pl.String)
    some = texts.filter(texts.str.contains("@", literal=True)).unique()
    some = some.filter(some.str.contains(_ADDRESS))
    if not some.len():
        return values
    kind = rules.emails[0] if rules.emails else "email"
    plain = normalised(some, id_type=kind, rules=rules)
    hashes = pl.Series([hide(text, salt=rules.salt) for text in plain], dtype=pl.String)
    return values.cast(pl.String).replace(some, hashes)
