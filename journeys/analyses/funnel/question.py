"""The way of the question: check the words, count the shards, put the answer together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from journeys.analyses.funnel.ask import build_spec
from journeys.analyses.funnel.count import count
from journeys.analyses.funnel.presets import PRESETS
from journeys.analyses.funnel.result import Funnel
from journeys.analyses.funnel.spec import FunnelSpec
from journeys.analyses.funnel.summarise import summarise
from journeys.analyses.protocol import JourneysProtocol
from journeys.analyses.result import settings_of
from journeys.errors import raise_all

__all__ = ["answer", "ask"]


def ask(journeys: JourneysProtocol, steps: Any, *, against: JourneysProtocol | None = None, **options: Any) -> Funnel:
    """Answer `Journeys.funnel`."""
    log = journeys._log
    spec = build_spec(
        steps,
        names=log.names,
        columns=log.schema.names(),
        people_columns=log.people_schema.names(),
        **options,
    )
    kinds = {**log.people_schema, **log.schema}
    nested = [name for name in spec.by_columns if kinds[name].is_nested() or kinds[name] == pl.Binary]
    raise_all(
        [
            f"by: column {name!r} holds {kinds[name]}, which makes no groups; turn it into text or a number first."
            for name in nested
        ]
    )
    funnel = answer(journeys, spec, said=_said(spec, options))
    return funnel if against is None else replace(funnel, against=answer(against, spec, said=_said(spec, options)))


def answer(journeys: JourneysProtocol, spec: FunnelSpec, *, said: dict[str, Any]) -> Funnel:
    """Count and summarise a funnel whose every choice is made."""
    counts = journeys._count_shards(count, spec)
    settings = settings_of(journeys, steps=" → ".join(one.name for one in spec.steps), **said)
    return Funnel(summarise(counts, spec=spec), settings, journeys, spec, counts)


def _said(spec: FunnelSpec, options: dict[str, Any]) -> dict[str, Any]:
    """Keep what was chosen, by the analyst or by a preset, and the window always."""
    usual = {"order": "loose", "count": "people", "by_at": "first", "top": 25, "entry": "first", "gap": "30m"}
    usual |= {"time_zone": "UTC", "campaign_cuts": False}
    chosen = {**PRESETS.get(options.get("semantics") or "", {}), **{k: v for k, v in options.items() if v is not None}}
    said = {name: value for name, value in chosen.items() if usual.get(name) != value and name != "exclude"}
    if spec.exclude:
        said["exclude"] = ", ".join(one.step.name for one in spec.exclude)
    return {"within": options.get("within"), **said}
