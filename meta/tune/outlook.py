"""Forecasts what a night can detect, at what cost, and what would help.

The real gate is simulated in worlds drawn from current beliefs about the tickets. A wrong belief makes the forecast
wrong, and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from meta.gate.gate import MIN_TICKETS_FOR_CLAIM
from meta.gate.gate_record import GateConfig
from meta.gate.power import estimate_power
from meta.gate.presets import preset_of_budget
from meta.records.ticket import Ticket
from meta.settings import Settings
from meta.store.store import Store
from meta.surfaces.versions import Version
from meta.tune.budget import preset_of_settings
from meta.tune.gate_runner import prior_beliefs
from meta.tune.held_out import MAX_DECISIONS, divide_tickets
from meta.tune.levels import AlphaLevels

FORECAST_GAINS = (0.05, 0.10, 0.20)
TEN_POINTS = FORECAST_GAINS[1]
SIMULATIONS = 40
"""Simulated tests of each gain: enough to tell 10 % from 50 % from 90 % in about a second."""

PRICED_REPLAYS = 200
"""How many of the newest replays are averaged for the price of one."""

MIN_POWER = 0.5
"""A gain counts as detectable when a test keeps it at least this often."""

MORE_TICKETS = (20, 30, 60)
MORE_REPLAYS = (200, 500)
"""Budgets at which larger presets begin."""


@dataclass(frozen=True)
class GainChance:
    """How often a test would keep an edit with this gain, and what that costs."""

    gain: float
    power: float
    standard_error: float
    replays: float
    usd: float | None


@dataclass(frozen=True)
class NightOutlook:
    """What a night can detect with today's tickets and budget."""

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
        """The smallest gain that a test keeps at least half of the time."""
        return min((c.gain for c in self.chances if c.power >= MIN_POWER), default=None)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "detectable": self.detectable}


def forecast_night(store: Store, settings: Settings, head: Callable[[], Version], seed: int = 0) -> NightOutlook:
    """Simulate tonight's gate, without spending anything.

    This divides the tickets, as a night would. `head` looks up the version in use; it is only called when there is a
    ticket to test on.
    """
    preset = preset_of_settings(settings.tune)
    search, held_out = divide_tickets(store.tickets)
    tested = held_out[: preset.held_out]
    alpha = AlphaLevels(store.gate_tests, settings.tune).of_next_test(preset.gate.alpha)
    gate = replace(preset.gate, alpha=alpha, parallel=settings.replay.parallel * 2)
    version = head().id if tested else ""
    prior = [prior_beliefs(store.replays, ticket.id, version) for ticket in tested]
    price = store.replays.mean_cost(PRICED_REPLAYS)
    powers = [
        estimate_power(gain, n=len(tested), prior=prior, config=gate, simulations=SIMULATIONS, seed=seed)
        for gain in (FORECAST_GAINS if tested else ())
    ]
    outlook = NightOutlook(
        held_out=len(held_out),
        tested=len(tested),
        alpha=gate.alpha,
        budget=settings.tune.replays,
        chances=tuple(
            GainChance(p.delta, p.power, p.standard_error, p.replays, None if price is None else p.replays * price)
            for p in powers
        ),
        reachable=powers[0].reachable if powers else 0.0,
        themes=dict(Counter(label for ticket in held_out for label in ticket.labels)),
        usd_per_replay=price,
        advice=(),
    )
    if not tested:
        return replace(outlook, advice=("create tickets from a repository's history: `meta tickets mine PATH`",))
    worn = len(store.tickets.worn_out(MAX_DECISIONS))
    advice = [*_advise_on_gain(outlook, prior, gate, seed), *_advise_on_tickets(outlook, search, worn)]
    return replace(outlook, advice=tuple(advice))


def _advise_on_gain(
    outlook: NightOutlook, prior: Sequence[tuple[float, float]], gate: GateConfig, seed: int
) -> list[str]:
    """Say what would make a gain detectable, if none is."""
    if outlook.detectable is not None:
        return []
    if outlook.reachable < TEN_POINTS:
        return ["the agent passes nearly all of these tickets: add tickets that it fails"]
    return _what_would_do(outlook, prior, gate, seed)


def _advise_on_tickets(outlook: NightOutlook, search: Sequence[Ticket], worn: int) -> list[str]:
    """Say what the held-out tickets lack; `worn` of them have served long enough."""
    lines = []
    if outlook.held_out < MIN_TICKETS_FOR_CLAIM:
        missing = MIN_TICKETS_FOR_CLAIM - outlook.held_out
        lines.append(f"add {missing} more tickets to hold some out; until then, a result is about these tickets only")
    elif themes := sorted({label for ticket in search for label in ticket.labels} - set(outlook.themes)):
        lines.append(
            f"no held-out ticket is about {', '.join(themes)}: a gain there cannot be seen; new tickets of that kind "
            "enter as held-out"
        )
    if worn and outlook.held_out >= MIN_TICKETS_FOR_CLAIM:
        lines.append(
            f"{worn} held-out tickets have served {MAX_DECISIONS} decisions or more: add new ones to replace them"
        )
    return lines


def _what_would_do(
    outlook: NightOutlook, prior: Sequence[tuple[float, float]], gate: GateConfig, seed: int
) -> list[str]:
    """Find the least budget or tickets that make a ten-point gain detectable."""
    budgets = [outlook.budget, *(r for r in MORE_REPLAYS if r > outlook.budget)]
    lines = []
    for place, replays in enumerate(budgets):
        config = _with_budget(gate, replays) if place else gate
        sizes = [outlook.tested] * (place > 0) + [
            n for n in MORE_TICKETS if outlook.tested < n <= preset_of_budget(replays).held_out
        ]
        for n in sizes:
            alike = [prior[i % len(prior)] for i in range(n)]
            if (
                estimate_power(
                    TEN_POINTS, n=n, prior=alike, config=config, simulations=SIMULATIONS // 2, seed=seed
                ).power
                >= MIN_POWER
            ):
                wanted = [f"{n} held-out tickets like these {outlook.tested}"] * (n > outlook.tested)
                lines.append(" and ".join([*wanted, *[f"{replays} replays a night"] * (place > 0)]))
                break
    if not lines:
        lines.append(f"even {MORE_TICKETS[-1]} tickets like these would not be enough: add others that the agent fails")
        if gate.alpha < preset_of_budget(outlook.budget).gate.alpha / 10:
            lines.append("the strict tier needs much more evidence than the standard one (tune.tier in meta.toml)")
    return lines


def _with_budget(gate: GateConfig, replays: int) -> GateConfig:
    """Return the gate for another nightly budget, as strict as today's."""
    return replace(preset_of_budget(replays).gate, alpha=gate.alpha, parallel=gate.parallel)
