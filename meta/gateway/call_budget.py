"""The caps of a night, kept also when calls run side by side: the worst case is set aside before a call is made."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from meta.errors import BudgetSpent
from meta.store.calls import CallLedger, PlannedCall, Spending
from worker_agent.model import Model, ModelReply, ModelRequest
from worker_agent.records import Usage

MAX_UNPRICED_TOKENS = 20_000_000
"""With a cap on money but no price for the model, tokens of unknown price are capped at so many."""


@dataclass(frozen=True)
class SpendingCaps:
    """The most that a night may spend; `None` is no cap of that kind."""

    usd: float | None = None
    tokens: int | None = None


class CallInFlight:
    """A call in flight. Its user says what came of it; without a word it has failed and used nothing."""

    def __init__(self) -> None:
        self.ended, self.usage = "failed", Usage()
        self.model: str | None = None

    def answered(self, model: str, usage: Usage) -> None:
        self.ended, self.model, self.usage = "answered", model, usage

    def failed(self, words: str) -> None:
        self.ended = words[:300]

    def ask(self, model: Model, request: ModelRequest) -> ModelReply:
        """Make the call, and note what came of it. Raises what the model raises."""
        try:
            reply = model.ask(request)
        except Exception as error:
            self.failed(f"{type(error).__name__}: {error}")
            raise
        self.answered(reply.model, reply.usage)
        return reply


class CallBudget:
    """Writes every call into the ledger and refuses those that might break a cap. Shared by all threads of a run."""

    def __init__(self, ledger: CallLedger, caps: SpendingCaps | None = None, night: int | None = None) -> None:
        """What the night has spent before, because it was interrupted, counts against its caps."""
        self._ledger, self.caps, self.night = ledger, caps or SpendingCaps(), night
        self._spent, self._held = Spending() if night is None else ledger.spent(night), Spending()
        self._change = threading.Condition(threading.RLock())
        self._stopped = ""

    def stop(self, why: str) -> None:
        """Refuse every further call: a run that is over must not go on spending from threads that still live."""
        with self._change:
            self._stopped = why
            self._change.notify_all()

    @property
    def spent(self) -> Spending:
        """What this run has spent, and the same night before it."""
        with self._change:
            return self._spent

    @contextlib.contextmanager
    def call(self, asked: PlannedCall) -> Iterator[CallInFlight]:
        """Set the worst case aside, write the call down, and settle it afterwards. Raises `BudgetSpent`.

        While other calls hold what this one would need, it waits for what they leave.
        """
        with self._change:
            while not self._room(asked):
                self._change.wait()
        number, call = self._begin(asked), CallInFlight()
        try:
            yield call
        finally:
            self.settle(number, asked, [call])

    def reserve(self, asked: PlannedCall) -> int | None:
        """As `call`, for who cannot wait: the row to settle, or `None` while others hold what this would need."""
        with self._change:
            return self._begin(asked) if self._room(asked) else None

    def settle(self, number: int, asked: PlannedCall, calls: Sequence[CallInFlight]) -> None:
        """Write down what came of the calls that were asked for under one row."""
        used = [c.usage for c in calls]
        with self._change:
            self._held = _sum(self._held, _worst(asked), -1)
            for u in used:
                self._spent = _sum(self._spent, Spending(u.usd or 0.0, u.tokens, u.tokens if u.usd is None else 0, 1))
            self._change.notify_all()
        first, *rest = calls or [CallInFlight()]
        self._ledger.end(number, first.ended, first.model, first.usage)
        for other in rest:
            self._ledger.end(self._ledger.begin(asked), other.ended, other.model, other.usage)

    def forfeit(self, asked: PlannedCall) -> None:
        """Give back what is held for calls whose end nobody will hear of; their row stays open, at its worst case."""
        with self._change:
            self._held = _sum(self._held, _worst(asked), -1)
            self._spent = _sum(self._spent, _worst(asked))
            self._change.notify_all()

    def _room(self, asked: PlannedCall) -> bool:
        """Whether this fits beside what is held, and if so holds it. Raises `BudgetSpent` when it never will."""
        worst = _worst(asked)
        if self._stopped or not self._fits(worst):
            raise BudgetSpent(self._stopped or self._why(worst))
        if not self._fits(worst, self._held):
            return False
        self._held = _sum(self._held, worst)
        return True

    def _begin(self, asked: PlannedCall) -> int:
        try:
            return self._ledger.begin(asked)
        except BaseException:
            with self._change:
                self._held = _sum(self._held, _worst(asked), -1)
            raise

    def _fits(self, worst: Spending, held: Spending | None = None) -> bool:
        total = _sum(_sum(self._spent, worst), held or Spending())
        caps = self.caps
        return (
            (caps.tokens is None or total.tokens <= caps.tokens)
            and (caps.usd is None or total.usd <= caps.usd)
            and (caps.usd is None or caps.tokens is not None or total.unpriced_tokens <= MAX_UNPRICED_TOKENS)
        )

    def _why(self, worst: Spending) -> str:
        caps, spent = self.caps, self._spent
        if caps.usd is not None and spent.usd + worst.usd > caps.usd:
            return f"${spent.usd:.2f} of ${caps.usd:.2f} are spent, and the next call may cost ${worst.usd:.2f}"
        if caps.tokens is not None:
            return f"{spent.tokens:,} of {caps.tokens:,} tokens are used, and the next call may take {worst.tokens:,}"
        return (
            f"{spent.unpriced_tokens:,} tokens of unknown price are used, and no more than {MAX_UNPRICED_TOKENS:,} may "
            "be "
            "where money is capped: set the model's price in [prices] of meta.toml"
        )


def _worst(asked: PlannedCall) -> Spending:
    return Spending(asked.usd or 0.0, asked.tokens, asked.tokens if asked.usd is None else 0, 1)


def _sum(a: Spending, b: Spending, sign: int = 1) -> Spending:
    return replace(
        a,
        usd=max(0.0, a.usd + sign * b.usd),
        tokens=a.tokens + sign * b.tokens,
        unpriced_tokens=a.unpriced_tokens + sign * b.unpriced_tokens,
        calls=a.calls + sign * b.calls,
    )
