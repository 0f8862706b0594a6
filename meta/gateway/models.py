"""Hands out models that one budget pays for, and explains the service's errors."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from meta.errors import MetaError, ServiceDown
from meta.gateway.call_budget import CallBudget
from meta.gateway.metered_model import MeteredModel
from meta.settings import Settings
from worker_agent.model import (
    ContextTooLong,
    MessagesModel,
    ModelEndpoint,
    ModelMisconfigured,
    ModelUnavailable,
    RequestRejected,
)

ModelRole = Literal["proposer", "cause", "checks"]
"""What the proposer's model is called for, as the ledger records it. The worker has a separate model."""


class Models:
    """Hands out models whose calls the budget pays for and the ledger records.

    Getting a model makes no call yet. Raises `MetaError` if neither a key nor an endpoint is set.
    """

    def __init__(self, settings: Settings, budget: CallBudget) -> None:
        self.settings, self.budget = settings, budget

    def worker(self) -> MeteredModel:
        """Return the model of the coding agent."""
        return self._metered(self._worker, "worker")

    def proposer(self, role: ModelRole = "proposer") -> MeteredModel:
        """Return the model that writes edits, names causes or drafts checks."""
        return self._metered(self._proposer, role)

    def has_proposer(self) -> bool:
        """Whether the proposer's model is set, so that calling it is worthwhile."""
        try:
            return bool(self._proposer.endpoint.model)
        except MetaError:
            return False

    @cached_property
    def _worker(self) -> MessagesModel:
        return _connect(self.settings.worker_endpoint())

    @cached_property
    def _proposer(self) -> MessagesModel:
        return _connect(self.settings.proposer_endpoint())

    def _metered(self, model: MessagesModel, role: str) -> MeteredModel:
        return MeteredModel(model, self.budget, role, model.endpoint.model, self.settings.prices)


def _connect(endpoint: ModelEndpoint) -> MessagesModel:
    try:
        return MessagesModel(endpoint)
    except ModelMisconfigured as error:
        raise MetaError(
            str(error),
            "`export ANTHROPIC_API_KEY=...`, or set worker.base_url in meta.toml; `meta demo` needs neither",
        ) from None


@contextlib.contextmanager
def explain_service_errors(kept: str = "nothing was lost") -> Iterator[None]:
    """Turn errors of the model service into `MetaError`, outages into `ServiceDown`.

    `kept` tells the person, in the remedy, which work is safe.
    """
    try:
        yield
    except (ModelMisconfigured, ModelUnavailable, ContextTooLong) as error:
        raise explain_service_error(error, kept) from None


def explain_service_error(error: Exception, kept: str = "nothing was lost") -> MetaError:
    """Return an error of the model service as a message with a remedy."""
    if isinstance(error, RequestRejected):
        return MetaError(
            f"the model service rejected a request of {error.conversation or 'a conversation'}: {error}",
            f"see what the service says about it, and check model and base_url; {kept}",
        )
    if isinstance(error, ModelUnavailable):
        return ServiceDown(f"the model service does not answer: {error}", f"run the command again later; {kept}")
    if isinstance(error, ContextTooLong):
        return MetaError(f"the evidence is too long for the model: {error}", "use a model with a larger context")
    return MetaError(f"the model service rejected the request: {error}", f"check key, model and base_url; {kept}")
