"""Renders replies of the Messages API, with their usage."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meta.demo.standin.request import StandInRequest, TextBlock, ToolResultBlock, ToolUseBlock

STAND_IN_MODEL = "stand-in"
CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class StandInAnswer:
    """What to say, and which tools to call: (id, name, input)."""

    text: str = ""
    calls: Sequence[tuple[str, str, dict[str, Any]]] = ()


def render_reply(request: StandInRequest, answer: StandInAnswer) -> dict[str, Any]:
    """Render the answer as the API does, cut at the request's `max_tokens`."""
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
        "model": STAND_IN_MODEL,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "usage": usage_of(request, content),
    }


def usage_of(request: StandInRequest, content: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count tokens, at four characters each.

    What earlier turns sent under a cache mark counts as read from the cache.
    """
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


def _size(block: TextBlock | ToolUseBlock | ToolResultBlock) -> int:
    return len(json.dumps(block.input)) if isinstance(block, ToolUseBlock) else len(block.text)


def _tokens(characters: int) -> int:
    return -(-characters // CHARS_PER_TOKEN)
