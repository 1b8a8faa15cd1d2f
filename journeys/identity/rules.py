"""The rules of stitching, checked, presets as vendors document theirs, and the one way to write an identifier."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal, Never, Self, cast, get_args

import polars as pl

from journeys.errors import ArgumentError, find_closest, raise_all
from journeys.events.placeholder_values import PLACEHOLDER_IDS

_BY_TIME: Final[dict[str, Any]] = {"joins_known": (), "order": "time", "mailboxes": (), "max_users": None}

SEGMENT: Final[dict[str, Any]] = {
    **_BY_TIME,
    "limits": {"*": 5},
    "unlisted_order": "name",
    "overflow_policy": "trim",
    "shared": "keep",
    "junk": (r"^[0\-]*$", r"^-1$", r"^null$", r"^anonymous$"),
}
"""Segment Unify: limits of 1 and 5; an event that does not fit loses its least trusted identifier."""

MIXPANEL: Final[dict[str, Any]] = {**_BY_TIME, "shared": "keep"}
"""Mixpanel's simplified merge: a device belongs to the first user seen on it."""

MIXPANEL_ORIGINAL: Final[dict[str, Any]] = {**MIXPANEL, "joins_known": ("merge",), "max_ids": 500}
"""Mixpanel's original merge: clusters of at most 500 identifiers; a merge joins known users."""

AMPLITUDE: Final[dict[str, Any]] = {**_BY_TIME, "shared": "previous"}
"""Amplitude: an anonymous event belongs to the last user known on the device before it."""

POSTHOG: Final[dict[str, Any]] = {
    **_BY_TIME,
    "joins_known": ("merge",),
    "shared": "keep",
    "junk": (
        r"(?i)^(anonymous|guest|distinctid|distinct_id|id|not_authenticated|email|undefined|true|false)$",
        r"^(\[object Object\]|NaN|None|none|null|0)$",
    ),
}
"""PostHog: identify and alias merge the anonymous person unless it is known; a merge always does."""

SNOWPLOW: Final[dict[str, Any]] = {**_BY_TIME, "shared": "last", "named_event_owner": "follow"}
"""Snowplow's web model: every event of a device belongs to its latest user."""

RUDDERSTACK: Final[dict[str, Any]] = {"exclusive": (), "mailboxes": (), "max_users": None}
"""RudderStack's plain graph: all that is linked, over any number of links, is one person."""


Shared = Literal["next", "previous", "first", "last", "drop", "keep"]
Order = Literal["trust", "time"]
UnlistedOrder = Literal["source", "name"]
OverflowPolicy = Literal["pairs", "trim"]
NamedEventOwner = Literal["keep", "follow"]
PlusTags = Literal["keep", "drop"]

SHARED_MAILBOXES: tuple[str, ...] = (
    (
        r"^(info|contact|hello|office|sales|support|help|helpdesk|admin|administrator|team|billing|marketing|newsletter|"
        r"webmaster|postmaster|accounts?|accounting|hr|jobs|careers|enquiries|inquiries|reception|service)(\+[^@]*)?@"
    ),
)
"""E-mail addresses that several people read: they link nothing."""


class _Limits(dict[str, int]):
    """A read-only mapping, so that rules are a value: equal, hashable, stored as JSON."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type, tuple[dict[str, int]]]:
        return type(self), (dict(self),)

    def _refuse_change(self, *_: object, **__: object) -> Never:
        raise TypeError("limits: rules are a fixed value; make others with dataclasses.replace(rules, limits={...}).")

    __setitem__ = __delitem__ = __ior__ = clear = pop = popitem = setdefault = update = _refuse_change


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityRules:
    """Which evidence makes two identifiers one person, and what happens where evidence conflicts.

    Links are taken one after another, in an order that does not depend on the order of the input. A link that
    would give a person two values of an exclusive type (or more than a limit allows) is refused and recorded.

    Parameters
    ----------
    exclusive : sequence of str
        Identifier types of which a person has one value. If no source has any of them, the first identifier of each
        `read_table` is exclusive; an empty tuple makes none.
    joins_known : sequence of str
        Kinds of explicit links (``"alias"``, ``"merge"``) that join two people although both have an exclusive value.
    priority : sequence of str
        Identifier types, most trusted first.
    unlisted_order : {"source", "name"}
        The order of the types that `priority` does not list: as the sources give them, or by name.
    limits : mapping of str to int
        Most values of a type that one person may have; ``"*"`` stands for the types that are not named.
    max_ids : int, optional
        Most identifiers of all types that one person may have.
    max_users : int, optional
        An identifier that meets more values of one exclusive type than this belongs to a crowd (a kiosk, a shared
        mailbox): it links nothing, not by explicit links either, and its events are assigned by time.
    order : {"trust", "time"}
        Explicit links first, then the most trusted types, then time, then value; or time before all. An identifier of
        several people is linked by explicit links only, however early its rows are, unless `shared` is "keep".
    overflow_policy : {"pairs", "trim"}
        "pairs": any two identifiers of a row are a link of their own. "trim": a row is one link; where it exceeds a
        limit, its least trusted identifier is left out and the rest tried again.
    shared : {"next", "previous", "first", "last", "drop", "keep"}
        Who gets an anonymous event on an identifier of several people: the next person known on it (else the last
        before), the last one before (else the next), the first ever, the last ever, or quarantine. A person is known
        on it by the other identifiers of a row. Such an identifier links nothing anonymous: an anonymous identifier
        that was seen only there belongs to the person whom the rule names for its first moment there ("drop" names
        none: it stays a person of its own). With "keep" whatever was linked first holds: the identifier belongs to
        that person with all anonymous events, and links on.
    named_event_owner : {"keep", "follow"}
        Whether an event that names its user stays with this user, or follows the device.
    junk : sequence of str
        Regular expressions of placeholder values ("null", "anonymous", zeros), which neither link nor identify anybody.
    mailboxes : sequence of str
        Regular expressions of e-mail addresses that several people read, whatever they are seen with.
    emails : sequence of str
        Identifier types that hold e-mail addresses.
    plus_tags : {"keep", "drop"}
        Whether ``ann+news@x.org`` is another address than ``ann@x.org``.
    fold_case : sequence of str
        Further types whose values differ only by case are the same; e-mails and UUIDs always are.
    hash_emails : bool
        Show e-mail addresses only as SHA-256 of `salt` and address: identifiers of the types in `emails`, and every
        value of a text column of events, people, accounts and quarantine that is an address as a whole; so are
        placeholder values. Not hashed are identifiers of other types (name such a type in `emails`, too), addresses
        inside longer texts (a URL, JSON), and what the readers return.
    salt : str
        A secret that keeps hashed addresses from being looked up.

    Raises
    ------
    ArgumentError
        When values are invalid; all of them are reported together.

    Examples
    --------
    >>> from journeys.identity import IdentityRules
    >>> IdentityRules(limits={"anonymous_id": 50}, shared="drop")
    IdentityRules(limits={'anonymous_id': 50}, shared='drop')
    >>> IdentityRules.amplitude().shared
    'previous'
    """

    exclusive: Sequence[str] = ("user_id",)
    joins_known: Sequence[str] = ("alias", "merge")
    priority: Sequence[str] = ("user_id", "email")
    unlisted_order: UnlistedOrder = "source"
    limits: Mapping[str, int] = field(default_factory=_Limits)
    max_ids: int | None = None
    max_users: int | None = 10
    order: Order = "trust"
    overflow_policy: OverflowPolicy = "pairs"
    shared: Shared = "next"
    named_event_owner: NamedEventOwner = "keep"
    junk: Sequence[str] = tuple(PLACEHOLDER_IDS)
    mailboxes: Sequence[str] = SHARED_MAILBOXES
    emails: Sequence[str] = ("email",)
    plus_tags: PlusTags = "keep"
    fold_case: Sequence[str] = ()
    hash_emails: bool = False
    salt: str = ""

    def __post_init__(self) -> None:
        problems = [
            f"{name}: {getattr(self, name)!r} is none of {', '.join(map(repr, allowed))}."
            for name, allowed in _CHOICES.items()
            if not any(getattr(self, name) is one or getattr(self, name) == one for one in allowed)
        ]
        for name in _SEQUENCES:
            found = _as_names(getattr(self, name))
            if found is None:
                problems.append(f"{name}: expected a sequence of names, got {getattr(self, name)!r}; write a tuple.")
            object.__setattr__(self, name, found or ())
        problems += [f"{name}: {why}" for name in ("junk", "mailboxes") for why in _bad_patterns(getattr(self, name))]
        for kind in self.joins_known:
            if kind not in _KINDS:
                near = find_closest(kind, _KINDS)
                hint = f"did you mean {near[0]!r}?" if near else "there are 'alias' and 'merge'."
                problems.append(f"joins_known: no kind of explicit link {kind!r}; {hint}")
        if not isinstance(self.salt, str):
            problems.append(f"salt: expected a text, got {type(self.salt).__name__}.")
        numbers = {"max_ids": self.max_ids, "max_users": self.max_users}
        if isinstance(self.limits, Mapping) and all(isinstance(name, str) for name in self.limits):
            object.__setattr__(self, "limits", _Limits(self.limits))
            numbers |= {f"limits[{name!r}]": limit for name, limit in self.limits.items()}
            problems += [
                f"limits[{name!r}]: {limit!r} is not valid, since {name} is exclusive: a person has one."
                for name, limit in self.limits.items()
                if name in self.exclusive and limit != 1
            ]
        else:
            problems.append(f"limits: expected a mapping from identifier type to number, got {self.limits!r}.")
        problems += [
            f"{name}: {value!r} is not a whole number of at least 1."
            for name, value in numbers.items()
            if not _is_count(value) and (value is not None or name.startswith("limits"))
        ]
        raise_all(problems, ArgumentError)

    def __repr__(self) -> str:
        default = IdentityRules()
        chosen = [
            f"{one.name}={getattr(self, one.name)!r}"
            for one in fields(self)
            if one.name != "salt" and getattr(self, one.name) != getattr(default, one.name)
        ]
        return f"IdentityRules({', '.join(chosen)})"

    @property
    def identifying_types(self) -> tuple[str, ...]:
        """The types that make a person known: the exclusive ones; where there are none, the most trusted."""
        return tuple(self.exclusive or self.priority[:1])

    def limit(self, id_type: str) -> int | None:
        """Return the most values of a type that a person may have; None when there is no limit.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules().limit("user_id"), IdentityRules().limit("email")
        (1, None)
        """
        if id_type in self.exclusive:
            return 1
        return self.limits.get(id_type, self.limits.get("*"))

    @classmethod
    def segment(cls) -> Self:
        """Follow Segment Unify: limits of 1 and 5; an event that does not fit loses its least trusted identifier.

        Differs from Segment: limits count all of the past (Segment can limit by period), and events are taken in the
        order of their time, not of their arrival.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.segment().limit("email")
        5
        """
        return cls(**SEGMENT)

    @classmethod
    def mixpanel(cls) -> Self:
        """Follow Mixpanel's simplified merge: a device belongs to the first user on it; known users never merge.

        Differs from Mixpanel: e-mails and other identifier types link as well, if the sources have them.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.mixpanel().joins_known
        ()
        """
        return cls(**MIXPANEL)

    @classmethod
    def mixpanel_original(cls) -> Self:
        """Follow Mixpanel's original merge: clusters of at most 500 identifiers; a merge joins known users.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.mixpanel_original().max_ids
        500
        """
        return cls(**MIXPANEL_ORIGINAL)

    @classmethod
    def amplitude(cls) -> Self:
        """Follow Amplitude: an anonymous event is the user's last known on the device; before a login, the first's.

        Differs from Amplitude: people are numbered by us; no id is assigned first and merged later.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.amplitude().named_event_owner
        'keep'
        """
        return cls(**AMPLITUDE)

    @classmethod
    def posthog(cls) -> Self:
        """Follow PostHog: identify and alias merge the anonymous person unless it is known; a merge always does.

        Differs from PostHog: what was merged is the same for all events, also for those from before the merge
        (PostHog with person profiles on events shows the person of that time); and an id that is identified itself
        counts as identified from the start.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.posthog().joins_known
        ('merge',)
        """
        return cls(**POSTHOG)

    @classmethod
    def snowplow(cls) -> Self:
        """Follow Snowplow's web model: every event of a device belongs to its latest user, even if it names another.

        Differs from Snowplow: an event without a device stays with the user that it names (there it stays unstitched).

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.snowplow().named_event_owner
        'follow'
        """
        return cls(**SNOWPLOW)

    @classmethod
    def rudderstack(cls) -> Self:
        """Follow RudderStack's plain graph: all that is linked, over any number of links, is one person.

        Not for data with shared devices: known users merge through them.

        Examples
        --------
        >>> from journeys.identity import IdentityRules
        >>> IdentityRules.rudderstack().exclusive
        ()
        """
        return cls(**RUDDERSTACK)


_CHOICES: dict[str, tuple[object, ...]] = {
    "order": get_args(Order),
    "unlisted_order": get_args(UnlistedOrder),
    "overflow_policy": get_args(OverflowPolicy),
    "shared": get_args(Shared),
    "named_event_owner": get_args(NamedEventOwner),
    "plus_tags": get_args(PlusTags),
    "hash_emails": (True, False),
}
_SEQUENCES = ("exclusive", "joins_known", "priority", "junk", "mailboxes", "emails", "fold_case")
_KINDS = ("alias", "merge")


def _as_names(names: object) -> tuple[str, ...] | None:
    """Return a tuple of names; None for anything else."""
    if isinstance(names, str | Mapping) or not isinstance(names, Iterable):
        return None
    found = tuple(names)
    return found if all(isinstance(name, str) for name in found) else None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _bad_patterns(patterns: Sequence[str]) -> list[str]:
    """Describe the patterns that are not regular expressions."""
    found = []
    for pattern in patterns:
        try:
            pl.Series([""]).str.contains(pattern)
        except pl.exceptions.ComputeError as error:
            why = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
            found.append(f"{pattern!r} is not a regular expression ({'; '.join(why) or 'it cannot be parsed'}).")
    return found


def check_rules(rules: object) -> None:
    """Refuse what is not `IdentityRules`: a preset's name, or a preset that was not called."""
    if rules is None or isinstance(rules, IdentityRules):
        return
    known = [name for name, made in vars(IdentityRules).items() if isinstance(made, classmethod)]
    name = rules if isinstance(rules, str) else getattr(rules, "__name__", "")
    near = find_closest(cast("Any", name).replace("-", "_"), known)
    hint = f"; write rules=jn.IdentityRules.{near[0]}()" if near else f"; presets are {', '.join(known)}"
    got = repr(rules) if isinstance(rules, str) else f"{type(rules).__name__} {name}".strip()
    raise ArgumentError(f"rules: expected IdentityRules, got {got}{hint}.")


_UUID = r"(?i)^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$"
_ADDRESS = r"(?i)^\s*(mailto:)?[^@\s]+@[^@\s]+\.[^@\s]+\s*$"


def normalise_values(values: pl.Expr, *, id_type: str, rules: IdentityRules) -> pl.Expr:
    """Write equal identifiers in one way: no blanks around them, "123.0" as "123", one case of e-mails and UUIDs."""
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
    return pl.select(normalise_values(pl.lit(values), id_type=id_type, rules=rules)).to_series()


_REASONS = {
    **PLACEHOLDER_IDS,
    "^$": "blank",
    # the presets' own patterns
    r"^[0\-]*$": "nothing but zeros",
    r"^null$": "a word for no value",
    r"^anonymous$": "a word for no value",
    r"(?i)^(anonymous|guest|distinctid|distinct_id|id|not_authenticated|email|undefined|true|false)$": (
        "a word for no value, or the name of a field"
    ),
    r"^(\[object Object\]|NaN|None|none|null|0)$": "a word for no value, or a mistake of the website's code",
}


def placeholder_reason(pattern: str) -> str:
    """Describe what a pattern of placeholders stands for.

    Examples
    --------
    >>> placeholder_reason(r"^-1$"), placeholder_reason("^visitor$")
    ('a number for no value', 'matches the rule ^visitor$')
    """
    return _REASONS.get(pattern, f"matches the rule {pattern}")


def matches_any(texts: pl.Series, patterns: Iterable[str]) -> pl.Series:
    """Flag texts that match any of the regular expressions; null stays null."""
    return texts.str.contains("|".join(f"(?:{pattern})" for pattern in patterns))


def find_placeholders(ids: pl.Series, *, rules: IdentityRules) -> pl.Series:
    """Return the `reason` why identifiers identify nobody; null for all others."""
    patterns = ["^$", *rules.junk]
    is_placeholder = matches_any(ids, patterns).fill_null(value=False)
    reason = pl.Series("reason", [None], dtype=pl.String).new_from_index(0, ids.len())
    if not is_placeholder.any():
        return reason
    first_match = pl.coalesce(
        pl.when(pl.col("id").str.contains(pattern)).then(pl.lit(placeholder_reason(pattern))) for pattern in patterns
    )
    reasons = ids.filter(is_placeholder).to_frame("id").select(first_match).to_series()
    return reason.scatter(is_placeholder.arg_true(), reasons)


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
    addresses = texts.filter(texts.str.contains("@", literal=True)).unique()
    addresses = addresses.filter(addresses.str.contains(_ADDRESS))
    if not addresses.len():
        return values
    id_type = rules.emails[0] if rules.emails else "email"
    plain = normalise_series(addresses, id_type=id_type, rules=rules)
    hashes = pl.Series([hash_email(text, salt=rules.salt) for text in plain], dtype=pl.String)
    return values.cast(pl.String).replace(addresses, hashes)
