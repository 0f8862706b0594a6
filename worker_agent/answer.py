"""Reads an answer of the model service: its JSON, its content blocks, its counts.

What a model writes may be anything. What is wrong in a block is told to the model, so it must survive the reading; only
an answer that is not a message at all is the service's fault.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from worker_agent.records import Usage

MAX_DEPTH = 64
"""Levels of arrays and objects that are read; what is nested deeper is left out."""
TOO_DEEP = "\0nested too deeply\0"
MAX_COUNT = 10**9
"""A larger count of tokens is none."""

_MAX_DIGITS = 300
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(data: bytes) -> Any:
    """Read JSON of any depth and with any numbers. Raises `ValueError` if it is not JSON.

    What cannot be handed on as JSON to every other program is replaced: halves of surrogate pairs, numbers that no
    double holds, and what is nested deeper than `MAX_DEPTH`.
    """
    text = data.decode("utf-8", "replace")
    if text.count("[") + text.count("{") > MAX_DEPTH:
        text = "".join(_cut_deep_parts(text))
    found = json.loads(text, parse_int=_read_integer, parse_float=_read_float, parse_constant=str)
    return _replace_surrogates(found)


def read_content(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the blocks of an answer. Raises `ValueError` if they are not blocks.

    Calls without an id or a name get one, so that they can be answered.
    """
    content = message.get("content")
    if content is None and isinstance(message.get("stop_reason"), str):
        return []
    if not isinstance(content, list) or not all(
        isinstance(b, dict) and isinstance(b.get("type"), str) for b in content
    ):
        raise ValueError("its content is not a list of blocks")
    return [_complete_block(block, number) for number, block in enumerate(content)]


def read_usage(reported: object) -> Usage | None:
    """Return what a call used; `None` if the service did not say so, or said what cannot be."""
    counts = reported if isinstance(reported, dict) else {}
    sent, received = (_read_count(counts.get(name)) for name in ("input_tokens", "output_tokens"))
    names = ("cache_read_input_tokens", "cache_creation_input_tokens")
    read, written = (_read_count(counts.get(name)) for name in names)
    if sent is None or received is None or any(_read_count(counts.get(name) or 0) is None for name in names):
        return None
    return Usage(calls=1, input_tokens=sent, output_tokens=received, cache_read_tokens=read, cache_write_tokens=written)


def _complete_block(block: dict[str, Any], number: int) -> dict[str, Any]:
    if block["type"] == "text" and not isinstance(block.get("text"), str):
        return {**block, "text": ""}
    if block["type"] == "tool_use":
        name, id_ = block.get("name"), block.get("id")
        if not isinstance(name, str) or not isinstance(id_, str):
            return {
                **block,
                "name": name if isinstance(name, str) else "",
                "id": id_ if isinstance(id_, str) else f"call_{number}",
            }
        if TOO_DEEP in json.dumps(block.get("input"), ensure_ascii=False).replace("\\u0000", "\0"):
            return {**block, "input": None}
    return block


def _read_count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT else None


def _cut_deep_parts(text: str) -> Iterator[str]:
    """Yield the text with a string in place of each part that is nested too deeply."""
    depth, kept = 0, 0
    for token in _STRING_OR_BRACKET.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                yield text[kept : token.start()]
                yield json.dumps(TOO_DEEP)
        elif token[0] in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                kept = token.end()
    yield text[kept:]


def _read_integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MAX_DIGITS else digits


def _read_float(digits: str) -> float | str:
    return number if math.isfinite(number := float(digits)) else digits


def _replace_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value) if _SURROGATE.search(value) else value
    if isinstance(value, list):
        return [_replace_surrogates(each) for each in value]
    if isinstance(value, dict):
        return {_replace_surrogates(key): _replace_surrogates(each) for key, each in value.items()}
    return value
