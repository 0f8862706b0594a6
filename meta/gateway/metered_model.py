"""A model whose every call is in the ledger, under the role of whoever asks and, where there is one, its replay."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass

from meta.gateway.call_budget import CallBudget
from meta.store.calls import PlannedCall
from worker_agent.model import Model, ModelReply, ModelRequest, Price
from worker_agent.records import Usage

TOOL_PROMPT_TOKENS = 1000
"""What a service adds to a prompt of its own accord when there are tools, generously."""


@dataclass(frozen=True)
class CallPurpose:
    """What a call is made for."""

    replay: str | None = None
    candidate: int | None = None


_NOBODY = CallPurpose()
_call_purpose: ContextVar[CallPurpose] = ContextVar("about", default=_NOBODY)


@contextlib.contextmanager
def call_purpose(replay: str | None = None, candidate: int | None = None) -> Iterator[None]:
    """Calls made by this thread inside the block are for this replay and candidate."""
    before = _call_purpose.set(CallPurpose(replay, candidate))
    try:
        yield
    finally:
        _call_purpose.reset(before)


class MeteredModel:
    """Asks `inner`, through the purse. `night` is asked at each call: it begins after the model was made."""

    def __init__(
        self,
        inner: Model,
        purse: Callable[[], CallBudget],
        role: str,
        default: str,
        prices: dict[str, Price],
        night: Callable[[], int | None],
    ) -> None:
        self._inner, self._purse, self._role, self._default = inner, purse, role, default
        self._prices, self._night = prices, night

    def ask(self, request: ModelRequest) -> ModelReply:
        model, subject = request.model or self._default, _call_purpose.get()
        worst = worst_case_of(request)
        price = self._prices.get(model)
        asked = PlannedCall(
            role=self._role,
            model=model,
            tokens=worst.tokens,
            usd=dearest_price_of(price).cost_of(worst) if price else None,
            night=self._night(),
            candidate=subject.candidate,
            replay=subject.replay,
        )
        with self._purse().call(asked) as call:
            return call.ask(self._inner, request)


def worst_case_of(request: ModelRequest) -> Usage:
    """No token is shorter than a byte, and no reply longer than `max_tokens`."""
    sent = json.dumps([request.system, request.messages, request.tools], ensure_ascii=False)
    tokens = len(sent.encode("utf-8", "replace")) + (TOOL_PROMPT_TOKENS if request.tools else 0)
    return Usage(calls=1, input_tokens=tokens, output_tokens=request.max_tokens)


def dearest_price_of(price: Price) -> Price:
    """The price if every token of the prompt were of the dearest kind."""
    return price.model_copy(update={"input": max(price.input, price.cache_read, price.cache_write)})
