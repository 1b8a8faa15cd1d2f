"""The question "which campaign gets the credit?": check the arguments, count the paths, share the credit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from journeys.analyses.attribution.count import collect_paths, count
from journeys.analyses.attribution.result import Attribution
from journeys.analyses.attribution.spec import AttributionSpec, Conversions, Model, Repeats, parse_attribution
from journeys.analyses.attribution.summarise import summarise_paths, summarise_touches
from journeys.analyses.money import check_currency
from journeys.analyses.periods import describe_period
from journeys.analyses.protocol import J
from journeys.steps import Moment, StepLike


def attribution(
    journeys: J,
    goal: StepLike,
    *,
    model: Model = "last",
    by: str = "campaign",
    lookback: str | timedelta = "30d",
    conversions: Conversions = "first",
    leave_out: Sequence[str] = (),
    repeats: Repeats = "collapse",
    value: str | None = None,
    half_life: str | timedelta = "7d",
    weights: Sequence[float] | None = None,
    converted: tuple[Moment, Moment] | None = None,
    time_zone: str = "UTC",
) -> Attribution[J]:
    """Share the credit for conversions among the touchpoints before them.

    Parameters
    ----------
    goal : str, list of str, pl.Expr or Step
        The event that earns the credit; each person's first one counts, unless `conversions` says otherwise.
    model : str
        "first", "last", "last_non_direct", "linear", "u" (40/20/40), "j" (20/20/60), "inverse_j" (60/20/20),
        "time_decay", "participation" (every touchpoint gets full credit), "custom", "markov" or "shapley".
    by : str
        The column whose values are the touchpoints; events where it is null are none.
    lookback : str or timedelta
        How long before the conversion a touchpoint may lie, inclusive.
    conversions : {"first", "every", "every since the one before"}
        Whether a person's first conversion counts, or every one: each with all touchpoints of its look-back, or only
        with those since the person's conversion before it (for short "since the one before").
    leave_out : sequence of str
        Values of `by` that are no touchpoints, such as ["Direct"]. They are left out before credit is shared, so that
        the others get it.
    repeats : {"collapse", "keep"}
        Whether equal touchpoints next to each other count once.
    value : str, optional
        A numeric column with the value of the conversion; shared like the conversions. Refunds may be negative. A
        column "currency" must name one currency only: amounts are never converted.
    half_life : str or timedelta
        For "time_decay": a touchpoint this much older gets half the credit.
    weights : sequence of three floats, optional
        For "custom": the share of the first touchpoint, of those in between together, and of the last.
    converted : tuple of (start, end), optional
        Only conversions from `start` on and before `end`, unless only the first of each person counts and it was
        earlier; touchpoints may lie before `start`. See also `Attribution.compare`.
    time_zone : str
        The zone of `converted`.

    Returns
    -------
    Attribution
        `.table`: the touchpoint, `credit` (conversions), `share`, `touched`, `converted` (people), `conversion_rate`,
        `conversions` (of the people touched), `influenced` (conversions with the touchpoint in their path), and with a
        value `value` and `value_per_conversion`; `.paths`; `.people(touch)`; `.compare_models()`; `.with_costs(costs)`.

    Raises
    ------
    UnknownNameError
        When the event, a column or a value to leave out does not exist.
    ArgumentError
        When an option is invalid (all that are invalid are named), values are in several currencies, or "markov" is
        asked of more than 2,000 touchpoints.

    Notes
    -----
    Credits add up to the conversions, except for "participation", which counts each conversion once per touchpoint;
    conversions without a touchpoint are "(none)". `influenced` may add up to more than the conversions, because one
    conversion has several touchpoints. Paths end with a conversion, or with the last touchpoint of a person who
    never converted; what a person was touched by after the last conversion counts nowhere. Attribution divides up
    what happened; it does not show what would have happened without a campaign. The credits of the parts of a
    period add up to those of the period, except with "markov". "markov" follows Anderl et al. (2016) and "shapley"
    Zhao et al. (2018); do not use "markov" with fewer than a few hundred conversions, where its shares are
    unstable.

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
    spec = parse_attribution(
        journeys, goal, model=model, by=by, lookback=lookback, conversions=conversions, leave_out=leave_out,
        repeats=repeats, value=value, half_life=half_life, weights=weights, converted=converted, time_zone=time_zone,
    )  # fmt: skip
    return _answer_question(journeys, spec, lookback)


def _answer_question(journeys: J, spec: AttributionSpec, lookback: str | timedelta) -> Attribution[J]:
    """Count and summarise an attribution whose options are checked; the settings show `lookback` as it was given."""
    counts = journeys._count_shards(count, spec)
    currency = None
    if spec.value is not None:
        currency = check_currency(counts["currencies"].explode(empty_as_null=False), argument="value")
    paths = collect_paths(counts)
    has_period = spec.converted != (None, None)
    optional = {
        "conversions counted": None if spec.conversions == "first" else spec.conversions,
        "leave_out": spec.leave_out or None,
        "currency": currency,
        "converted": describe_period(spec.converted, time_zone=spec.time_zone) if has_period else None,
    }
    settings = journeys._make_settings(
        goal=spec.goal.name,
        model=spec.model,
        by=spec.by,
        lookback=lookback,
        repeats=spec.repeats,
        value=spec.value,
        **{name: chosen for name, chosen in optional.items() if chosen is not None},
    )
    settings["conversions"] = paths.path_of.size
    table = summarise_touches(paths, spec)
    return Attribution(table, settings, journeys, summarise_paths(paths), spec, paths, _answer_question)
