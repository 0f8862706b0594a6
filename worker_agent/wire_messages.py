"""Makes a conversation fit to be sent: services reject what their own models have written.

A message that needs no change is sent as it is, so that it is read from the cache.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

MAX_NAME_CHARS = 128
_UNSENDABLE = re.compile("[\0\ud800-\udfff]")
_ILLEGAL_IN_NAMES = re.compile(r"[^a-zA-Z0-9_-]")
_MARKABLE = ("text", "tool_use", "tool_result")


def prepare_messages(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages that the service accepts, the end marked for its cache.

    Empty text is left out, names and ids of tool calls are made legal and unique, inputs that are not objects become
    empty ones, and two messages of one side in a row become one.
    """
    prepared: list[dict[str, Any]] = []
    for message in _rename_calls(messages):
        blocks = [block for block in message["content"] if block.get("type") != "text" or block["text"].strip()]
        if prepared and prepared[-1]["role"] == message["role"]:
            prepared[-1] = {**message, "content": [*prepared[-1]["content"], *blocks]}
        elif blocks or not prepared:
            prepared.append({**message, "content": blocks or [{"type": "text", "text": "(nothing)"}]})
    return _mark_end(prepared)


def replace_unsendable(value: Any) -> Any:
    """Replace what not every service can read: NUL, lone surrogates, endless numbers."""
    if isinstance(value, str):
        return _UNSENDABLE.sub("\ufffd", value) if _UNSENDABLE.search(value) else value
    if isinstance(value, list):
        return [replace_unsendable(each) for each in value]
    if isinstance(value, dict):
        return {replace_unsendable(key): replace_unsendable(each) for key, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _rename_calls(messages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the messages with legal tool calls, and with results that name them.

    Several calls may have one id; their results follow in the same order.
    """
    taken: set[str] = set()
    renamed: dict[str, list[str]] = {}
    for message in messages:
        blocks = message["content"]
        if message["role"] == "assistant":
            renamed = {}
            blocks = [_legal_call(b, taken, renamed) if b.get("type") == "tool_use" else b for b in blocks]
        else:
            blocks = [_rename_result(b, renamed) if b.get("type") == "tool_result" else b for b in blocks]
        yield {**message, "content": blocks}


def _legal_call(block: dict[str, Any], taken: set[str], renamed: dict[str, list[str]]) -> dict[str, Any]:
    wanted, number = _legal_name(block["id"]), 1
    id_ = wanted
    while id_ in taken:
        number += 1
        id_ = f"{wanted}_{number}"
    taken.add(id_)
    renamed.setdefault(block["id"], []).append(id_)
    given = block.get("input")
    return {**block, "id": id_, "name": _legal_name(block["name"]), "input": given if isinstance(given, dict) else {}}


def _rename_result(block: dict[str, Any], renamed: dict[str, list[str]]) -> dict[str, Any]:
    waiting = renamed.get(block["tool_use_id"])
    return {**block, "tool_use_id": waiting.pop(0)} if waiting else block


def _legal_name(name: str) -> str:
    return _ILLEGAL_IN_NAMES.sub("_", name)[:MAX_NAME_CHARS] or "_"


def _mark_end(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the end of the conversation, so that the next turn reads all of it from the cache."""
    *before, last = messages
    *blocks, block = last["content"]
    if block.get("type") not in _MARKABLE:
        return messages
    return [*before, {**last, "content": [*blocks, {**block, "cache_control": {"type": "ephemeral"}}]}]
