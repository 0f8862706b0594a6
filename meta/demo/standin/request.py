"""Parses requests of the Messages API, and rejects bad ones as the API does.

Shapes after `anthropic.types.MessageCreateParams`: no streaming; text, tool_use and tool_result blocks.
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class BadRequest(Exception):
    """A request that the API would reject: HTTP status, its error type, and why."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message

    def body(self) -> dict[str, Any]:
        return {"type": "error", "error": {"type": self.kind, "message": self.message}, "request_id": None}


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TextBlock(_Part):
    type: Literal["text"]
    text: str = Field(min_length=1)
    cache_control: dict[str, Any] | None = None
    citations: list[Any] | None = None


class ToolUseBlock(_Part):
    type: Literal["tool_use"]
    id: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    name: str = Field(min_length=1, max_length=200)
    input: dict[str, Any]
    cache_control: dict[str, Any] | None = None
    caller: Any = None


class ToolResultBlock(_Part):
    type: Literal["tool_result"]
    tool_use_id: str = Field(pattern=r"^[a-zA-Z0-9_-]+$")
    content: str | list[TextBlock] = ""
    is_error: bool = False
    cache_control: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else "\n".join(block.text for block in self.content)


RequestBlock = Annotated[TextBlock | ToolUseBlock | ToolResultBlock, Field(discriminator="type")]


class RequestMessage(_Part):
    role: Literal["user", "assistant"]
    content: Annotated[str, Field(min_length=1)] | Annotated[list[RequestBlock], Field(min_length=1)]

    @property
    def blocks(self) -> list[TextBlock | ToolUseBlock | ToolResultBlock]:
        return [TextBlock(type="text", text=self.content)] if isinstance(self.content, str) else self.content

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks if isinstance(block, TextBlock))


class RequestTool(BaseModel):
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,128}$")
    description: str = ""
    input_schema: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        found = self.input_schema.get("properties")
        return found if isinstance(found, dict) else {}


class StandInRequest(_Part):
    model: str = Field(min_length=1)
    max_tokens: int = Field(ge=1)
    messages: list[RequestMessage] = Field(min_length=1)
    system: str | list[TextBlock] = ""
    tools: list[RequestTool] = Field(default_factory=list)
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
    def _is_a_conversation(self) -> StandInRequest:
        if self.stream:
            raise ValueError("stream: the stand-in does not stream")
        if len({tool.name for tool in self.tools}) != len(self.tools):
            raise ValueError("tools: Tool names must be unique.")
        if self.messages[0].role != "user":
            raise ValueError("messages: first message must use the user role")
        open_calls: set[str] = set()
        for number, message in enumerate(self.messages):
            results = {b.tool_use_id for b in message.blocks if isinstance(b, ToolResultBlock)}
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
            open_calls = {b.id for b in message.blocks if isinstance(b, ToolUseBlock)}
            if open_calls and message.role == "user":
                raise ValueError(f"messages.{number}: `tool_use` blocks can only be in `assistant` messages")
        if open_calls:
            raise ValueError("messages: the last message has `tool_use` blocks without `tool_result` blocks after it")
        return self


def strip_line_numbers(shown: str) -> str:
    """Return a file's text from what the tool `read_file` shows of it."""
    return re.sub(r"^ *\d+  ?", "", shown, flags=re.MULTILINE)


def read_request(body: bytes) -> StandInRequest:
    """Parse the request in this body. Raises `BadRequest`."""
    try:
        return StandInRequest.model_validate(json.loads(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        words = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            words = "Extra inputs are not permitted"
        raise BadRequest(400, "invalid_request_error", f"{where}: {words}" if where else words) from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, "invalid_request_error", f"The request body is not valid JSON: {error}") from None
