"""The model service: any server that speaks the Messages API.

It is reached through the `anthropic` SDK.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from pydantic import Field

from safeguards.known_secrets import remember_address, remember_secret
from safeguards.masking import mask_secrets
from worker_agent.answer import read_content, read_json, read_usage
from worker_agent.context_limit import says_too_long
from worker_agent.records import AgentRecord, Usage
from worker_agent.wire_messages import prepare_messages, replace_unsendable

MAX_TOKEN_CHARS, SPARE_CHARS = 128, 100_000
"""An answer with more characters than these for each token that was asked for comes from a broken service."""

TOOL_PROMPT_TOKENS = 1000
"""Tokens that a service adds to a prompt with tools; a generous estimate."""

ChatMessage = dict[str, Any]
"""`{"role": "user"|"assistant", "content": [block, ...]}` as on the wire."""


class Price(AgentRecord):
    """US dollars per million tokens."""

    input: float = Field(description="tokens sent")
    output: float = Field(description="tokens received")
    cache_read: float = Field(0.0, description="tokens read from the cache")
    cache_write: float = Field(0.0, description="tokens written to the cache")

    def cost_of(self, usage: Usage) -> float:
        """Return what these tokens cost, in US dollars."""
        return (
            usage.input_tokens * self.input
            + usage.output_tokens * self.output
            + (usage.cache_read_tokens or 0) * self.cache_read
            + (usage.cache_write_tokens or 0) * self.cache_write
        ) / 1e6


class ModelUnavailable(Exception):
    """The service gave no usable answer, not even after retries.

    Nobody here is at fault, so a replay is void.
    """


class ModelMisconfigured(Exception):
    """The service will not answer with these settings (key, model, endpoint).

    Going on would be pointless.
    """


class RequestRejected(ModelMisconfigured):
    """The service rejected one request as invalid, such as a message in it.

    `conversation` says whose request it was, as far as somebody has filled it in.
    """

    conversation = ""


class ConversationRejected(Exception):
    """The service rejects this conversation, but answers others with the same settings."""


class ContextTooLong(Exception):
    """The conversation no longer fits the model."""


@dataclass(frozen=True)
class ModelReply:
    """One answer of the model.

    `content` has its blocks as on the wire. `usage` is of this call alone; if the service did not report it, it is the
    most that the call can have used, and has no cost.
    """

    content: list[dict[str, Any]]
    stop_reason: str
    model: str
    usage: Usage
    was_retried: bool = False
    """The service failed before it gave this answer."""

    @property
    def is_cut_off(self) -> bool:
        """Whether it reached `max_tokens`, so that its end is missing."""
        return self.stop_reason in ("max_tokens", "length")

    @property
    def is_refusal(self) -> bool:
        """Whether the model declined to answer."""
        return self.stop_reason in ("refusal", "content_filter", "sensitive")

    @property
    def fills_context(self) -> bool:
        """Whether it broke off because the conversation filled the model's context."""
        return self.stop_reason == "model_context_window_exceeded"

    @property
    def is_paused(self) -> bool:
        """Whether the service wants to be asked again, to go on where it stopped."""
        return self.stop_reason == "pause_turn"

    @property
    def text(self) -> str:
        return "\n".join(b["text"] for b in self.content if b.get("type") == "text").strip()

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        return [b for b in self.content if b.get("type") == "tool_use"]


@dataclass(frozen=True)
class ModelRequest:
    """One question to the model."""

    system: str
    messages: list[ChatMessage]
    tools: list[dict[str, Any]] = field(default_factory=list)
    max_tokens: int = 8192
    model: str = ""
    effort: str = ""


class Model(Protocol):
    """Answers requests.

    Raises `ModelUnavailable`, `ModelMisconfigured` or `ContextTooLong`.
    """

    def ask(self, request: ModelRequest) -> ModelReply: ...


@dataclass(frozen=True)
class ModelEndpoint:
    """Where the service is, and how to call it.

    An empty `base_url` means Anthropic's own. The key is read from the environment only.
    """

    model: str
    base_url: str = ""
    key_variable: str = "ANTHROPIC_API_KEY"
    timeout_seconds: float = 600.0
    retries: int = 4
    prices: dict[str, Price] = field(default_factory=dict)


class MessagesModel:
    """A model behind a server that speaks the Messages API.

    Thread-safe: one client serves all replays of a process.
    """

    def __init__(self, endpoint: ModelEndpoint) -> None:
        self.endpoint = endpoint
        key = remember_secret(os.environ.get(endpoint.key_variable, ""))
        remember_address(endpoint.base_url)
        if not key and not endpoint.base_url:
            raise ModelMisconfigured(
                f"no key and no endpoint: set {endpoint.key_variable}, or set base_url (a local server needs no key)"
            )
        import anthropic  # slow to import, so only when a model is used

        self._anthropic = anthropic
        self._client = anthropic.Anthropic(
            api_key=key or "none",
            base_url=endpoint.base_url or None,
            timeout=endpoint.timeout_seconds,
            max_retries=endpoint.retries,
        )

    def ask(self, request: ModelRequest) -> ModelReply:
        sdk = self._anthropic
        model = request.model or self.endpoint.model
        if not model:
            raise ModelMisconfigured("no model is set: set `model` in meta.toml or agent.toml, or pass --model")
        try:
            response = self._client.messages.with_raw_response.create(**_request_body(request, model))
            return self._reply(read_json(response.read()), request, model, response.retries_taken > 0)
        except (sdk.AuthenticationError, sdk.PermissionDeniedError, sdk.NotFoundError) as error:
            raise ModelMisconfigured(self._explain(error)) from None
        except sdk.APIStatusError as error:
            if error.status_code == 413 or (error.status_code in _WORDED_STATUS and says_too_long(str(error))):
                raise ContextTooLong(self._explain(error)) from None
            if 400 <= error.status_code < 500 and error.status_code not in (408, 409, 425, 429):
                raise RequestRejected(self._explain(error)) from None
            raise ModelUnavailable(self._explain(error)) from None
        except sdk.APIError as error:
            raise ModelUnavailable(self._explain(error)) from None
        except ValueError as error:
            raise ModelUnavailable(f"{self._service_name} did not answer with a message: {error}") from None

    def _reply(self, message: Any, request: ModelRequest, model: str, was_retried: bool) -> ModelReply:
        if not isinstance(message, dict):
            raise ValueError("it is not a JSON object")
        if isinstance(error := message.get("error"), dict) and says_too_long(str(error)):
            raise ContextTooLong(mask_secrets(f"{self._service_name}: {error.get('message')}")[:300])
        content = read_content(message)
        if (size := len(str(content))) > SPARE_CHARS + request.max_tokens * MAX_TOKEN_CHARS:
            raise ValueError(f"{size:,} characters cannot be {request.max_tokens:,} tokens")
        used = read_usage(message.get("usage"))
        answering_model = str(message.get("model") or model)[:200]
        price = self.endpoint.prices.get(answering_model) or self.endpoint.prices.get(model)
        if used and price:
            used = used.model_copy(update={"usd": price.cost_of(used)})
        stop_reason = str(message.get("stop_reason") or "")[:100]
        return ModelReply(content, stop_reason, answering_model, used or worst_case_of(request), was_retried)

    @property
    def _service_name(self) -> str:
        return self.endpoint.base_url or "the model service"

    def _explain(self, error: Exception) -> str:
        status = getattr(error, "status_code", None)
        message = mask_secrets(" ".join(str(error).split()))[:300]
        return f"{self._service_name} answered {status}: {message}" if status else f"{self._service_name}: {message}"


def ask_in_conversation(model: Model, request: ModelRequest, was_answered: bool = False) -> ModelReply:
    """Ask, and tell a conversation that is rejected from wrong settings.

    `was_answered` says that the service has answered earlier in this conversation. Where it rejects a request and then
    answers a plain question, the settings are right and something in the request is wrong: raises
    `ConversationRejected`. Raises what the model raises otherwise.
    """
    try:
        return model.ask(request)
    except ModelMisconfigured as error:
        if not (was_answered and isinstance(error, RequestRejected)):
            try:
                model.ask(replace(PLAIN_QUESTION, model=request.model))
            except (ModelMisconfigured, ContextTooLong):
                raise error from None
        raise ConversationRejected(str(error)) from None


PLAIN_QUESTION = ModelRequest(
    system="Answer in one word.",
    messages=[{"role": "user", "content": [{"type": "text", "text": "Say yes."}]}],
    max_tokens=64,
)


def worst_case_of(request: ModelRequest) -> Usage:
    """Return the most that a request can use.

    No token is shorter than a byte, and no reply longer than `max_tokens`.
    """
    sent = json.dumps([request.system, request.messages, request.tools], ensure_ascii=False)
    tokens = len(sent.encode("utf-8", "replace")) + (TOOL_PROMPT_TOKENS if request.tools else 0)
    return Usage(calls=1, input_tokens=tokens, output_tokens=request.max_tokens)


_WORDED_STATUS = (400, 422, 500)
"""Statuses with which services say, in words, that a conversation is too long for the model."""


def _request_body(request: ModelRequest, model: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": request.max_tokens,
        "messages": prepare_messages(request.messages),
    }
    if request.system.strip():
        body["system"] = [{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}]
    if request.tools:
        body["tools"] = [*request.tools[:-1], {**request.tools[-1], "cache_control": {"type": "ephemeral"}}]
    if request.effort:
        body["output_config"] = {"effort": request.effort}
    found: dict[str, Any] = replace_unsendable(body)
    return found
