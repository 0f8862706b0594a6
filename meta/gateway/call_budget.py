"""Enforces the caps of a night, also while calls run in parallel.

The worst case of every call is set aside before the call.
"""

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
"""Most tokens of a model without a price, if there is a cap on money but none on tokens."""


@dataclass(frozen=True)
class SpendingCaps:
    """The most that a night may spend; `None` means no cap."""

    usd: float | None = None
    tokens: int | None = None


class CallInFlight:
    """A call in flight.

    Unless its user reports how it ended, it has failed and used nothing.
    """

    def __init__(self) -> None:
        self.ended, self.usage = "failed", Usage()
        self.model: str | None = None

    def answered(self, model: str, usage: Usage) -> None:
        self.ended, self.model, self.usage = "answered", model, usage

    def failed(self, words: str) -> None:
        self.ended = words[:300]

    def ask(self, model: Model, request: ModelRequest) -> ModelReply:
        """Make the call and note how it ended; raises what the model raises."""
        try:
            reply = model.ask(request)
        except Exception as error:
            self.failed(f"{type(error).__name__}: {error}")
            raise
        self.answered(reply.model, reply.usage)
        return reply


class CallBudget:
    """Records every call in the ledger and refuses those that might break a cap.

    All threads of a run share it.
    """

    def __init__(self, ledger: CallLedger, caps: SpendingCaps | None = None, night: int | None = None) -> None:
        """Begin with what the night spent before it was interrupted."""
        self._ledger, self.caps, self.night = ledger, caps or SpendingCaps(), night
        self._spent, self._held = Spending() if night is None else ledger.spent(night), Spending()
        self._change = threading.Condition(threading.RLock())
        self._stopped = ""

    def stop(self, why: str) -> None:
        """Refuse all further calls, so that leftover threads of a run stop spending."""
        with self._change:
            self._stopped = why
            self._change.notify_all()

    @property
    def spent(self) -> Spending:
        """What the night has spent, including earlier runs of it."""
        with self._change:
            return self._spent

    @contextlib.contextmanager
    def call(self, planned: PlannedCall) -> Iterator[CallInFlight]:
        """Set the worst case aside, record the call, and settle it afterwards.

        Waits while other calls hold what this one needs. Raises `BudgetSpent` if it can never fit.
        """
        with self._change:
            while not self._hold_if_it_fits(planned):
                self._change.wait()
        number, call = self._begin(planned), CallInFlight()
        try:
            yield call
        finally:
            self.settle(number, planned, [call])

    def reserve(self, planned: PlannedCall) -> int | None:
        """Do as `call`, without waiting.

        Returns the row to settle, or `None` while other calls hold what this one needs.
        """
        with self._change:
            return self._begin(planned) if self._hold_if_it_fits(planned) else None

    def settle(self, number: int, planned: PlannedCall, calls: Sequence[CallInFlight]) -> None:
        """Record how the calls ended that were reserved as one row."""
        with self._change:
            self._held = _sum(self._held, _worst(planned), -1)
            for call in calls:
                self._spent = _sum(self._spent, _used(call, planned))
            self._change.notify_all()
        first, *rest = calls or [CallInFlight()]
        self._ledger.end(number, first.ended, first.model, first.usage)
        for other in rest:
            self._ledger.end(self._ledger.begin(planned), other.ended, other.model, other.usage)

    def forfeit(self, planned: PlannedCall) -> None:
        """Count calls that will never be settled as spent, at their worst case.

        Their row stays open.
        """
        with self._change:
            self._held = _sum(self._held, _worst(planned), -1)
            self._spent = _sum(self._spent, _worst(planned))
            self._change.notify_all()

    def _hold_if_it_fits(self, planned: PlannedCall) -> bool:
        """Hold the worst case if it fits beside what others hold; return whether it did.

        Raises `BudgetSpent` if it can never fit.
        """
        worst = _worst(planned)
        if self._stopped or not self._fits(worst):
            raise BudgetSpent(self._stopped or self._why(worst))
        if not self._fits(worst, self._held):
            return False
        self._held = _sum(self._held, worst)
        return True

    def _begin(self, planned: PlannedCall) -> int:
        try:
            return self._ledger.begin(planned)
        except BaseException:
            with self._change:
                self._held = _sum(self._held, _worst(planned), -1)
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
            return f"${spent.usd:.2f} of ${caps.usd:.2f} is spent, and the next call may cost ${worst.usd:.2f}"
        if caps.tokens is not None:
            return f"{spent.tokens:,} of {caps.tokens:,} tokens are used, and the next call may take {worst.tokens:,}"
        return (
            f"{spent.unpriced_tokens:,} tokens of unknown price are used; a cap on money allows only"
            f" {MAX_UNPRICED_TOKENS:,}: set the model's price in [prices] in meta.toml"
        )


def _used(call: CallInFlight, planned: PlannedCall) -> Spending:
    """Return what a call used; an answer of unknown cost counts as the most that it can have cost."""
    usage = call.usage
    if usage.usd is not None:
        return Spending(usage.usd, usage.tokens, 0, 1)
    most = planned.usd if call.ended == "answered" else None
    return Spending(most or 0.0, usage.tokens, usage.tokens, 1)


def _worst(planned: PlannedCall) -> Spending:
    return Spending(planned.usd or 0.0, planned.tokens, planned.tokens if planned.usd is None else 0, 1)


def _sum(a: Spending, b: Spending, sign: int = 1) -> Spending:
    return replace(
        a,
        usd=max(0.0, a.usd + sign * b.usd),
        tokens=a.tokens + sign * b.tokens,
        unpriced_tokens=a.unpriced_tokens + sign * b.unpriced_tokens,
        calls=a.calls + sign * b.calls,
    )
