"""Words of event names: their verbs and tenses, and names that are nearly the same."""

from __future__ import annotations

import re
from collections.abc import Iterable


def split_words(name: str) -> list[str]:
    """Split a name into its words, in whatever style it is written.

    Examples
    --------
    >>> split_words("signedUp"), split_words("signed_up"), split_words("Signed Up")
    (['signed', 'Up'], ['signed', 'up'], ['Signed', 'Up'])
    >>> split_words("iOS App Opened")
    ['iOS', 'App', 'Opened']
    """
    # Not after the first letter: "iOS" and "eBook" are words.
    spaced = re.sub(r"(?<=[A-Za-z0-9][a-z0-9])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[\W_]+", spaced) if word]


def near_duplicates(names: Iterable[str]) -> list[list[str]]:
    """Group names that are probably one event: they differ only in style and tense.

    Examples
    --------
    >>> near_duplicates(["signup", "Sign Up", "signed_up", "Created Project"])
    [['Sign Up', 'signed_up', 'signup']]
    """
    groups: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        key = "".join(_stem_word(word.lower()) for word in split_words(name))
        groups.setdefault(key or name, []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _stem_word(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            stem = word.removesuffix(ending)
            # "planned" and "plan": the doubled letter belongs to the ending.
            return stem[:-1] if len(stem) > 3 and stem[-1] == stem[-2] and stem[-1] not in "ls" else stem
    return word


# Bare form → past, where the rule would get it wrong.
IRREGULAR = {
    "become": "became",
    "begin": "began", "buy": "bought", "bring": "brought", "build": "built", "choose": "chose", "do": "did",
    "draw": "drew", "find": "found", "forget": "forgot", "get": "got", "give": "gave", "go": "went", "hear": "heard",
    "hide": "hid", "hold": "held", "keep": "kept", "know": "knew", "leave": "left", "lose": "lost", "make": "made",
    "meet": "met", "pay": "paid", "put": "put", "read": "read", "reset": "reset", "run": "ran", "say": "said",
    "see": "saw", "sell": "sold", "send": "sent", "set": "set", "spend": "spent", "split": "split", "take": "took",
    "teach": "taught", "tell": "told", "think": "thought", "undo": "undid", "win": "won", "write": "wrote",
}  # fmt: skip
REGULAR = frozenset(
    """
    accept activate add adjust answer apply approve archive ask assign attach attempt authorize book
    bookmark bounce browse cancel change check choose claim clear click clone close comment complete
    configure confirm connect contact convert copy create customize decline defer delete deliver deny
    disable dismiss display downgrade download drag drop duplicate earn edit enable end enroll enter exit
    expand expire export fail favorite filter finish flag follow format generate hover identify impersonate
    import install invite join label launch like link load log mark mention merge message move mute
    name navigate notify offer open order pause pin place play post press preview print process publish
    purchase push rate reach react receive redeem refer refresh refund register reject remind remove rename
    renew reorder reply report request reschedule resend resize resolve restore resume retry return review
    save schedule scroll search select share ship show sign skip snooze sort start stop stream
    submit subscribe suggest suspend swipe switch sync tag tap test toggle track transfer travel trigger try turn
    type unfollow uninstall unlink unlock unsubscribe update upgrade upload use validate verify view visit
    vote wait watch withdraw
    """.split()  # noqa: SIM905
)
PREPOSITIONS = frozenset({"from", "to", "for"})
PARTICLES = frozenset({"up", "in", "out", "off", "on"}) | PREPOSITIONS
FUSED = {
    "signup": ("sign", "up"), "signin": ("sign", "in"), "signout": ("sign", "out"), "login": ("log", "in"),
    "logout": ("log", "out"), "optin": ("opt", "in"), "optout": ("opt", "out"), "checkout": ("check", "out"),
}  # fmt: skip
PASTS = {past: bare for bare, past in IRREGULAR.items()}
VOWELS = "aeiou"


def to_past_tense(verb: str) -> str:
    """Put a verb into the past tense, as it is spelled in the US.

    Examples
    --------
    >>> [to_past_tense(verb) for verb in ("create", "apply", "drag", "play", "send", "edit", "cancel")]
    ['created', 'applied', 'dragged', 'played', 'sent', 'edited', 'canceled']
    """
    if verb in IRREGULAR:
        return IRREGULAR[verb]
    if verb.endswith("e"):
        return verb + "d"
    if verb.endswith("y") and verb[-2:-1] not in VOWELS:
        return verb[:-1] + "ied"
    # A short verb doubles its last consonant ("drag", "swap"), and so does one that is stressed at the end.
    short = re.fullmatch(r"[^aeiou]*[aeiou][^aeiouwxy]", verb) is not None
    if short or verb in ("submit", "refer", "defer", "transfer", "unpin"):
        return verb + verb[-1] + "ed"
    return verb + "ed"


# In the UK an l is doubled whatever the stress: "Cancelled", "Labelled", "Travelled".
DOUBLED_L = {f"{verb}led": verb for verb in REGULAR if re.search(r"[^aeiou][aeiou]l$", verb)}
PAST_OF_REGULAR = {to_past_tense(verb): verb for verb in REGULAR} | DOUBLED_L


def verb_of(word: str) -> str | None:
    """Find the bare verb of a word in any form; None when it is not a known verb.

    Examples
    --------
    >>> verb_of("Created"), verb_of("sent"), verb_of("clicks"), verb_of("watching"), verb_of("Project")
    ('create', 'send', 'click', 'watch', None)
    """
    low = word.lower()
    known = REGULAR | set(IRREGULAR)
    if low in PASTS:
        return PASTS[low]
    if low in PAST_OF_REGULAR:
        return PAST_OF_REGULAR[low]
    candidates = [low]
    if low.endswith("s"):
        candidates += [low[:-1], low[:-2]]
    if low.endswith("ing"):
        candidates += [low[:-3], low[:-3] + "e", low[:-4]]
    if low.endswith("ed"):
        candidates += [low[:-2], low[:-1], low[:-3]]
    return next((one for one in candidates if one in known), None)


def is_past(word: str) -> bool:
    """Is this word a known verb in the past tense?

    Examples
    --------
    >>> is_past("Canceled"), is_past("Cancelled"), is_past("Cancel")
    (True, True, False)
    """
    return word.lower() in PAST_OF_REGULAR or word.lower() in PASTS


def split_fused(words: list[str]) -> list[str]:
    """Split verbs that are written as one word ("signup"), unless there is another verb: then it is a noun.

    Examples
    --------
    >>> split_fused(["Signup"]), split_fused(["Signup", "Failed"])
    (['sign', 'up'], ['Signup', 'Failed'])
    """
    if any(is_past(word) for word in words):
        return words
    return [part for word in words for part in FUSED.get(word.lower(), (word,))]
