"""The Messages API as far as the stand-in speaks it: requests, refused like the API refuses them, and replies.

Shapes after `anthropic.types.MessageCreateParams` and `Message`: no streaming; text, tool_use and tool_result blocks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MODEL = "stand-in"
CHARS_PER_TOKEN = 4


class Refused(Exception):
    """A request that the API would refuse: HTTP status, the API's error type, and why."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message

    def body(self) -> dict[str, Any]:
        return {"type": "error", "error": {"type": self.kind, "message": self.message}, "request_id": None}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Text(_Part):
    type: Literal["text"]
    text: str = Field(min_length=1)
    cache_control: dict[str, Any] | None = None
    citations: list[Any] | None = None


class ToolUse(_Part):
    type: Literal["tool_use"]
    id: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    name: str = Field(min_length=1, max_length=200)
    input: dict[str, Any]
    cache_control: dict[str, Any] | None = None
    caller: Any = None


class ToolResult(_Part):
    type: Literal["tool_result"]
    tool_use_id: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    content: str | list[Text] = ""
    is_error: bool = False
    cache_control: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(block.text for block in self.content)


Block = Annotated[Text | ToolUse | ToolResult, Field(discriminator="type")]


class Message(_Part):
    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)] | Annotated[list[Block], Field(min_length=1)]

    @property
    def blocks(self) -> list[Text | ToolUse | ToolResult]:
        return [Text(type="text", text=self.content)] if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks if isinstance(block, Text))


class Tool(BaseModel):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    description: str = ""
    input_schema: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        found = self.input_schema.get("properties")
        return found if isinstance(found, dict) else {}


class Request(_Part):
    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[Message] = Field(min_length=1)
    system: str | list[Text] = ""
    tools: list[Tool] = Field(default_factory=list)
    tool_choice: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None
    container: Any = None
    inference_geo: Any = None
    metadata: dict[str, Any] | None = None
    output_config: dict[str, Any] | None = None
    service_tier: str | None = None
    stop_sequences: list[str] | None = None
    thinking: dict[str, Any] | None = None
    stream: bool = False

    @property
    def system_text(self) -> str:
        return self.system if isinstance(self.system, str) else "\n".join(block.text for block in self.system)

    @model_validator(mode="after")
    def _is_a_conversation(self) -> Request:
        if self.stream:
            raise ValueError("stream: the stand-in does not stream")
        if len({tool.name for tool in self.tools}) != len(self.tools):
            raise ValueError("tools: Tool names must be unique.")
        if self.messages[0].role != "user":
            raise ValueError("messages: first message must use the user role")
        open_calls: set[str] = set()
        for number, message in enumerate(self.messages):
            results = {b.tool_use_id for b in message.blocks if isinstance(b, ToolResult)}
            if missing := open_calls - results:
                raise ValueError(
                    f"messages.{number}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                    f"{', '.join(sorted(missing))}."
                )
            if strange := results - open_calls:
                raise ValueError(
                    f"messages.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                    f"{', '.join(sorted(strange))}. Each `tool_result` block must have a corresponding "
                    "`tool_use` block in the previous message."
                )
            open_calls = {b.id for b in message.blocks if isinstance(b, ToolUse)}
            if open_calls and message.role == "user":
                raise ValueError(f"messages.{number}: `tool_use` blocks can only be in `assistant` messages")
        if open_calls:
            raise ValueError("messages: the last message has `tool_use` blocks without `tool_result` blocks after it")
        return self


def read_request(body: bytes) -> Request:
    """The request in this body. Raises `Refused`."""
    try:
        return Request.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            words = "Extra inputs are not permitted"
        raise Refused(400, "invalid_request_error", f"{where}: {words}" if where else words) from None
    except (ValueError, RecursionError) as error:
        raise Refused(400, "invalid_request_error", f"The request body is not valid JSON: {error}") from None


@dataclass(frozen=True)
class Answer:
    """What to say, and which tools to call: (id, name, input)."""

    text: str = ""
    calls: Sequence[tuple[str, str, dict[str, Any]]] = ()


def reply(request: Request, answer: Answer) -> dict[str, Any]:
    """The answer as the API writes it, cut at the request's `max_tokens`."""
    text, calls = answer.text, list(answer.calls)
    stop = "tool_use" if calls else "end_turn"
    room = request.max_tokens * CHARS_PER_TOKEN
    if len(text) + sum(len(json.dumps(given)) for _, _, given in calls) > room:
        text, calls, stop = text[:room], [], "max_tokens"
    content: list[dict[str, Any]] = [{"type": "text", "text": text}] if text else []
    content += [{"type": "tool_use", "id": id, "name": name, "input": given} for id, name, given in calls]
    digest = hashlib.sha256(json.dumps([content, len(request.messages)]).encode()).hexdigest()
    return {
        "id": f"msg_standin_{digest[:24]}",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage(request, content),
    }


def usage(request: Request, content: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Tokens, at four characters each. What earlier turns sent under a cache mark is read from the cache."""
    sizes = [sum(_size(block) for block in message.blocks) for message in request.messages]
    before = max((i + 1 for i, message in enumerate(request.messages) if message.role == "assistant"), default=0)
    head = len(request.system_text) + sum(
        len(json.dumps(tool.input_schema) + tool.description) for tool in request.tools
    )
    old = head + sum(sizes[: before - 1]) if before else 0
    new = head + sum(sizes) - old
    marked = any(getattr(block, "cache_control", None) for block in request.messages[-1].blocks)
    return {
        "input_tokens": 0 if marked else _tokens(old + new),
        "cache_read_input_tokens": _tokens(old) if marked else 0,
        "cache_creation_input_tokens": _tokens(new) if marked else 0,
        "output_tokens": max(1, _tokens(sum(len(json.dumps(block)) for block in content))),
    }


def _size(block: Text | ToolUse | ToolResult) -> int:
    return len(json.dumps(block.input)) if isinstance(block, ToolUse) else len(block.text)


def _tokens(characters: int) -> int:
    return -(-characters // CHARS_PER_TOKEN)
