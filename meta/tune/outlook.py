"""Before a night spends: what today's tickets and budget can show, how likely, at what cost; and what would help.

The real gate is simulated on worlds drawn from what is believed of today's tickets. A wrong belief makes the forecast
wrong and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from meta.app import Context
from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.gate.gate_record import GateConfig
from meta.gate.power import estimate_power
from meta.gate.presets import preset_of_budget
from meta.records.ticket import Ticket
from meta.tune.held_out import MAX_DECISIONS, divide_tickets
from meta.tune.levels import next_level_of
from meta.tune.trial import prior_beliefs

FORECAST_GAINS = (0.05, 0.10, 0.20)
TEN_POINTS = FORECAST_GAINS[1]
SIMULATIONS = 40
"""Tests of each gain: enough to tell a tenth from a half from nine tenths, in about a second."""

PRICED_REPLAYS = 200
"""A replay is expected to cost what the newest so many with a known price did."""

MIN_POWER = 0.5
"""A gain is called detectable when a test keeps it at least that often."""

MORE_TICKETS = (20, 30, 60)
MORE_REPLAYS = (200, 500)
"""Budgets that other presets begin with."""


@dataclass(frozen=True)
class GainChance:
    """A gain in one-shot success: how often a test would keep it, and what the test takes."""

    gain: float
    power: float
    standard_error: float
    replays: float
    usd: float | None


@dataclass(frozen=True)
class NightOutlook:
    """What a night can show with today's tickets and budget."""

    held_out: int
    tested: int
    """Tickets in one test."""
    alpha: float
    budget: int
    chances: tuple[GainChance, ...]
    reachable: float
    """The largest gain that these tickets leave room for."""
    themes: dict[str, int]
    """Held-out tickets of each theme."""
    usd_per_replay: float | None
    advice: tuple[str, ...]

    @property
    def detectable(self) -> float | None:
        """The smallest of the gains that a test keeps at least half of the time."""
        return min((c.gain for c in self.chances if c.power >= MIN_POWER), default=None)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "detectable": self.detectable}


def forecast_night(context: Context, seed: int = 0) -> NightOutlook:
    """Simulate tonight's gate. Divides the tickets as a night would, and spends nothing."""
    from meta.tune.budget import preset_of_settings

    store, plan = context.store, preset_of_settings(context)
    search, held_out = divide_tickets(store)
    tested = list(held_out)[: plan.held_out]
    gate = replace(
        plan.gate, alpha=next_level_of(context, plan.gate.alpha), parallel=context.settings.replay.parallel * 2
    )
    version = context.versions.head().id if tested else ""
    stale = [prior_beliefs(store, t.id, version) for t in tested]
    price = store.replays.mean_cost(PRICED_REPLAYS)
    found = (
        [
            estimate_power(gain, n=len(tested), stale=stale, config=gate, simulations=SIMULATIONS, seed=seed)
            for gain in FORECAST_GAINS
        ]
        if tested
        else []
    )
    chances = tuple(
        GainChance(p.delta, p.power, p.standard_error, p.replays, None if price is None else p.replays * price)
        for p in found
    )
    made = NightOutlook(
        held_out=len(held_out),
        tested=len(tested),
        alpha=gate.alpha,
        budget=context.settings.tune.replays,
        chances=chances,
        reachable=found[0].reachable if found else 0.0,
        themes=dict(Counter(label for t in held_out for label in t.labels)),
        usd_per_replay=price,
        advice=(),
    )
    return replace(made, advice=tuple(_advice(context, made, search, stale, gate, seed)))


def _advice(
    context: Context,
    found: NightOutlook,
    search: Sequence[Ticket],
    stale: Sequence[tuple[float, float]],
    gate: GateConfig,
    seed: int,
) -> list[str]:
    lines = []
    if not found.tested:
        return ["`meta tickets mine PATH` makes tickets from a repository's history"]
    if found.detectable is None:
        if found.reachable < TEN_POINTS:
            lines.append("the agent passes nearly all of these tickets: add tickets that it fails")
        else:
            lines += _what_would_do(found, stale, gate, seed)
    if found.held_out < MIN_TICKETS_FOR_CLAIM:
        lines.append(
            f"with {MIN_TICKETS_FOR_CLAIM - found.held_out} more tickets some can be held out; until then a result is "
            "about "
            "these tickets only"
        )
    elif missing := sorted({label for t in search for label in t.labels} - set(found.themes)):
        lines.append(
            f"no held-out ticket is about {', '.join(missing)}: a gain there cannot be seen; new tickets of that kind "
            "enter as held-out"
        )
    worn = len(context.store.tickets.worn_out(MAX_DECISIONS))
    if worn and found.held_out >= MIN_TICKETS_FOR_CLAIM:
        lines.append(
            f"{worn} held-out tickets have served {MAX_DECISIONS} decisions or more: add new ones to take their place"
        )
    return lines


def _what_would_do(found: NightOutlook, stale: Sequence[tuple[float, float]], gate: GateConfig, seed: int) -> list[str]:
    """The least changes with which a gain of ten points would be kept half of the time: budget, tickets, or both."""
    budgets = [found.budget, *(r for r in MORE_REPLAYS if r > found.budget)]
    lines = []
    for place, replays in enumerate(budgets):
        config = _with_budget(gate, replays) if place else gate
        sizes = [found.tested] * (place > 0) + [
            n for n in MORE_TICKETS if found.tested < n <= preset_of_budget(replays).held_out
        ]
        for n in sizes:
            alike = [stale[i % len(stale)] for i in range(n)]
            if (
                estimate_power(
                    TEN_POINTS, n=n, stale=alike, config=config, simulations=SIMULATIONS // 2, seed=seed
                ).power
                >= MIN_POWER
            ):
                wanted = [f"{n} held-out tickets like these {found.tested}"] * (n > found.tested)
                lines.append(" and ".join([*wanted, *[f"{replays} replays a night"] * (place > 0)]))
                break
    if not lines:
        lines.append(f"{MORE_TICKETS[-1]} tickets like these would not do: add others that the agent fails")
        if gate.alpha < preset_of_budget(found.budget).gate.alpha / 10:
            lines.append("the strict tier asks for much more evidence than the standard one (tune.tier in meta.toml)")
    return lines


def _with_budget(gate: GateConfig, replays: int) -> GateConfig:
    """The gate of another nightly budget, as sure as today's."""
    return replace(preset_of_budget(replays).gate, alpha=gate.alpha, parallel=gate.parallel)
