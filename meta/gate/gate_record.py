"""The gate's records: settings, requests, bets, passes, the decision.

A whole test can be written as JSON.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

Arm: TypeAlias = Literal["candidate", "incumbent"]
Ending: TypeAlias = Literal["kept", "no lift", "unlikely", "hopeless", "budget", "stopped"]


VOID_OUTCOMES: dict[Arm, float] = {"candidate": 0.0, "incumbent": 1.0}
"""What a void replay counts as: a failure of the candidate, a success of the incumbent."""


class GateRequest(NamedTuple):
    """One replay to run: which version, on which held-out ticket (0 .. n-1)."""

    arm: Arm
    ticket: int


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Settings of one test.

    `alpha` is the promise; everything else only affects how many replays the test takes.
    """

    alpha: float = 0.1
    """Largest chance of keeping a candidate that is not better."""
    budget: int = 800
    """Most replays that one test may use as evidence, including those from the pool."""
    k: int = 2
    """Incumbent runs in a pass on each ticket whose outcome is uncertain; one on others."""
    stop: float = 0.1
    """Give up when P(delta > small_gain) falls below this, or below 3/4 of its initial value if that is less."""
    small_gain: float = 0.01
    """A gain not worth looking for."""
    trust_themes: bool = True
    """Give up as soon as the named tickets show no lift, if each has at least one earlier run."""
    no_lift: float = -2.5
    """Log-odds of a lift on the named tickets below which this happens, once all of them have run."""
    no_lift_early: float = -4.0
    """The same before all of them have run: an early dip often recovers."""
    hopeless: float = 0.1
    """Give up between passes when the chance of keeping the candidate within the budget falls below this."""
    first_looks: int = 12
    """Candidate runs on all named tickets together in the first pass ..."""
    most_looks: int = 4
    """... and the most on any one of them."""
    min_stake: float = 0.35
    max_stake: float = 0.8
    least_gain_candidate: float = 0.012
    """A candidate run is skipped if its planned gain, in nats, is less than this."""
    least_gain_incumbent: float = 0.006
    """The same for an incumbent run, whose cost the other candidates share."""
    uncertain: tuple[float, float] = (0.12, 0.88)
    """A ticket is uncertain if its believed success lies between these."""
    retries: int = 2
    """How often a void replay was requested again before it was skipped, in tests from before it counted.

    Since then it has no effect: see `GateRecord.old_answers`.
    """
    parallel: int = 1
    """Most replays requested at once. All bets of a batch are fixed before any of its outcomes is known."""

    def __post_init__(self) -> None:
        if not 0.0 < self.alpha < 1.0:
            raise ValueError(f"alpha must lie between 0 and 1, not {self.alpha}")
        if not 0.0 <= self.stop < 1.0:
            raise ValueError(f"stop must lie between 0 and 1, not {self.stop}")
        if not 0.0 < self.min_stake <= self.max_stake <= 5.0:
            raise ValueError("stakes must lie between 0 and 5, and min_stake must not exceed max_stake")
        for name in ("budget", "k", "parallel", "most_looks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Bet:
    """One bet on one replay; all but the outcome was fixed before the replay ran."""

    arm: Arm
    ticket: int
    stake: float
    """Size of the stake, lam * w_i / k_i; its sign in the factor is + for the candidate, - for the incumbent."""
    belief: float
    """The believed chance of passing."""
    u: float
    outcome: float | None
    """1 passed, 0 failed; None only in old records: void, and skipped."""
    log_factor: float
    void: bool = False
    """Whether the replay was void, so that `outcome` is what `VOID_OUTCOMES` says."""


@dataclass(slots=True)
class PassRecord:
    """One pass over the held-out tickets, at a stake that was fixed before it."""

    stake: float
    bets: list[Bet] = field(default_factory=list)
    log_value: float = 0.0
    """log V, with the worst case for every run that was skipped or is still to come."""


@dataclass(frozen=True, slots=True)
class GateDecision:
    """How a test ended."""

    accept: bool
    log_e: float
    """Natural logarithm of the evidence W; the candidate is kept when it reaches log(1 / alpha)."""
    why: str
    ended: Ending
    replays: int
    """Replays used as evidence, including those from the pool."""
    scope: str
    """What the claim covers: future tickets, or these tickets only if there are fewer than 12."""
    voids: dict[str, int]
    """Void replays in each arm."""


@dataclass(frozen=True, slots=True)
class GateRecord:
    """Everything needed to recompute a decision; see `meta.gate.recomputation`."""

    config: GateConfig
    weights: tuple[float, ...]
    stale: tuple[tuple[float, float], ...]
    """The prior beliefs, Beta(a, b) for each ticket, under their name in the JSON."""
    theme: tuple[int, ...]
    passes: tuple[PassRecord, ...]
    answers: tuple[tuple[float | None, ...], ...]
    """Outcomes, batch by batch, None for a void replay; telling them to a new gate leads to the same state."""
    decision: GateDecision | None
    stopped: str | None = None
    """The reason, if the test was ended from outside."""
    old_answers: int = 0
    """How many of the first `answers` are older than the rule that a void replay counts.

    In those it was requested again, `config.retries` times, and then skipped.
    """

    def to_json(self) -> dict[str, Any]:
        """Return plain dictionaries, lists and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> GateRecord:
        config = dict(data["config"])
        config["uncertain"] = tuple(config["uncertain"])
        return cls(
            config=GateConfig(**config),
            weights=tuple(data["weights"]),
            stale=tuple((a, b) for a, b in data["stale"]),
            theme=tuple(data["theme"]),
            passes=tuple(
                PassRecord(p["stake"], [Bet(**bet) for bet in p["bets"]], p["log_value"]) for p in data["passes"]
            ),
            answers=tuple(tuple(batch) for batch in data["answers"]),
            decision=GateDecision(**data["decision"]) if data["decision"] else None,
            stopped=data.get("stopped"),
            old_answers=data.get("old_answers", len(data["answers"])),
        )
