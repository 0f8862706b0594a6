"""A night, and the account of what it did and cost."""

from __future__ import annotations

from pydantic import Field

from meta.interval import wilson_interval_of
from meta.records.record import Record


class Night(Record):
    """A night in progress."""

    id: int
    started_at: str
    budget: int
    """Replays that the settings gave it at its start; a resumed night uses the settings it finds."""
    resumed: bool = False
    """Whether it continues after an interruption."""


class Cost(Record):
    """What the model calls of one role or candidate cost.

    `usd` is `None` if the price of any part is unknown; cache tokens are `None` if the service does not report them.
    """

    role: str = ""
    model: str = ""
    calls: int = 0
    tokens: int = 0
    cache_read_tokens: int | None = None
    cache_write_tokens: int | None = None
    usd: float | None = None

    def __str__(self) -> str:
        money = "cost unknown" if self.usd is None else f"${self.usd:.2f}"
        return f"{money}, {self.tokens:,} tokens, {self.calls:,} calls"


class TriedEdit(Record):
    """An edit that the night worked on, and what it has cost, in all nights together."""

    candidate: int
    title: str
    status: str
    why: str
    replays: int
    cost: Cost
    proposal: int | None = None


class PendingDecision(Record):
    """A decision that a person has to make, and the command for it."""

    what: str
    command: str


class Account(Record):
    """What one night did and cost."""

    night: int
    begun: str
    stopped: str = ""
    """Why it ended before its work was done; empty if it did not."""
    do: str = ""
    """What a person can do about it; empty if nothing is known to help."""
    failed: bool = False
    out_of_budget: bool = False
    feedback: dict[str, int] = Field(default_factory=dict)
    causes: tuple[int, int] = (0, 0)
    """Pull requests that the model was asked about, and how many of them now have a cause."""
    admitted: int = 0
    quarantined: int = 0
    replays: int = 0
    void: int = 0
    tried: tuple[TriedEdit, ...] = ()
    merged: tuple[int, ...] = ()
    published: tuple[str, ...] = ()
    promises: tuple[Promise, ...] = ()
    decide: tuple[PendingDecision, ...] = ()
    costs: tuple[Cost, ...] = ()
    cost: Cost = Cost()
    for_each_kept: float | None = None
    """Dollars of the whole night per kept edit; `None` if it kept none or a price is unknown."""
    problems: tuple[str, ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether the night did nothing: no feedback, no replay, no edit."""
        return not (
            self.stopped
            or self.feedback
            or self.causes[0]
            or self.admitted
            or self.quarantined
            or self.replays
            or self.tried
            or self.merged
            or self.published
            or self.problems
        )


class MergeRate(Record):
    """Pull requests merged unchanged, of all that were decided."""

    merged: int
    of: int

    @property
    def rate(self) -> float:
        return self.merged / self.of if self.of else 0.0

    def __str__(self) -> str:
        if not self.of:
            return "none yet"
        low, high = wilson_interval_of(self.rate, self.of)
        return f"{self.rate:.0%} ({low:.0%} to {high:.0%}) of {self.of}"


class Promise(Record):
    """What an accepted proposal promised, and the merge rate before and after it."""

    proposal: int
    title: str
    promised: tuple[float, float] | None
    before: MergeRate
    after: MergeRate
    dropped: bool = False
    branch: str = ""
    """A branch that undoes the change, if the rate dropped."""

    @property
    def words(self) -> str:
        promised = f"replays {self.promised[0]:.0%} -> {self.promised[1]:.0%}; " if self.promised else ""
        drop = f"; IT DROPPED, {self.branch} undoes it" if self.dropped else ""
        return f"{promised}pull requests merged unchanged: {self.before} before, {self.after} since{drop}"
