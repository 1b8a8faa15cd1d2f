"""How identifiers are normalised, which are placeholders, and how e-mail addresses are hashed."""

from __future__ import annotations

import hashlib

import polars as pl

from journeys.events.placeholder_values import matches_any, placeholder_reason
from journeys.identity.rules import IdentityRules

_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_ADDRESS = r"(?i)^\s*(mailto:)?[^@\s]+@[^@\s]+\.[^@\s]+\s*$"


def normalise(values: pl.Expr, *, id_type: str, rules: IdentityRules) -> pl.Expr:
    """Write equal identifiers in one way: without blanks around, "123.0" as "123", one case of e-mails and UUIDs."""
    text = values.str.strip_chars()
    if id_type in rules.emails:
        text = text.str.to_lowercase().str.strip_prefix("mailto:")
        # with nothing before the "+", there would be no address without it
        return text.str.replace(r"^([^+@]+)\+[^@]*@", "${1}@") if rules.plus_tags == "drop" else text
    if id_type in rules.fold_case:
        text = text.str.to_lowercase()
    whole = text.str.replace(r"^(-?\d+)\.0+$", "${1}")
    return pl.when(text.str.contains(_UUID)).then(text.str.to_lowercase()).otherwise(whole)


def normalise_series(values: pl.Series, *, id_type: str, rules: IdentityRules) -> pl.Series:
    """Normalise a column of identifiers; fast where most of them are written right already."""
    if id_type not in (*rules.emails, *rules.fold_case):
        text = values.str.strip_chars()
        ending = text.filter(text.str.ends_with("0"))
        if not text.str.contains("[A-F]").any() and not ending.str.contains(".0", literal=True).any():
            return text
    return pl.select(normalise(pl.lit(values), id_type=id_type, rules=rules)).to_series()


def find_placeholders(ids: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Return the `reason` why identifiers identify nobody; null for all others."""
    patterns = ["^$", *rules.junk]
    bad = ids.to_frame("id").select(matches_any(pl.col("id"), patterns).fill_null(value=False)).to_series()
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, ids.len())
    if not bad.any():
        return reason
    reasons = (
        ids.filter(bad)
        .to_frame("id")
        .select(
            pl.coalesce(
                pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(placeholder_reason(pattern)))
                for pattern in patterns
            )
        )
        .to_series()
    )
    return reason.scatter(bad.arg_true(), reasons)


def hash_email(address: str, *, salt: str) -> str:
    """Return the hash of an e-mail address, which can be looked up only with the salt."""
    return hashlib.sha256(f"{salt}{address}".encode()).hexdigest()


def hash_email_texts(values: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Hash the texts that are an e-mail address and nothing else, in the way identifiers are hashed.

    A column without addresses keeps its type; categories of which one is hashed become text.

    Examples
    --------
    >>> hash_email_texts(pl.Series(["Ann@x.org", "ask @ann"]), rules=IdentityRules(salt="s")).str.head(8).to_list()
    ['d745925f', 'ask @ann']
    """
    # each category once, and only those that rows have
    texts = values if values.dtype == pl.String else values.unique().cast(pl.String)
    some = texts.filter(texts.str.contains("@", literal=True)).unique()
    some = some.filter(some.str.contains(_ADDRESS))
    if not some.len():
        return values
    id_type = rules.emails[0] if rules.emails else "email"
    plain = normalise_series(some, id_type=id_type, rules=rules)
    hashes = pl.Series([hash_email(text, salt=rules.salt) for text in plain], dtype=pl.String)
    return values.cast(pl.String).replace(some, hashes)
