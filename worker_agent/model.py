"""The model service: any server that speaks the Messages API.

It is reached through the `anthropic` SDK.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Protocol

from pydantic import Field

from worker_agent.records import AgentRecord, Usage

MAX_TOKEN_CHARS, SPARE_CHARS = 128, 100_000
"""An answer with more characters than these for each token that was asked for comes from a broken service."""

_REQUIRED_FIELDS = {"tool_use": ("id", "name"), "text": ("text",)}
"""What a block of each kind must have. A wrong name is the model's mistake; a missing one is the service's."""

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


class ContextTooLong(Exception):
    """The conversation no longer fits the model."""


@dataclass(frozen=True)
class ModelReply:
    """One answer of the model.

    `content` has its blocks as on the wire; `usage` is of this call alone.
    """

    content: list[dict[str, Any]]
    stop_reason: str
    model: str
    usage: Usage
    was_retried: bool = False
    """The service failed before it gave this answer."""

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
        key = os.environ.get(endpoint.key_variable, "")
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
        options: dict[str, Any] = {"tools": _mark_last_tool(request.tools)} if request.tools else {}
        if request.effort:
            options["output_config"] = {"effort": request.effort}
        try:
            response = self._client.messages.with_raw_response.create(
                model=model,
                max_tokens=request.max_tokens,
                system=[{"type": "text", "text": request.system, "cache_control": {"type": "ephemeral"}}],
                messages=_mark_last_block(request.messages),  # type: ignore[arg-type]
                **options,
            )
            answer = response.parse().to_dict(warnings=False)
            return self._reply(answer, model, request.max_tokens, response.retries_taken > 0)
        except (sdk.AuthenticationError, sdk.PermissionDeniedError, sdk.NotFoundError) as error:
            raise ModelMisconfigured(self._explain(error)) from None
        except sdk.APIStatusError as error:
            if error.status_code == 413 or (error.status_code == 400 and "too long" in str(error).lower()):
                raise ContextTooLong(self._explain(error)) from None
            if 400 <= error.status_code < 500 and error.status_code not in (408, 409, 425, 429):
                raise RequestRejected(self._explain(error)) from None
            raise ModelUnavailable(self._explain(error)) from None
        except sdk.APIError as error:
            raise ModelUnavailable(self._explain(error)) from None
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ModelUnavailable(f"{self._service_name} did not answer with a message: {error}") from None

    def _reply(self, message: dict[str, Any], model: str, max_tokens: int, was_retried: bool) -> ModelReply:
        content, usage = message["content"], message["usage"]
        if not isinstance(content, list) or not all(isinstance(b, dict) and "type" in b for b in content):
            raise ValueError("its content is not a list of blocks")
        for block in content:
            if not all(isinstance(block.get(part), str) for part in _REQUIRED_FIELDS.get(str(block["type"]), ())):
                raise ValueError(f"a {block['type']} block without {' and '.join(_REQUIRED_FIELDS[block['type']])}")
        if (size := len(str(content))) > SPARE_CHARS + max_tokens * MAX_TOKEN_CHARS:
            raise ValueError(f"{size:,} characters cannot be {max_tokens:,} tokens")
        used = Usage(
            calls=1,
            input_tokens=int(usage["input_tokens"]),
            output_tokens=int(usage["output_tokens"]),
            cache_read_tokens=usage.get("cache_read_input_tokens"),
            cache_write_tokens=usage.get("cache_creation_input_tokens"),
        )
        answering_model = str(message.get("model") or model)
        price = self.endpoint.prices.get(answering_model) or self.endpoint.prices.get(model)
        if price:
            used = used.model_copy(update={"usd": price.cost_of(used)})
        return ModelReply(content, str(message.get("stop_reason") or ""), answering_model, used, was_retried)

    @property
    def _service_name(self) -> str:
        return self.endpoint.base_url or "the model service"

    def _explain(self, error: Exception) -> str:
        status = getattr(error, "status_code", None)
        message = " ".join(str(error).split())[:300]
        return f"{self._service_name} answered {status}: {message}" if status else f"{self._service_name}: {message}"


def _mark_last_tool(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [*tools[:-1], {**tools[-1], "cache_control": {"type": "ephemeral"}}]


def _mark_last_block(messages: list[ChatMessage]) -> list[ChatMessage]:
    """Mark the end of the conversation.

    The next turn then reads all of it from the cache.
    """
    *before, last = messages
    *blocks, block = last["content"]
    return [*before, {**last, "content": [*blocks, {**block, "cache_control": {"type": "ephemeral"}}]}]
