"""The question "what did our messages do?": check the arguments, count recipients, compute rates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from journeys.analyses.messages.count import count
from journeys.analyses.messages.result import Messages
from journeys.analyses.messages.spec import Counted, Credit, MessagesSpec, check_options, resolve_stages
from journeys.analyses.messages.summarise import summarise
from journeys.analyses.money import check_currency, currency_column
from journeys.analyses.protocol import J
from journeys.errors import Problems
from journeys.steps import StepLike, duration_us, resolve_step

_MESSAGE = "delivery_id"


def messages(
    journeys: J,
    goal: StepLike | None = None,
    *,
    by: str | None = "campaign_id",
    within: str | timedelta = "5d",
    credit: Credit = "clicked or read",
    conversions: Counted = "first",
    value: str | None = None,
    message: str | None = None,
    stages: Mapping[str, StepLike] | None = None,
) -> Messages[J]:
    """Follow messages from sent to delivered, read, clicked and converted, per campaign.

    Parameters
    ----------
    goal : str, list of str, pl.Expr or Step, optional
        The event of converting.
    by : str, optional
        The column of the events of messages that groups them, such as "campaign_id" or "subject"; None for one group.
    within : str or timedelta
        How long after a touch a conversion counts, inclusive; five days, as usual for e-mail. "session" is
        not accepted, since messages arrive between sessions.
    credit : {"clicked or read", "clicked", "read", "delivered"}
        The stages that are touches. Opens by machines never are; "delivered" is view-through.
    conversions : {"first", "every"}
        Whether the first conversion after a touch counts, or every one.
    value : str, optional
        A numeric column with the value of the conversion. A column "currency" must name one currency only.
    message : str, optional
        The column with the id of a message; "delivery_id" by default, if the log has it.
    stages : mapping of str to step, optional
        The events of each stage, "sent", "delivered", "bounced", "opened" (any open, machines included), "read" (by a
        human), "clicked", "unsubscribed"; by default those that the readers name "Received Email", "Read Email", …

    Returns
    -------
    Messages
        `.table` has one row per group: people per stage, rates with Wilson intervals, and with a goal `already`,
        `pending`, `eligible`, `converted`, `conversions`, `rate`, `value`. `.people(value, stage=..., converted=...)`;
        `.against("not sent")`.

    Raises
    ------
    UnknownNameError
        When an event, a column or a stage does not exist.
    ArgumentError
        When an option is invalid, the log has no messages, or values are in several currencies.

    Notes
    -----
    Rows of one id are one message; without an id, rows of one person and group within 24 hours are. Stages count each
    person of a group once. Who opened, read or clicked was reached, even if no delivery was recorded; where the log has
    no deliveries at all, what was sent and did not bounce counts. A conversion belongs to the latest touch at or before
    it, of any group, if that is at most `within` older. `already` are people who had converted before the group's first
    message: with conversions="first" they are in no later column. `pending` are people who could not be watched for
    `within` after the group's first message. Of those delivered, the rest is `eligible`, and `converted`, `conversions`
    and `value` are theirs. A rate of those who read and one of those delivered differ by the rate of reading: compare
    like with like. Credit does not show what people would have done without the message.

    References
    ----------
    The rules of credit follow Fivetran's model of Klaviyo (dbt_klaviyo, Apache-2.0): reads and clicks are eligible,
    120 hours for e-mail, and a new eligible touch takes over.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> rows = [("a", 1, "Received Email"), ("a", 2, "Clicked Email"), ("a", 3, "Paid"), ("b", 1, "Received Email"),
    ...     ("b", 9, "Loaded a Page")]
    >>> log = pl.DataFrame(rows, schema=["person", "day", "event"], orient="row")
    >>> log = log.select("person", "event", timestamp=pl.format("2026-03-0{}", "day"))
    >>> m = jn.Journeys.from_table(log).messages("Paid", by=None)
    >>> m.table.select("delivered", "clicked", "eligible", "converted", "rate").rows()
    [(2, 1, 2, 1, 0.5)]
    """
    log = journeys._log
    message = _MESSAGE if message is None and _MESSAGE in log.schema else message
    problems = Problems()
    options = {"by": by, "message": message, "value": value}
    problems.run_check(
        lambda: check_options(log, **options, credit=credit, conversions=conversions, has_goal=goal is not None)
    )
    step = problems.run_check(lambda: resolve_step(goal, log, argument="goal"))
    instead = "messages arrive between sessions; write a duration such as '5d'" if within == "session" else None
    window = problems.run_check(lambda: duration_us(within, argument="within", instead=instead))
    stage_steps = problems.run_check(lambda: resolve_stages(log, stages))
    problems.raise_found()
    assert window is not None and stage_steps is not None  # noqa: S101, PT018  # otherwise raised above
    spec = MessagesSpec(
        stages=stage_steps,
        goal=step,
        by=by,
        message=message,
        within=window,
        touch=tuple(credit.split(" or ")),
        every=conversions == "every",
        until=journeys._until_us,
        value=value,
        currency=None if value is None else currency_column(log.schema),
    )
    counts = journeys._count_shards(count, spec)
    currency = check_currency(counts["currencies"].explode(empty_as_null=False).to_list(), argument="value")
    settings: dict[str, Any] = {"by": by}
    if step is not None:
        counted = None if conversions == "first" else conversions
        settings |= {"goal": step.name, "within": within, "credit": credit, "conversions": counted, "value": value}
        settings |= {"currency": currency}
    chosen = {name: setting for name, setting in settings.items() if setting is not None}
    return Messages(summarise(counts, spec), journeys._make_settings(**chosen), journeys, spec)
