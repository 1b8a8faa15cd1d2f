"""The question "which campaign gets the credit?": check the arguments, count the paths, share the credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from journeys.analyses.attribution.result import Attribution
from journeys.analyses.attribution.spec import AttributionSpec, Model, Repeats, check_options
from journeys.analyses.calendar import make_calendar
from journeys.analyses.periods import Moment, describe_period, parse_range
from journeys.analyses.protocol import J
from journeys.analyses.result import settings_of
from journeys.steps import StepLike, duration_us, resolve_step


def attribution(
    journeys: J,
    goal: StepLike,
    *,
    model: Model = "last",
    by: str = "campaign",
    lookback: str | timedelta = "30d",
    repeats: Repeats = "collapse",
    value: str | None = None,
    half_life: str | timedelta = "7d",
    weights: Sequence[float] | None = None,
    converted: tuple[Moment, Moment] | None = None,
    time_zone: str = "UTC",
) -> Attribution[J]:
    """Share the credit for each person's first conversion among the touchpoints before it.

    Parameters
    ----------
    goal : str, list of str, pl.Expr or Step
        The event that earns the credit; each person's first one counts.
    model : str
        "first", "last", "last_non_direct", "linear", "u" (40/20/40), "j" (20/20/60), "inverse_j" (60/20/20),
        "time_decay", "participation" (every touchpoint gets full credit), "custom", "markov" or "shapley".
    by : str
        The column whose values are the touchpoints; events where it is null are none.
    lookback : str or timedelta
        How long before the conversion a touchpoint may lie, inclusive.
    repeats : {"collapse", "keep"}
        Whether equal touchpoints next to each other count once.
    value : str, optional
        A numeric column with the value of the conversion; shared like the conversions.
    half_life : str or timedelta
        For "time_decay": a touchpoint this much older gets half the credit.
    weights : sequence of three floats, optional
        For "custom": the share of the first touchpoint, of those in between together, and of the last.
    converted : tuple of (start, end), optional
        Only conversions from `start` on and before `end`, of people who had not converted before; touchpoints may lie
        before `start`. See also `Attribution.compare`.
    time_zone : str
        The zone of `converted`.

    Returns
    -------
    Attribution
        `.table`: the touchpoint, `credit` (conversions), `share`, `touched`, `converted` (people), `conversion_rate`,
        `value`; `.paths`; `.people(touch)`.

    Raises
    ------
    UnknownNameError
        When the event or a column does not exist.
    ArgumentError
        When an option is invalid; all that are invalid are named.

    Notes
    -----
    Credits add up to the conversions, except for "participation", which counts each conversion once per touchpoint;
    conversions without a touchpoint are "(none)". Attribution divides up what happened; it does not show what would
    have happened without a campaign. The credits of the parts of a period add up to those of the period, except with
    "markov". "markov" follows Anderl et al. (2016) and "shapley" Zhao et al. (2018); do not
    use "markov" with fewer than a few hundred conversions, where its shares are unstable.

    Examples
    --------
    >>> import polars as pl, journeys as jn
    >>> log = pl.DataFrame(
    ...     {
    ...         "person": ["a", "a", "a", "b"],
    ...         "timestamp": ["2026-03-01", "2026-03-02", "2026-03-03", "2026-03-01"],
    ...         "event": ["Loaded a Page", "Loaded a Page", "Signed Up", "Loaded a Page"],
    ...         "campaign": ["spring", "newsletter", None, "spring"],
    ...     }
    ... )
    >>> a = jn.Journeys.from_table(log).attribution("Signed Up", model="linear")
    >>> a.table.select("campaign", "credit").rows()
    [('spring', 0.5), ('newsletter', 0.5)]
    """
    log = journeys._log
    check_options(log, by=by, value=value, model=model, repeats=repeats, weights=weights)
    spec = AttributionSpec(
        goal=resolve_step(goal, names=log.names, columns=log.step_columns, argument="goal"),
        by=by,
        lookback=duration_us(lookback, argument="lookback"),
        model=model,
        repeats=repeats,
        value=value,
        half_life=duration_us(half_life, argument="half_life"),
        weights=weights,
        converted=parse_range(
            converted, argument="converted", time_zone=make_calendar("1d", time_zone=time_zone).time_zone
        ),
        time_zone=time_zone,
    )
    return _answer(journeys, spec, {"lookback": lookback})


def _answer(journeys: J, spec: AttributionSpec, described: Mapping[str, Any]) -> Attribution[J]:
    """Count and summarise an attribution whose options are checked."""
    from journeys.analyses.attribution.count import count
    from journeys.analyses.attribution.summarise import summarise

    table, paths, conversions = summarise(journeys._count_shards(count, spec), spec)
    period = {}
    if spec.converted != (None, None):
        period["converted"] = describe_period(spec.converted, time_zone=spec.time_zone)
    settings = settings_of(
        journeys,
        goal=spec.goal.name,
        model=spec.model,
        by=spec.by,
        lookback=described["lookback"],
        repeats=spec.repeats,
        value=spec.value,
        **period,
    )
    return Attribution(table, {**settings, "conversions": conversions}, journeys, paths, spec, _answer)
