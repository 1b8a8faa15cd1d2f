"""Paths and their people → how much each touch earned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from journeys.analyses.attribution.counting import AttributionSpec, touched
from journeys.analyses.attribution.models import NONE, Path, credits_of
from journeys.analyses.result import Asked, Result
from journeys.errors import UnknownNameError, unknown

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from journeys.api import Journeys

__all__ = ["Attribution", "summarise"]


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Attribution(Result):
    """How much of the conversions each touch earned.

    Attributes
    ----------
    table : pl.DataFrame
        The touch in a column of the name asked for, then `credit` (conversions, Float64), `share` (of all
        conversions), `touched` (people with the touch in their path), `converted` (those of them who
        converted), `conversion_rate`, and `value` where a value column was given; highest credit first.
    paths : pl.DataFrame
        `path` (List[String]), `people`, `converted`, `conversion_rate`; most people first.
    """

    paths: pl.DataFrame
    spec: AttributionSpec

    @property
    def finding(self) -> str:
        """The touch that earned most, as one sentence."""
        from journeys.display import percent, the_count

        total = self.settings["conversions"]
        if not total:
            return f"Nobody did {self.spec.conversion.name}: there is no credit to share."
        top = self.table.row(0, named=True)
        if top[self.spec.by] == NONE:
            alone = f"{percent(top['share'])} of {the_count(total, 'conversion')} to {self.spec.conversion.name}"
            lead = f"{alone} came without any {self.spec.by.replace('_', ' ')}"
            named = self.table.filter((pl.col(self.spec.by) != NONE) & (pl.col("credit") > 0)).head(1).to_dicts()
            return lead + "".join(f"; {one[self.spec.by]} earns {percent(one['share'])}" for one in named) + "."
        return (
            f"{top[self.spec.by]} earns {percent(top['share'])} of {the_count(total, 'conversion')} to "
            f"{self.spec.conversion.name}."
        )

    def plot(self, *, dark: bool = False, narrow: bool = False) -> go.Figure:
        """Draw the credit of each touch as a bar."""
        from journeys.charts.attribution import draw
        from journeys.display import duration, plural

        model, total = self.settings["model"], self.settings["conversions"]
        subtitle = (
            f"Conversions earned and their share, by the model {model!r}, looking back {duration(self.spec.lookback)}; "
            f"{plural(total, 'conversion')} in all"
        )
        return draw(self.table, touch=self.spec.by, title=self.finding, subtitle=subtitle, dark=dark, narrow=narrow)

    def people(self, touch: str, *, converted: bool | None = None) -> Journeys:
        """Select the people who have a touch in their path.

        Parameters
        ----------
        touch : str
            A value of the table's first column; "(none)" are those who converted without any.
        converted : bool, optional
            Only those who converted, or only those who did not.

        Raises
        ------
        UnknownNameError
            When nobody has that touch.
        """
        there = self.table[self.spec.by].to_list()
        if touch not in there:
            raise UnknownNameError(unknown("touch", touch, available=there, what=self.spec.by))
        return self.asked.select(touched, replace(self.spec, touch=touch, converted=converted))


def summarise(
    counts: pl.DataFrame,
    spec: AttributionSpec,
    *,
    asked: Asked,
    model: str,
    half_life: int,
    custom: Sequence[float] | None,
    settings: Mapping[str, Any],
) -> Attribution:
    """Add the shards up and share the credit."""
    added = counts.group_by("path", "converted", maintain_order=True).agg(
        pl.col("people").sum(),
        pl.col("ages").explode(empty_as_null=False),
        pl.col("values").explode(empty_as_null=False),
    )
    paths = [
        Path(tuple(touches), done, people, ages, values) for touches, done, people, ages, values in added.iter_rows()
    ]
    paths.sort(key=lambda path: (path.touches, path.converted))
    credit = credits_of(model, paths=paths, half_life=half_life, custom=custom)
    total = sum(path.people for path in paths if path.converted)
    seen: dict[str, list[int]] = {}
    for path in paths:
        for touch in set(path.touches) or ({NONE} if path.converted else set()):
            counted = seen.setdefault(touch, [0, 0])
            counted[0] += path.people
            counted[1] += path.people if path.converted else 0
    table = pl.DataFrame(
        {
            spec.by: list(seen),
            "credit": [credit.get(touch, 0.0) for touch in seen],
            "touched": [people for people, _ in seen.values()],
            "converted": [done for _, done in seen.values()],
        },
        schema={spec.by: pl.String, "credit": pl.Float64, "touched": pl.Int64, "converted": pl.Int64},
    )
    table = table.select(
        spec.by,
        "credit",
        (pl.col("credit") / total if total else pl.lit(None, dtype=pl.Float64)).alias("share"),
        "touched",
        "converted",
        # those without a touch are counted only when they converted: they have no rate
        pl.when(pl.col(spec.by) != NONE).then(pl.col("converted") / pl.col("touched")).alias("conversion_rate"),
    )
    if spec.value:
        worth = credits_of(model, paths=paths, half_life=half_life, custom=custom, worth=True)
        values = pl.Series("value", [worth.get(touch, 0.0) for touch in seen], dtype=pl.Float64)
        table = table.with_columns(values)
    table = table.sort(["credit", "touched", spec.by], descending=[True, True, False])
    return Attribution(
        table=table, settings={**settings, "conversions": total}, asked=asked, paths=_path_table(paths), spec=spec
    )


def _path_table(paths: Sequence[Path]) -> pl.DataFrame:
    people: dict[tuple[str, ...], list[int]] = {}
    for path in paths:
        counted = people.setdefault(path.touches, [0, 0])
        counted[0] += path.people
        counted[1] += path.people if path.converted else 0
    ranked = sorted(people.items(), key=lambda item: (-item[1][0], item[0]))
    return pl.DataFrame(
        {
            "path": [list(path) for path, _ in ranked],
            "people": [counted[0] for _, counted in ranked],
            "converted": [counted[1] for _, counted in ranked],
        },
        schema={"path": pl.List(pl.String), "people": pl.Int64, "converted": pl.Int64},
    ).with_columns(conversion_rate=pl.col("converted") / pl.col("people"))
