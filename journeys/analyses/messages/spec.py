"""What is asked of messages: their stages, their groups, and which conversions they get credit for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from journeys.analyses.money import check_column
from journeys.errors import ArgumentError, Problems, UnknownNameError, check_column_names, raise_all, unknown_message
from journeys.log import Log
from journeys.steps import Step, StepLike, resolve_step, step

Stage = Literal["sent", "delivered", "bounced", "opened", "read", "clicked", "unsubscribed"]
Credit = Literal["clicked or read", "clicked", "read", "delivered"]
Counted = Literal["first", "every"]
STAGES: tuple[Stage, ...] = get_args(Stage)
ARRIVED: tuple[Stage, ...] = ("delivered", "opened", "read", "clicked", "unsubscribed")
"""The stages that show that a message was delivered."""
DAY = 86_400_000_000

# How the readers name what happened to a message: verb and object, "Received Email".
_VERBS: dict[Stage, tuple[str, ...]] = {
    "sent": ("Sent",),
    "delivered": ("Received", "Delivered"),
    "bounced": ("Bounced",),
    "opened": ("Opened",),
    "read": ("Read",),
    "clicked": ("Clicked", "Followed"),
    "unsubscribed": ("Unsubscribed from",),
}
_OBJECTS = ("Email", "Push", "SMS", "In-App Message", "WhatsApp Message", "Slack Message", "Message", "Messages")


@dataclass(frozen=True, eq=False, slots=True)
class MessagesSpec:
    """The options of a question about messages, checked.

    Attributes
    ----------
    stages : dict of str to Step
        The events of each stage.
    goal : Step, optional
        The event of converting.
    by : str, optional
        The column of the events of messages that groups them.
    message : str, optional
        The column with the id of a message.
    within : int
        How long after a touch a conversion counts, in microseconds.
    touch : tuple of str
        The stages that earn credit.
    every : bool
        Whether every conversion after a touch counts, or the first.
    until : int
        The end of the observation, in microseconds.
    value, currency : str, optional
        The columns with the value of a conversion, and with its currency.
    """

    stages: Mapping[Stage, Step]
    goal: Step | None
    by: str | None
    message: str | None
    within: int
    touch: tuple[str, ...]
    every: bool
    until: int
    value: str | None
    currency: str | None


def check_options(
    log: Log, *, by: str | None, message: str | None, credit: str, conversions: str, value: str | None, has_goal: bool
) -> None:
    """Raise one error that lists every invalid option."""
    schema = log.schema
    for argument, name in (("by", by), ("message", message), ("value", value)):
        check_column_names(argument, name)
    found = Problems()
    found.unknown_names += [
        unknown_message(argument, name, available=schema.names(), what="column")
        for argument, name in (("by", by), ("message", message))
        if name is not None and name not in schema
    ]
    about_value = found.invalid_values if value in schema else found.unknown_names
    about_value += check_column(value, schema=schema, argument="value")
    problems = found.invalid_values
    for argument, given, kind in (("credit", credit, Credit), ("conversions", conversions, Counted)):
        if given not in get_args(kind):
            valid = ", ".join(map(repr, get_args(kind)))
            problems.append(f"{argument}: {given!r} is not valid; available are {valid}.")
    if value is not None and not has_goal:
        problems.append(f"value: {value!r} is the value of a conversion; say which with goal=.")
    found.raise_found()


def resolve_stages(log: Log, stages: Mapping[str, StepLike] | None) -> dict[Stage, Step]:
    """Return the events of each stage, by default those that the readers name "Received Email", "Read Email", …

    Raise ArgumentError when the log has no event of a message that arrived. Raise UnknownNameError when there is no
    such stage or event.
    """
    if stages is not None:
        if not isinstance(stages, Mapping):
            raise ArgumentError(
                f"stages: {stages!r} must be a mapping of stages to events, such as {{'clicked': 'Clicked Email'}}."
            )
        wrong = [name for name in stages if name not in STAGES]
        raise_all([unknown_message("stages", wrong, available=STAGES, what="stage")] if wrong else [], UnknownNameError)
        found = {stage: resolve_step(stages[stage], log, argument="stages") for stage in STAGES if stage in stages}
    else:
        found = {stage: step(stage, names) for stage in STAGES if (names := _names_of(stage, log.names))}
    if log.names and not any(stage in found for stage in ("sent", *ARRIVED)):
        raise ArgumentError(
            "messages: the log has no events such as 'Received Email' or 'Clicked Email'; name them with "
            "stages={'delivered': ..., 'clicked': ...}."
        )
    return found


def _names_of(stage: Stage, names: Sequence[str]) -> list[str]:
    known = {f"{verb} {noun}" for verb in _VERBS[stage] for noun in _OBJECTS}
    return [name for name in names if name in known]
