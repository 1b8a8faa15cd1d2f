"""The question which campaign brings people, as a method of journeys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from journeys.api.selection import Selection
from journeys.errors import ArgumentError, UnknownNameError, closest, raise_all, unknown
from journeys.steps import StepLike, duration_us, resolve_step

if TYPE_CHECKING:
    from journeys.analyses.attribution import Attribution
    from journeys.analyses.attribution.counting import Repeats

__all__ = ["AsksAttribution"]

Model = Literal[
    "first", "last", "last_non_direct", "linear", "u", "j", "inverse_j", "time_decay", "participation", "custom",
    "markov", "shapley",
]  # fmt: skip


class AsksAttribution(Selection):
    """Thin methods: check the words, count, summarise."""

    def attribution(
        self,
        conversion: StepLike,
        *,
        model: Model = "last",
        by: str = "campaign",
        lookback: str | timedelta = "30d",
        repeats: Repeats = "collapse",
        value: str | None = None,
        half_life: str | timedelta = "7d",
        weights: Sequence[float] | None = None,
    ) -> Attribution:
        """Answer which campaign brings them: share each first conversion over the touches before it.

        Parameters
        ----------
        conversion : str, list of str, pl.Expr or Step
            The event that earns the credit; each person's first one counts.
        model : str
            "first", "last", "last_non_direct", "linear", "u" (40/20/40), "j" (20/20/60), "inverse_j" (60/20/20),
            "time_decay", "participation" (every touch earns the whole), "custom", "markov" or "shapley".
        by : str
            The column whose values are the touches; an event where it is null is none.
        lookback : str or timedelta
            How long before the conversion a touch may lie, the boundary included.
        repeats : {"collapse", "keep"}
            Whether equal touches next to each other are one.
        value : str, optional
            A numeric column with what the conversion is worth; shared like the conversions.
        half_life : str or timedelta
            For "time_decay": a touch this much older earns half as much.
        weights : sequence of three floats, optional
            For "custom": the share of the first touch, of those in between together, and of the last.

        Returns
        -------
        Attribution
            `.table`: the touch, `credit` (conversions), `share`, `touched`, `converted` (people), `conversion_rate`,
            `value`; `.paths`; `.people(touch)`.

        Raises
        ------
        UnknownNameError
            When the event or a column is not there.
        ArgumentError
            When an option cannot be meant; all that are wrong are named.

        Notes
        -----
        Credits add up to the conversions ("participation" apart, which counts each as often as it has touches);
        conversions without a touch are "(none)". Attribution shares out what happened; it does not say what
        would have happened without a campaign. "markov" follows Anderl et al. (2016) and "shapley" Zhao et al.
        (2018); do not use "markov" on fewer than some hundred conversions, where its shares jump about.

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
        from journeys.analyses.attribution import MODELS, AttributionSpec, count, summarise
        from journeys.analyses.attribution.counting import Repeats
        from journeys.analyses.result import settings_of

        schema = self.log.schema
        problems = [
            unknown(argument, name, available=schema.names(), what="column")
            for argument, name in (("by", by), ("value", value))
            if name is not None and name not in schema
        ]
        raise_all(problems, UnknownNameError)
        if value is not None and not schema[value].is_numeric():
            problems.append(f"value: column {value!r} is {schema[value]}, expected numbers.")
        if model not in MODELS:
            near = closest(model, MODELS)
            hint = f"did you mean {near[0]!r}? " if near else ""
            problems.append(f"model: {model!r} is none; {hint}there are {', '.join(map(repr, get_args(Model)))}.")
        if repeats not in get_args(Repeats):
            problems.append(f"repeats: {repeats!r} must be 'collapse' or 'keep'.")
        if model == "custom" and (weights is None or len(weights) != 3 or min(weights) < 0 or sum(weights) <= 0):
            problems.append(f"weights: {weights!r} must be three numbers, none below zero: first, between, last.")
        if model != "custom" and weights is not None:
            problems.append(f"weights: {weights!r} goes with model='custom' only.")
        raise_all(problems, ArgumentError)
        goal = resolve_step(conversion, names=self.log.names, columns=self.log.step_columns, argument="conversion")
        spec = AttributionSpec(goal, by, duration_us(lookback, argument="lookback"), repeats, value)
        settings = settings_of(
            self, conversion=goal.name, model=model, by=by, lookback=lookback, repeats=repeats, value=value
        )
        return summarise(
            self.run(count, spec),
            spec,
            asked=self,
            model=model,
            half_life=duration_us(half_life, argument="half_life"),
            custom=weights,
            settings=settings,
        )
