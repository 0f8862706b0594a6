"""A model whose calls are all in the ledger, by role, replay and candidate."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from meta.gateway.call_budget import CallBudget
from meta.store.calls import PlannedCall
from worker_agent.model import Model, ModelReply, ModelRequest, Price, RequestRejected, worst_case_of


@dataclass(frozen=True)
class CallPurpose:
    """What a call is made for."""

    replay: str | None = None
    candidate: int | None = None


_NOBODY = CallPurpose()
_call_purpose: ContextVar[CallPurpose] = ContextVar("call_purpose", default=_NOBODY)


@contextlib.contextmanager
def call_purpose(replay: str | None = None, candidate: int | None = None) -> Iterator[None]:
    """Attribute calls of this thread in the block to a replay and a candidate."""
    before = _call_purpose.set(CallPurpose(replay, candidate))
    try:
        yield
    finally:
        _call_purpose.reset(before)


@contextlib.contextmanager
def name_conversation(name: str) -> Iterator[None]:
    """Name the conversation of the block, in case the service rejects a request of it."""
    try:
        yield
    except RequestRejected as rejected:
        rejected.conversation = name
        raise


class MeteredModel:
    """Calls `inner` as far as the budget allows.

    `default` is the model of requests that name none.
    """

    def __init__(self, inner: Model, budget: CallBudget, role: str, default: str, prices: dict[str, Price]) -> None:
        self._inner, self._budget, self._role, self._default, self._prices = inner, budget, role, default, prices

    def ask(self, request: ModelRequest) -> ModelReply:
        model, subject = request.model or self._default, _call_purpose.get()
        worst = worst_case_of(request)
        price = self._prices.get(model)
        planned = PlannedCall(
            role=self._role,
            model=model,
            tokens=worst.tokens,
            usd=dearest_price_of(price).cost_of(worst) if price else None,
            night=self._budget.night,
            candidate=subject.candidate,
            replay=subject.replay,
        )
        with name_conversation(f"the model's conversation as {self._role}"), self._budget.call(planned) as call:
            return call.ask(self._inner, request)


def dearest_price_of(price: Price) -> Price:
    """Return the price if all prompt tokens were of the most expensive kind."""
    return price.model_copy(update={"input": max(price.input, price.cache_read, price.cache_write)})
