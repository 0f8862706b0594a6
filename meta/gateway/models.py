"""The models that one budget pays for, and what their service's errors mean to a person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property
from typing import Literal

from meta.errors import MetaError, ServiceDown
from meta.gateway.call_budget import CallBudget
from meta.gateway.metered_model import MeteredModel
from meta.settings import Settings
from worker_agent.model import ContextTooLong, MessagesModel, ModelEndpoint, ModelMisconfigured, ModelUnavailable

ModelRole = Literal["proposer", "cause", "checks"]
"""For whom the proposer's model is asked; the ledger keeps it with each call. The worker has a model of its own."""


class Models:
    """Hands out models whose every call goes into the ledger, as far as the budget allows.

    Making one asks nothing yet. Raises `MetaError` where neither a key nor an endpoint is set.
    """

    def __init__(self, settings: Settings, budget: CallBudget) -> None:
        self.settings, self.budget = settings, budget

    def worker(self) -> MeteredModel:
        """The model of the coding agent."""
        return self._metered(self._worker, "worker")

    def proposer(self, role: ModelRole = "proposer") -> MeteredModel:
        """The model of whoever writes edits, names causes or drafts checks."""
        return self._metered(self._proposer, role)

    def has_proposer(self) -> bool:
        """Whether the proposer's model is set, so that it is worth asking."""
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
    """Turn what the model's service raises into `MetaError`, and an outage into `ServiceDown`.

    `kept` says in the remedy what of the work so far is safe.
    """
    try:
        yield
    except (ModelMisconfigured, ModelUnavailable, ContextTooLong) as error:
        raise explain_service_error(error, kept) from None


def explain_service_error(error: Exception, kept: str = "nothing was lost") -> MetaError:
    """An error of the model's service in words, with what to do."""
    if isinstance(error, ModelUnavailable):
        return ServiceDown(f"the model's service does not answer: {error}", f"start again when it does; {kept}")
    if isinstance(error, ContextTooLong):
        return MetaError(f"the evidence is too long for the model: {error}", "use a model with more context")
    return MetaError(f"the model's service refuses: {error}", f"check key, model and base_url; {kept}")
