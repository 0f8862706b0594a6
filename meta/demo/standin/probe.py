"""Answers all other callers, such as one who tests whether tools work."""

from __future__ import annotations

import re
from typing import Any

from meta.demo.standin.luck import Luck
from meta.demo.standin.reply import StandInAnswer
from meta.demo.standin.request import RequestTool, StandInRequest, ToolResultBlock


def answer_probe(request: StandInRequest, luck: Luck) -> StandInAnswer:
    """Call the first tool once with words of the message, then say what came back."""
    results = [block.text for block in request.messages[-1].blocks if isinstance(block, ToolResultBlock)]
    if results:
        return StandInAnswer("The tool answered: " + "; ".join(results))
    if request.tools and not any(m.role == "assistant" for m in request.messages):
        forced = (request.tool_choice or {}).get("name")
        tool = next((tool for tool in request.tools if tool.name == forced), request.tools[0])
        return StandInAnswer("", [(luck.call_id("try", 0), tool.name, _arguments(tool, request.messages[0].text))])
    return StandInAnswer("I am the stand-in of the demo: I only know the demo's own tickets.")


def _arguments(tool: RequestTool, message: str) -> dict[str, Any]:
    quoted = re.findall(r"[`\"“']([^`\"”']{1,200})[`\"”']", message)
    word = quoted[-1] if quoted else (message.split() or ["hello"])[-1].strip(".!?")
    values: dict[str, Any] = {"string": word, "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}
    needed = tool.input_schema.get("required")
    names = needed if isinstance(needed, list) else []
    return {name: _value(tool.parameters.get(name), values) for name in names}


def _value(schema: Any, values: dict[str, Any]) -> Any:
    if not isinstance(schema, dict):
        return values["string"]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    return values.get(str(schema.get("type")), values["string"])
